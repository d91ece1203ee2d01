"""What the chunks of an association that is up do to it, DATA apart (RFC 9260 sections 6, 8.3; RFC 3758; RFC 6525)."""

from rtcpeer.sctp.chunks import ChunkType, pack_chunk, parse_forward_tsn, parse_sack
from rtcpeer.sctp.endpoint import RECEIVING_STATES, Endpoint
from rtcpeer.sctp.events import OutgoingStreamsReset, StreamResetFailed
from rtcpeer.sctp.state import AssociationState
from rtcpeer.sctp.stream_reset import ResetRequest, Result

__all__ = ["TransferChunks"]


class TransferChunks:
    """Takes SACK, HEARTBEAT, HEARTBEAT ACK, FORWARD-TSN and RE-CONFIG."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def take_sack(self, _flags: int, value: bytes, now: float) -> None:
        """What arrived at the peer, and how much more it takes."""
        link = self._endpoint.link
        if link is not None:
            link.take_sack(parse_sack(value), now)

    def take_heartbeat(self, _flags: int, value: bytes, _now: float) -> None:
        """Answered with what it says (section 8.3)."""
        if self._endpoint.link is not None:
            self._endpoint.answer(pack_chunk(ChunkType.HEARTBEAT_ACK, value))

    def take_heartbeat_ack(self, _flags: int, value: bytes, now: float) -> None:
        """The answer to our probe also measures a round trip."""
        link = self._endpoint.link
        if link is not None and (sent_at := link.heartbeat.take_ack(value)) is not None:
            link.errors = 0
            link.rto.sample(now - sent_at)
            link.heartbeat.restart(now, link.rto.timeout)

    def take_forward_tsn(self, _flags: int, value: bytes, _now: float) -> None:
        """The peer gave messages up."""
        endpoint = self._endpoint
        if endpoint.link is not None and endpoint.state in RECEIVING_STATES:
            endpoint.link.receiver.take_forward_tsn(parse_forward_tsn(value))

    def take_reconfig(self, _flags: int, value: bytes, _now: float) -> None:
        """The peer's requests, and its responses to ours."""
        endpoint = self._endpoint
        link, incoming = endpoint.link, endpoint.incoming_resets
        if link is None or incoming is None or endpoint.state is AssociationState.COOKIE_ECHOED:
            return
        answers, responses = incoming.take(value)
        for answer in answers:
            endpoint.answer(answer)
        for response in responses:
            link.errors = 0
            if (settled := link.resets.take_response(response)) is not None:
                self._settle(*settled)

    def _settle(self, request: ResetRequest, result: int) -> None:
        endpoint = self._endpoint
        is_reset = result in (Result.NOTHING_TO_DO, Result.PERFORMED)
        endpoint.queue.resume(request.stream_ids, is_reset=is_reset)
        if is_reset:
            endpoint.emit(OutgoingStreamsReset(request.stream_ids))
        else:
            reason = Result(result).name.lower().replace("_", " ") if result <= Result.IN_PROGRESS else str(result)
            endpoint.emit(StreamResetFailed(request.stream_ids, reason))
