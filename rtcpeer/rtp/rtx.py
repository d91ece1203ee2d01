"""Retransmission: packets again, in a stream of their own (RFC 4588 section 4)."""

from struct import Struct
from typing import Final

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.header import RtpPacket

__all__ = ["unwrap", "wrap"]

ORIGINAL_SEQUENCE_NUMBER: Final = Struct(">H")


def wrap(packet: RtpPacket, *, payload_type: int, ssrc: int, sequence_number: int) -> RtpPacket:
    """The packet again, in the retransmission stream.

    The header extension stays (section 4), except where the caller gives it another: the MID is the same there, while a
    RID becomes a repaired RID and the transport-wide sequence number a new one. Padding is not sent again.
    """
    header = packet.header._replace(payload_type=payload_type, ssrc=ssrc, sequence_number=sequence_number)
    payload = ORIGINAL_SEQUENCE_NUMBER.pack(packet.header.sequence_number) + packet.payload
    return RtpPacket(header, payload)


def unwrap(packet: RtpPacket, *, payload_type: int, ssrc: int) -> RtpPacket | None:
    """The packet as it was first sent, under the payload type and the SSRC of its own stream.

    None where there is nothing but padding, with which senders probe for bandwidth; `MalformedPacketError` when the
    payload can not hold the original sequence number.
    """
    payload = packet.payload
    if not payload:
        return None
    if len(payload) < ORIGINAL_SEQUENCE_NUMBER.size:
        raise MalformedPacketError("one byte can not hold the original sequence number")
    header = packet.header._replace(
        payload_type=payload_type, ssrc=ssrc, sequence_number=ORIGINAL_SEQUENCE_NUMBER.unpack_from(payload)[0]
    )
    return RtpPacket(header, payload[ORIGINAL_SEQUENCE_NUMBER.size :], packet.padding_size)
