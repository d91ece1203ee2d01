"""What the chunks that end an association do to it (RFC 9260 sections 8.4, 8.5 and 9)."""

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import FLAG_TAG_REFLECTED, ChunkType, pack_chunk, parse_tsn
from rtcpeer.sctp.endpoint import Endpoint
from rtcpeer.sctp.events import CloseReason
from rtcpeer.sctp.parameters import parse_causes
from rtcpeer.sctp.state import AssociationState

__all__ = ["ClosingChunks"]

# Whoever sends these has ended too. SHUTDOWN ACK is answered otherwise, and ERROR never (section 8.4 rules 2 to 7).
_NOT_ANSWERED_LATE = frozenset((ChunkType.ABORT, ChunkType.SHUTDOWN_COMPLETE, ChunkType.COOKIE_ACK, ChunkType.ERROR))


class ClosingChunks:
    """Takes ABORT, SHUTDOWN, SHUTDOWN ACK and SHUTDOWN COMPLETE, and what still comes after the end."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def take_abort(self, flags: int, value: bytes, _now: float) -> None:
        """The peer has ended."""
        endpoint = self._endpoint
        if endpoint.state is not AssociationState.CLOSED and not flags & FLAG_TAG_REFLECTED:
            endpoint.end(CloseReason.ABORTED_BY_PEER, parse_causes(value), "")

    def take_reflected(self, kind: int, value: bytes, now: float) -> None:
        """What a peer says that does not know our association: it can only send its own tag back."""
        if kind == ChunkType.ABORT:
            self._endpoint.end(CloseReason.ABORTED_BY_PEER, parse_causes(value), "")
        elif kind == ChunkType.SHUTDOWN_COMPLETE:
            self.take_shutdown_complete(FLAG_TAG_REFLECTED, value, now)

    def take_shutdown(self, _flags: int, value: bytes, now: float) -> None:
        """The peer wants to end in agreement."""
        endpoint = self._endpoint
        link = endpoint.link
        if link is None:
            return
        match endpoint.state:
            case AssociationState.ESTABLISHED | AssociationState.SHUTDOWN_PENDING:
                endpoint.state = AssociationState.SHUTDOWN_RECEIVED
                link.sender.take_cumulative(parse_tsn(value), now)
            case AssociationState.SHUTDOWN_RECEIVED:
                link.sender.take_cumulative(parse_tsn(value), now)
            case AssociationState.SHUTDOWN_SENT:
                endpoint.state = AssociationState.SHUTDOWN_ACK_SENT  # both at once
                endpoint.shutdown.repeat()
            case AssociationState.SHUTDOWN_ACK_SENT:
                endpoint.shutdown.repeat()
            case AssociationState.CLOSED | AssociationState.COOKIE_WAIT | AssociationState.COOKIE_ECHOED:
                pass

    def take_shutdown_ack(self, _flags: int, _value: bytes, _now: float) -> None:
        """The peer has agreed."""
        endpoint = self._endpoint
        waiting = (AssociationState.SHUTDOWN_SENT, AssociationState.SHUTDOWN_ACK_SENT)
        if endpoint.link is None or endpoint.state not in waiting:
            return
        endpoint.answer_with(endpoint.link.envelope.seal(pack_chunk(ChunkType.SHUTDOWN_COMPLETE)))
        endpoint.end(CloseReason.SHUTDOWN, (), "")

    def take_shutdown_complete(self, _flags: int, _value: bytes, _now: float) -> None:
        """Both have agreed."""
        if self._endpoint.state is AssociationState.SHUTDOWN_ACK_SENT:
            self._endpoint.end(CloseReason.SHUTDOWN, (), "")

    def take_late(self, body: bytes) -> None:
        """A packet under our tag after the end: the peer has missed how it ended, so it is told again."""
        endpoint = self._endpoint
        kind = body[0] if body else ChunkType.ABORT
        if kind in _NOT_ANSWERED_LATE or endpoint.link is None:
            raise MalformedPacketError("the association has ended")
        last = ChunkType.SHUTDOWN_COMPLETE if kind == ChunkType.SHUTDOWN_ACK else ChunkType.ABORT
        if not endpoint.ready:
            endpoint.answer_with(endpoint.link.envelope.seal(pack_chunk(last)))

    def answer_shutdown_ack(self, tag: int) -> None:
        """Our SHUTDOWN COMPLETE was lost (section 8.4 rule 5)."""
        complete = pack_chunk(ChunkType.SHUTDOWN_COMPLETE, flags=FLAG_TAG_REFLECTED)
        self._endpoint.answer_with(self._endpoint.envelope_to_peer(tag).seal(complete))
