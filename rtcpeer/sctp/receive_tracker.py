"""Which TSNs have arrived, and what a SACK says about them (RFC 9260 section 6.2)."""

from rtcpeer.sctp.chunks import pack_sack
from rtcpeer.sctp.intervals import Intervals

__all__ = ["ReceiveTracker"]

MAX_DISTANCE = 0xFFFF  # a gap block counts from the cumulative TSN in 16 bits (section 3.3.4)
MAX_GAPS = 1024  # what lies further apart is dropped, and so retransmitted
# Gap blocks in one SACK, lowest first: a SACK per batch stays cheap however many gaps a peer leaves. What is not told
# now is told once lower gaps have closed, and only a timeout would send it again.
MAX_BLOCKS = 64
MAX_DUPLICATES = 16  # remembered for one SACK; they only inform


class ReceiveTracker:
    """The cumulative point and the ranges above it.

    Sequence numbers are TSNs that do not wrap: ``next`` starts as the peer's initial TSN, and ``next & 0xFFFFFFFF`` is
    the TSN on the wire.
    """

    __slots__ = ("duplicates", "duplicates_total", "gaps", "next")

    def __init__(self, initial_tsn: int) -> None:
        self.next = initial_tsn  # the lowest that has not arrived
        self.gaps = Intervals()
        self.duplicates: list[int] = []
        self.duplicates_total = 0

    def unwrap(self, tsn: int) -> int:
        """The sequence number of a TSN, taken to be within half the number space of ``next``."""
        distance = (tsn - self.next) & 0xFFFFFFFF
        return self.next + distance - (0x100000000 if distance >= 0x80000000 else 0)

    def is_wanted(self, sequence: int) -> bool:
        """Whether it is new and near enough to be remembered; a duplicate is noted for the next SACK."""
        if sequence < self.next or sequence in self.gaps:
            self.duplicates_total += 1
            if len(self.duplicates) < MAX_DUPLICATES:
                self.duplicates.append(sequence & 0xFFFFFFFF)
            return False
        if sequence - self.next >= MAX_DISTANCE:
            return False
        # At the bound only what makes no new range gets in: the cumulative point itself, or a neighbour of a range.
        return (
            len(self.gaps) < MAX_GAPS
            or sequence == self.next
            or (sequence - 1 in self.gaps)
            or (sequence + 1 in self.gaps)
        )

    def add(self, sequence: int) -> None:
        """Note one that `is_wanted`."""
        if sequence != self.next:
            self.gaps.add(sequence, sequence + 1)
            return
        self.next = sequence + 1
        self._absorb()

    def skip_to(self, sequence: int) -> None:
        """Take everything below ``sequence`` as arrived (RFC 3758 section 3.6)."""
        if sequence > self.next:
            self.next = sequence
            self.gaps.remove_below(sequence)
            self._absorb()

    def sack(self, receive_window: int, room: int) -> bytes:
        """A SACK chunk of at most ``room`` bytes; the noted duplicates are told once."""
        cumulative = self.next - 1
        if not self.gaps.starts and not self.duplicates:
            return pack_sack(cumulative & 0xFFFFFFFF, receive_window, (), ())
        count = min(len(self.gaps), MAX_BLOCKS, (room - 16) // 4)
        blocks: list[int] = []
        for start, end in zip(self.gaps.starts[:count], self.gaps.ends[:count], strict=True):
            blocks.append(start - cumulative)
            blocks.append(end - 1 - cumulative)
        duplicates = self.duplicates[: (room - 16) // 4 - count]
        self.duplicates = []
        return pack_sack(cumulative & 0xFFFFFFFF, receive_window, blocks, duplicates)

    def _absorb(self) -> None:
        gaps = self.gaps
        if gaps.starts and gaps.starts[0] == self.next:
            self.next = gaps.ends[0]
            del gaps.starts[0], gaps.ends[0]
