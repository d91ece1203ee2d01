"""The checklist (RFC 8445 section 6.1.2): which pair is checked next, with freezing and triggered checks."""

from collections import deque
from collections.abc import Iterator

from rtcpeer.ice.pair import CandidatePair, PairState, Path, Traffic

__all__ = ["Checklist"]

# Tuples, for an enumeration's members are compared at once but hashed by a method in Python.
_UNFINISHED = (PairState.FROZEN, PairState.WAITING, PairState.IN_PROGRESS)
_ACTIVE = (PairState.WAITING, PairState.IN_PROGRESS)
_UNTRIED = (PairState.FROZEN, PairState.WAITING)


class Checklist:
    """The pairs of one data stream with one component, best first. Never longer than it was told."""

    def __init__(self, max_pairs: int) -> None:
        self._max_pairs = max_pairs
        self._pairs: list[CandidatePair] = []
        self._by_path: dict[Path, CandidatePair] = {}
        self._removed = Traffic()  # of pairs that are here no more
        self._triggered: deque[CandidatePair] = deque()
        self._was_ipv6: bool | None = None  # the pair that `take_ordinary` gave last

    def __iter__(self) -> Iterator[CandidatePair]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def find(self, path: Path) -> CandidatePair | None:
        """The pair whose packets take this way."""
        return self._by_path.get(path)

    @property
    def valid_pairs(self) -> Iterator[CandidatePair]:
        """Best first."""
        return (pair for pair in self._pairs if pair.is_valid)

    @property
    def traffic(self) -> Traffic:
        """What all pairs have carried that there ever were."""
        traffic = self._removed
        for pair in self._pairs:
            traffic = traffic.plus(pair.traffic) if pair.packets_sent or pair.packets_received else traffic
        return traffic

    @property
    def is_exhausted(self) -> bool:
        """Whether there is nothing left to try."""
        return not any(pair.state in _UNFINISHED for pair in self._pairs)

    @property
    def has_ordinary_check(self) -> bool:
        """Whether `next_ordinary` would give a pair."""
        return self.next_ordinary() is not None

    @property
    def has_triggered_check(self) -> bool:
        """Whether `next_triggered` would give a pair."""
        return bool(self._triggered)

    def add(self, pair: CandidatePair) -> bool:
        """Take a new pair; False where the list is full of pairs that are better or in use (section 6.1.2.5)."""
        if pair.path in self._by_path:
            return False
        if len(self._pairs) >= self._max_pairs and not self._make_room(pair):
            return False
        self._pairs.append(pair)
        self._by_path[pair.path] = pair
        self.sort()
        return True

    def sort(self) -> None:
        """Put the pairs in order again after their priorities changed."""
        self._pairs.sort(key=lambda pair: pair.priority, reverse=True)

    def trigger(self, pair: CandidatePair) -> None:
        """Queue a check that does not wait for its turn (section 6.1.4.1); once, however often it is asked for."""
        pair.state = PairState.WAITING
        pair.failure = None
        if pair not in self._triggered:
            self._triggered.append(pair)

    def next_triggered(self) -> CandidatePair | None:
        """The oldest triggered pair; it leaves the queue."""
        return self._triggered.popleft() if self._triggered else None

    def next_ordinary(self) -> CandidatePair | None:
        """Section 6.1.4.2: the best waiting pair, else the best frozen one whose foundation is not being tried.

        Where there are such pairs of both address families they take turns.
        """
        # Deviation: RFC 8445 section 6.1.4.2 knows priorities only. RFC 8421 interleaves the families of candidates; of
        # pairs there are many more, so that a broken IPv6 path would delay IPv4 by seconds.
        untried = [pair for pair in self._pairs if pair.state in _UNTRIED]
        if not untried:
            return None
        active = {pair.foundation for pair in self._pairs if pair.state in _ACTIVE}
        waiting: dict[bool, CandidatePair] = {}  # by family, the better one first
        frozen: dict[bool, CandidatePair] = {}
        for pair in untried:
            if pair.state is PairState.WAITING:
                waiting.setdefault(pair.is_ipv6, pair)
            elif pair.foundation not in active:
                frozen.setdefault(pair.is_ipv6, pair)
        ready = waiting or frozen
        if len(ready) == 2 and self._was_ipv6 is not None:
            return ready[not self._was_ipv6]
        return next(iter(ready.values()), None)

    def take_ordinary(self) -> CandidatePair | None:
        """The pair of `next_ordinary`, which is going to be checked."""
        pair = self.next_ordinary()
        if pair is not None:
            self._was_ipv6 = pair.is_ipv6
        return pair

    def unfreeze(self, foundation: tuple[str, str]) -> None:
        """A check has succeeded: its relatives are worth a try (section 7.2.5.3.3)."""
        for pair in self._pairs:
            if pair.state is PairState.FROZEN and pair.foundation == foundation:
                pair.state = PairState.WAITING

    def drop_untried(self) -> None:
        """A pair was nominated: what has not been tried will not be (section 8.1.2)."""
        self._triggered.clear()
        for pair in [pair for pair in self._pairs if pair.state in _UNTRIED]:
            self._remove(pair)

    def _make_room(self, pair: CandidatePair) -> bool:
        """Give up the worst that has had its chance, else the worst that has not and is no loss.

        Of two address families neither crowds the other one out: the one that fills more than half of the list gives.
        """
        others = sum(other.is_ipv6 is not pair.is_ipv6 for other in self._pairs)
        gives_other = 2 * others > self._max_pairs
        worst_first = self._pairs[::-1]
        victim = next((other for other in worst_first if other.state is PairState.FAILED), None)
        if victim is None:
            untried = [other for other in worst_first if other.state in _UNTRIED]
            strangers = (other for other in untried if gives_other and other.is_ipv6 is not pair.is_ipv6)
            relatives = (other for other in untried if other.is_ipv6 is pair.is_ipv6 and other.priority < pair.priority)
            victim = next(strangers, None) or next(relatives, None)
        if victim is not None:
            self._remove(victim)
        return victim is not None

    def _remove(self, pair: CandidatePair) -> None:
        self._pairs.remove(pair)
        self._removed = self._removed.plus(pair.traffic)
        del self._by_path[pair.path]
        if pair in self._triggered:
            self._triggered.remove(pair)
