"""From a received packet to the handlers of its chunks (RFC 9260 sections 6.10, 8.4 and 8.5)."""

from struct import Struct

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import (
    DATA_HEADER_SIZE,
    FLAG_TAG_REFLECTED,
    ChunkType,
    is_reported_when_unknown,
    is_skipped_when_unknown,
    pack_chunk,
)
from rtcpeer.sctp.closing_chunks import ClosingChunks
from rtcpeer.sctp.endpoint import RECEIVING_STATES, Endpoint
from rtcpeer.sctp.events import CloseReason, ErrorCause
from rtcpeer.sctp.handshake_chunks import HandshakeChunks
from rtcpeer.sctp.link import Link
from rtcpeer.sctp.packet import chunk_at, parse_header
from rtcpeer.sctp.parameters import CauseCode, pack_cause
from rtcpeer.sctp.state import AssociationState
from rtcpeer.sctp.transfer_chunks import TransferChunks

__all__ = ["Inbound"]

_STREAM_ID = Struct(">HH")


class Inbound:
    """Takes packets; DATA goes to the receiver without a detour, all else to the handler of its type."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._handshake = handshake = HandshakeChunks(endpoint)
        self._closing = closing = ClosingChunks(endpoint)
        transfer = TransferChunks(endpoint)
        self._handlers = {
            int(ChunkType.INIT_ACK): handshake.take_init_ack,
            int(ChunkType.COOKIE_ECHO): handshake.take_cookie_echo,
            int(ChunkType.COOKIE_ACK): handshake.take_cookie_ack,
            int(ChunkType.ERROR): handshake.take_error,
            int(ChunkType.SACK): transfer.take_sack,
            int(ChunkType.HEARTBEAT): transfer.take_heartbeat,
            int(ChunkType.HEARTBEAT_ACK): transfer.take_heartbeat_ack,
            int(ChunkType.RECONFIG): transfer.take_reconfig,
            int(ChunkType.FORWARD_TSN): transfer.take_forward_tsn,
            int(ChunkType.ABORT): closing.take_abort,
            int(ChunkType.SHUTDOWN): closing.take_shutdown,
            int(ChunkType.SHUTDOWN_ACK): closing.take_shutdown_ack,
            int(ChunkType.SHUTDOWN_COMPLETE): closing.take_shutdown_complete,
        }

    def receive(self, packet: bytes, now: float) -> None:
        """Take one packet; whatever is wrong with it is counted, never raised."""
        endpoint = self._endpoint
        endpoint.packets_received += 1
        endpoint.bytes_received += len(packet)
        try:
            body = endpoint.inbound_envelope.open(packet)
            if body is None:
                self._receive_foreign(packet, now)
            elif endpoint.is_ended:
                self._closing.take_late(body)
            else:
                self._receive_chunks(body, now)
        except MalformedPacketError:
            endpoint.packets_dropped += 1

    def _receive_chunks(self, body: bytes, now: float) -> None:
        endpoint = self._endpoint
        offset, end = 0, len(body)
        has_data = False
        link = endpoint.link
        while offset < end:
            if not body[offset] and link is not None and endpoint.state in RECEIVING_STATES:
                stop = link.receiver.take_data(body, offset)
                if stop > offset:
                    offset = stop
                    has_data = True
                    continue
            kind, flags, value, offset = chunk_at(body, offset)
            if not self._take_chunk(kind, flags, value, now) or endpoint.is_ended:
                break
            link = endpoint.link
        if has_data and link is not None:
            self._note_data(link, now)

    def _note_data(self, link: Link, now: float) -> None:
        endpoint = self._endpoint
        receiver = link.receiver
        receiver.note_packet(now)
        if endpoint.state is AssociationState.SHUTDOWN_SENT:
            endpoint.shutdown.repeat()  # section 9.2: DATA is answered with SACK and SHUTDOWN
            receiver.is_sack_due = True
        for stream_id in receiver.invalid_streams:
            cause = pack_cause(CauseCode.INVALID_STREAM_IDENTIFIER, _STREAM_ID.pack(stream_id, 0))
            endpoint.answer(pack_chunk(ChunkType.ERROR, cause))
        receiver.invalid_streams.clear()
        if receiver.is_exhausted and not endpoint.is_ended:
            exhausted = ErrorCause(CauseCode.OUT_OF_RESOURCE, b"")
            endpoint.abort(CloseReason.OUT_OF_RESOURCE, exhausted, "a message outgrew the receive window")

    def _take_chunk(self, kind: int, flags: int, value: bytes, now: float) -> bool:
        """Take a chunk that is not DATA in its place; returns whether the rest of the packet counts."""
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(flags, value, now)
            return True
        if kind == ChunkType.DATA:
            self._take_misplaced_data(value)
            return True
        if kind == ChunkType.INIT:
            return False  # section 6.10: never together with others, and its tag is 0
        if is_reported_when_unknown(kind) and self._endpoint.link is not None:
            raw = pack_chunk(kind, value[:256], flags)
            self._endpoint.answer(pack_chunk(ChunkType.ERROR, pack_cause(CauseCode.UNRECOGNIZED_CHUNK_TYPE, raw)))
        return is_skipped_when_unknown(kind)

    def _take_misplaced_data(self, value: bytes) -> None:
        endpoint = self._endpoint
        if endpoint.state in RECEIVING_STATES and endpoint.link is not None:
            if len(value) < DATA_HEADER_SIZE - 4:
                raise MalformedPacketError("DATA is too short")
            # Section 6.2: DATA without user data is answered with an ABORT that names the TSN.
            cause = ErrorCause(CauseCode.NO_USER_DATA, value[:4])
            endpoint.abort(CloseReason.PROTOCOL_VIOLATION, cause, "DATA without user data")

    def _receive_foreign(self, packet: bytes, now: float) -> None:
        """Take a packet that does not bear our tag (sections 5.1, 5.2 and 8.4).

        Deviation: section 8.4 rule 8 answers any other with an ABORT. Within a DTLS connection only the peer can send
        one, late or by mistake, and an ABORT would end the association that is up.
        """
        endpoint = self._endpoint
        header, body = parse_header(packet)
        ports = (header.source_port, header.destination_port)
        if ports != (endpoint.remote_port, endpoint.settings.local_port) or not body:
            raise MalformedPacketError("not our ports, or no chunk")
        kind, flags, value, offset = chunk_at(body, 0)
        if kind == ChunkType.INIT and not header.tag and offset >= len(body):
            self._handshake.take_init(value, now)
        elif kind == ChunkType.SHUTDOWN_ACK and endpoint.is_ended:
            self._closing.answer_shutdown_ack(header.tag)
        elif endpoint.is_ended:
            raise MalformedPacketError("the association has ended")
        elif kind == ChunkType.COOKIE_ECHO:
            if self._handshake.take_foreign_cookie(header.tag, flags, value, now) and offset < len(body):
                self._receive_chunks(body[offset:], now)
        elif flags & FLAG_TAG_REFLECTED and endpoint.link is not None and header.tag == endpoint.link.terms.peer_tag:
            self._closing.take_reflected(kind, value, now)
        else:
            raise MalformedPacketError("neither our tag nor a chunk that may come without it")
