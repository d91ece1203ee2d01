"""Ending an association in agreement (RFC 9260 section 9.2)."""

from struct import Struct

from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.state import AssociationState
from rtcpeer.sctp.timer import Timer

__all__ = ["CLOSING_STATES", "Shutdown"]

_TSN = Struct(">I")

# No message is taken from the owner any more.
CLOSING_STATES = frozenset(
    (
        AssociationState.SHUTDOWN_PENDING,
        AssociationState.SHUTDOWN_SENT,
        AssociationState.SHUTDOWN_RECEIVED,
        AssociationState.SHUTDOWN_ACK_SENT,
    )
)


class Shutdown:
    """The T2-shutdown timer and the chunk it repeats."""

    def __init__(self) -> None:
        self.timer = Timer()
        self.is_wanted = False  # by the owner, before the association is up
        self.is_due = False  # `chunk_due` would give one

    def next_state(self, state: AssociationState, *, has_work: bool) -> AssociationState:
        """Where to go once everything has been acknowledged."""
        if has_work:
            return state
        if state is AssociationState.SHUTDOWN_PENDING:
            self.is_due = True
            return AssociationState.SHUTDOWN_SENT
        if state is AssociationState.SHUTDOWN_RECEIVED:
            self.is_due = True
            return AssociationState.SHUTDOWN_ACK_SENT
        return state

    def repeat(self) -> None:
        """Send the chunk again with the next packets."""
        self.is_due = True

    def handle_timeout(self, now: float) -> bool:
        """Repeat when nothing came; returns whether the timer had run out."""
        if not self.timer.expire(now):
            return False
        self.is_due = True
        return True

    def chunk_due(self, state: AssociationState, cumulative_tsn: int, now: float, timeout: float) -> bytes:
        """The SHUTDOWN or SHUTDOWN ACK to send now, if any; its timer then runs."""
        if not self.is_due:
            return b""
        self.is_due = False
        self.timer.start(now + timeout)
        if state is AssociationState.SHUTDOWN_SENT:
            return pack_chunk(ChunkType.SHUTDOWN, _TSN.pack(cumulative_tsn & 0xFFFFFFFF))
        return pack_chunk(ChunkType.SHUTDOWN_ACK)
