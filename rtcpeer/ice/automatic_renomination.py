"""The controlling side measures the pairs that it could use, and goes over to one that is clearly better."""

from rtcpeer.ice.candidate import CandidateType
from rtcpeer.ice.checking import Checking
from rtcpeer.ice.pair import CandidatePair
from rtcpeer.ice.renomination import is_agreed
from rtcpeer.ice.role import Role
from rtcpeer.ice.settings import IceSettings

__all__ = ["AutomaticRenomination", "is_better"]

# How direct a pair is: RFC 8445's recommended type preferences, and something for relays to be compared by.
_DIRECTNESS = {
    CandidateType.HOST: 126,
    CandidateType.PEER_REFLEXIVE: 110,
    CandidateType.SERVER_REFLEXIVE: 100,
    CandidateType.RELAYED: 10,
}
_HALVING_TIME = 0.1  # a round trip of that many seconds halves the score


class AutomaticRenomination:
    """Asks every other valid pair each `renomination_interval`, and looks at the answers when the next one begins."""

    def __init__(self, checking: Checking, role: Role, settings: IceSettings) -> None:
        self._checking = checking
        self._role = role
        self._settings = settings
        self._due: float | None = None
        self._asked_at = 0.0

    def advance(self, now: float) -> None:
        """Nominate what is better, and measure again."""
        if not self._is_active:
            self._due = None
            return
        if self._due is None:
            self._due = now  # a pair was selected
        if now < self._due:
            return
        self._due = now + self._settings.renomination_interval
        self._weigh(now)
        self._asked_at = now
        for pair in self._checking.generation.checklist.valid_pairs:
            if pair is not self._checking.selection.selected:
                self._checking.prove_consent(pair)

    def next_timeout(self) -> float | None:
        """When `advance` has something to do."""
        if not self._is_active:
            return None
        return float("-inf") if self._due is None else self._due

    @property
    def _is_active(self) -> bool:
        generation = self._checking.generation
        return (
            self._settings.automatic_renomination
            and self._role.is_controlling
            and self._checking.selection.selected is not None
            and is_agreed(generation.local, generation.remote)
        )

    def _weigh(self, now: float) -> None:
        checking = self._checking
        selected = checking.selection.selected
        if selected is None or checking.selection.nominating is not None:
            return
        best = selected
        for pair in checking.generation.checklist.valid_pairs:
            has_answered = pair.last_response_at is not None and pair.last_response_at > self._asked_at
            if has_answered and is_better(pair, best, self._settings):
                best = pair
        if best is not selected:
            checking.nominate(best, now)


def is_better(pair: CandidatePair, than: CandidatePair, settings: IceSettings) -> bool:
    """Whether it is worth to change: direct rather than relayed; else faster, or a higher score without being slower.

    Of two pairs at most one is better, so that no two pairs take turns while what is measured stays the same.
    """
    if _is_relayed(pair) is not _is_relayed(than):
        return _is_relayed(than)
    ours, theirs = pair.smoothed_round_trip_time, than.smoothed_round_trip_time
    if ours is None or theirs is None:
        return False
    if abs(ours - theirs) > settings.renomination_rtt_gain:
        return ours < theirs
    return _score(pair, ours) > _score(than, theirs) * (1 + settings.renomination_score_gain)


def _is_relayed(pair: CandidatePair) -> bool:
    return CandidateType.RELAYED in {pair.local.type, pair.remote.type}


def _score(pair: CandidatePair, round_trip_time: float) -> float:
    directness = min(_DIRECTNESS[pair.local.type], _DIRECTNESS[pair.remote.type])
    return directness / (1 + round_trip_time / _HALVING_TIME)
