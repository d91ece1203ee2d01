"""Telling the protocols on one 5-tuple apart by their first byte (RFC 7983 section 7)."""

from enum import Enum, auto

__all__ = ["PacketKind", "packet_kind"]


class PacketKind(Enum):
    """Which protocol a datagram belongs to."""

    STUN = auto()
    DTLS = auto()
    TURN_CHANNEL = auto()
    RTP = auto()
    UNKNOWN = auto()


def _kind(first: int) -> PacketKind:
    if first <= 3:
        return PacketKind.STUN
    if 20 <= first <= 63:
        return PacketKind.DTLS
    if 64 <= first <= 79:
        return PacketKind.TURN_CHANNEL
    if 128 <= first <= 191:
        return PacketKind.RTP
    return PacketKind.UNKNOWN


_KINDS = tuple(_kind(first) for first in range(256))


def packet_kind(payload: bytes) -> PacketKind:
    """The protocol of a datagram; an empty one is of no kind."""
    return _KINDS[payload[0]] if payload else PacketKind.UNKNOWN
