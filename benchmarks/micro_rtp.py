"""Microseconds per packet of the wire layer of media: header, extensions, router, SRTP, feedback.

Run: ``python -m benchmarks.micro_rtp`` (or as a script, from the repository's root).
"""

import os
import time
from collections.abc import Callable

from rtcpeer.rtp import (
    ExtensionMap,
    ExtensionUri,
    HeaderExtensions,
    ReceiveSection,
    Router,
    RouterSettings,
    RtpHeader,
    RtpPacket,
    parse_header,
    parse_packet,
    replace_fixed,
    rtcp,
)
from rtcpeer.srtp import SrtpProfile, SrtpSession

PAYLOAD = os.urandom(1100)
PACKETS = 20_000
ROUNDS = 5
EXTENSIONS = ExtensionMap({ExtensionUri.MID: 1, ExtensionUri.TRANSPORT_WIDE_CC: 2, ExtensionUri.ABSOLUTE_SEND_TIME: 3})
VALUES = HeaderExtensions(mid="0", transport_sequence_number=1, absolute_send_time=2)
LENGTHS = {
    SrtpProfile.AES128_CM_SHA1_80: (16, 14),
    SrtpProfile.AEAD_AES_128_GCM: (16, 12),
    SrtpProfile.AEAD_AES_256_GCM: (32, 12),
}


def best(work: Callable[[], object], times: int = PACKETS) -> float:
    """The best round, in microseconds per call."""
    figures = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            work()
        figures.append((time.process_time() - began) / times * 1e6)
    return min(figures)


def packet(sequence_number: int) -> RtpPacket:
    profile, data = EXTENSIONS.encode(VALUES)
    header = RtpHeader(96, sequence_number & 0xFFFF, 0, 1, extension_profile=profile, extension=data)
    return RtpPacket(header, PAYLOAD)


def formats() -> None:
    extended = packet(1)
    data = extended.serialize()
    plain = RtpPacket(RtpHeader(96, 1, 2, 3), PAYLOAD)
    plain_data = plain.serialize()
    view = memoryview(data)
    header = extended.header
    router: Router[str, str] = Router(RouterSettings())
    router.configure([ReceiveSection("video", frozenset({96}), mid="0")], {})
    arrivals = [rtcp.Arrival(number, number * 4) for number in range(100)]
    feedback = rtcp.TransportWideFeedback.of(1, 2, 3, arrivals)
    feedback_data = feedback.serialize()
    rows: list[tuple[str, Callable[[], object]]] = [
        ("parse, no extension", lambda: parse_packet(plain_data)),
        ("parse, three extensions", lambda: parse_packet(data)),
        ("parse, from a memoryview", lambda: parse_packet(view)),
        ("parse the header alone", lambda: parse_header(data)),
        ("decode three extensions", lambda: EXTENSIONS.decode(header)),
        ("route", lambda: router.route(header, VALUES)),
        ("encode three extensions", lambda: EXTENSIONS.encode(VALUES)),
        ("serialize, no extension", plain.serialize),
        ("serialize, three extensions", extended.serialize),
        ("replace the fixed header", lambda: replace_fixed(data, header)),
    ]
    for name, work in rows:
        print(f"{name:<44}{best(work):>8.2f}")
    print(f"{'transport-wide feedback, write, per packet':<44}{best(feedback.serialize, 2000) / 100:>8.2f}")
    print(f"{'transport-wide feedback, read, per packet':<44}"
          f"{best(lambda: rtcp.parse_compound(feedback_data), 2000) / 100:>8.2f}")  # fmt: skip


def protection(profile: SrtpProfile) -> tuple[float, float]:
    key, salt = (os.urandom(length) for length in LENGTHS[profile])
    sender = SrtpSession(profile, key, salt, key, salt)
    receiver = SrtpSession(profile, key, salt, key, salt)
    protecting, opening = [], []
    for turn in range(ROUNDS):
        packets = [packet(turn * PACKETS + number).serialize() for number in range(PACKETS)]
        began = time.process_time()
        protected = [sender.protect_rtp(one) for one in packets]
        protecting.append(time.process_time() - began)
        began = time.process_time()
        opened = [receiver.unprotect_rtp(one) for one in protected if one is not None]
        opening.append(time.process_time() - began)
        assert opened == packets
    return min(protecting) / PACKETS * 1e6, min(opening) / PACKETS * 1e6


def main() -> None:
    print(f"{'microseconds per packet of 1100 bytes':<44}{'µs':>8}")
    formats()
    print(f"\n{'SRTP':<28}{'protect µs':>16}{'unprotect µs':>16}")
    for profile in SrtpProfile:
        protect, unprotect = protection(profile)
        print(f"{profile.value:<28}{protect:>16.2f}{unprotect:>16.2f}")


if __name__ == "__main__":
    main()
