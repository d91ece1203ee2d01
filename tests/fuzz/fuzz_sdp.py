"""Fuzz target of the SDP parser and of every typed reader: `SdpSyntaxError` is the only way to refuse.

`python -m tests.fuzz.fuzz_sdp [SECONDS]` mutates the descriptions in tests/data/sdp; with atheris installed,
coverage guides.
"""

import contextlib
import random
import sys
import time
from pathlib import Path

from rtcpeer.errors import SdpSyntaxError
from rtcpeer.sdp import media, parse, serialize, transport

SEEDS = Path(__file__).parents[1] / "data" / "sdp"

OF_SECTION = (
    transport.mid, transport.candidates, transport.sctp_port, transport.sctp_map, transport.max_message_size,
    media.rtp_maps, media.format_parameters, media.feedback, media.header_extensions, media.sources,
    media.source_groups, media.media_stream_ids, media.rids, media.simulcast,
)  # fmt: skip
INHERITED = (
    transport.ice_username_fragment, transport.ice_password, transport.ice_options, transport.fingerprints,
    transport.setup, transport.direction, transport.has_end_of_candidates,
)  # fmt: skip


def read_everything(text: str) -> None:
    """Parse, compare with what is written, and call every reader."""
    description = parse(text)
    assert parse(serialize(description)) == description
    with contextlib.suppress(SdpSyntaxError):
        transport.bundle_groups(description)
    for section in description.media:
        for read_section in OF_SECTION:
            with contextlib.suppress(SdpSyntaxError):
                read_section(section)
        for read_inherited in INHERITED:
            with contextlib.suppress(SdpSyntaxError):
                read_inherited(description, section)


def target(data: bytes) -> None:
    """One input of the fuzzer."""
    with contextlib.suppress(SdpSyntaxError):
        read_everything(data.decode("utf-8", "replace"))


def main(seconds: float) -> None:
    """Mutate the seeds for that long."""
    seeds = [path.read_bytes() for path in sorted(SEEDS.glob("*.sdp"))]
    generator = random.Random()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = bytearray(generator.choice(seeds))
        for _ in range(generator.randint(1, 20)):
            start = generator.randrange(len(data) + 1)
            donor = generator.choice(seeds)
            cut = generator.randrange(len(donor))
            data[start : start + generator.randint(0, 30)] = donor[cut : cut + generator.randint(0, 30)]
        target(bytes(data))


if __name__ == "__main__":
    try:
        import atheris
    except ImportError:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
    else:
        atheris.instrument_all()
        atheris.Setup(sys.argv, target)
        atheris.Fuzz()
