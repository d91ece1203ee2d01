"""Fuzz target of DCEP: an OPEN is read, or `MalformedPacketError` says that it is none.

`python -m tests.fuzz.fuzz_dcep [SECONDS]`; with atheris installed, coverage guides.
"""

from rtcpeer.datachannel.dcep import OpenMessage
from rtcpeer.errors import MalformedPacketError
from tests.fuzz.mutation import main


def seeds() -> list[bytes]:
    """Each channel type."""
    return [
        OpenMessage("label", "protocol").serialize(),
        OpenMessage("ü" * 20, "", ordered=False, max_retransmits=3).serialize(),
        OpenMessage("", "x", max_packet_life_time_ms=500).serialize(),
    ]


def target(data: bytes) -> None:
    """One input of the fuzzer."""
    try:
        message = OpenMessage.parse(data)
    except MalformedPacketError:
        return
    assert OpenMessage.parse(message.serialize()) == message


if __name__ == "__main__":
    main(target, seeds())
