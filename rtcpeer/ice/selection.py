"""Which pair carries data: nomination from both sides (RFC 8445 sections 8.1 and 7.3.1.5)."""

from collections.abc import Iterable
from typing import NamedTuple

from rtcpeer.ice.candidate import CandidateType
from rtcpeer.ice.choice import gathered_types
from rtcpeer.ice.pair import CandidatePair
from rtcpeer.ice.settings import IceSettings

__all__ = ["Selection"]

# A peer that nominates aggressively says USE-CANDIDATE on every pair at once; one that changed its mind says it on one
# pair and no more on the other. This long after the better pair was last nominated the worse one is believed.
_RESELECTION_WAIT = 3.0
# A nomination is answered as checks are, after one round trip. Without an answer for so long (three requests with the
# usual RTO) the pair may have died since it was found valid.
_NOMINATION_DOUBT = 1.5


class _Deferred(NamedTuple):
    pair: CandidatePair
    due: float


class Selection:
    """The selected pair, the nomination under way, and the pair that data may use meanwhile."""

    def __init__(self, settings: IceSettings) -> None:
        self._settings = settings
        self.selected: CandidatePair | None = None
        self.nominating: CandidatePair | None = None  # we are controlling, and said so to the peer
        self.detour: CandidatePair | None = None  # controlled: carries data while the selected pair is in doubt
        self._heard = 0  # controlled: the highest number that the peer has said
        self._claimed: CandidatePair | None = None  # controlled: to be selected whatever its priority
        self.nominated_at = 0.0  # the one under way
        self._requested: CandidatePair | None = None  # controlling: the program wants it to be nominated next
        self._deferred: _Deferred | None = None
        self._checking_since: float | None = None

    def begin(self, now: float) -> None:
        """Checks have begun: waits for better pairs count from here."""
        if self._checking_since is None:
            self._checking_since = now

    def path(self, valid_pairs: Iterable[CandidatePair]) -> CandidatePair | None:
        """The pair for data: the selected one unless it is in doubt, else the best that is valid."""
        return self.detour or self.selected or next(iter(valid_pairs), None)

    def nominee(self, valid_pairs: Iterable[CandidatePair], now: float) -> CandidatePair | None:
        """Controlling: the pair to nominate now; what was requested, or the best of those whose wait is over."""
        requested, self._requested = self._requested, None
        if requested is not None:
            return requested
        if self.selected is not None or self.nominating is not None:
            return None
        return next((pair for pair in valid_pairs if now >= self._acceptable_at(pair)), None)

    def request(self, pair: CandidatePair) -> None:
        """Controlling: the program wants this pair, which is nominated next unless it is already, or is not valid."""
        if pair.is_valid and self.selected is not pair and self.nominating is not pair:
            self._requested = pair

    def nominate(self, pair: CandidatePair, now: float) -> None:
        """Controlling: the peer is asked to use this pair; an earlier wish is forgotten."""
        self.nominating = pair
        self.nominated_at = now

    def has_stalled(self, now: float) -> bool:
        """Controlling: whether the peer should have answered the nomination long ago."""
        return self.nominating is not None and now >= self.nominated_at + _NOMINATION_DOUBT

    def peer_nominated(self, pair: CandidatePair, now: float, nomination: int | None = None) -> bool:
        """Controlled: whether the peer's USE-CANDIDATE on this pair makes it the selected one right now.

        Where our own check has not succeeded, the nomination counts as soon as it has (section 7.3.1.5). With a number
        the highest counts, whatever the priority; one without comes too late once there was one with.
        """
        if nomination is not None and self._settings.renomination:
            if nomination < self._heard or (nomination == self._heard and pair is not self._claimed):
                return False
            self._heard = nomination
            return self.claim(pair, now)
        if self._heard:
            return False
        self._claimed = None
        pair.nominated_by_peer_at = now
        return pair.is_valid and self._supersedes(pair, now)

    def claim(self, pair: CandidatePair, now: float) -> bool:
        """Controlled: this pair and no other, as soon as it is valid; whether that is right now."""
        pair.nominated_by_peer_at = now
        self._claimed = pair
        self._deferred = None
        return pair.is_valid

    def validated(self, pair: CandidatePair, now: float) -> bool:
        """Controlled: whether the pair, now that it is valid, becomes the selected one by an earlier nomination."""
        if self.selected is pair or pair.nominated_by_peer_at is None:
            return False
        return pair is self._claimed if self._claimed is not None else self._supersedes(pair, now)

    def take_deferred(self, now: float) -> CandidatePair | None:
        """Controlled: a worse pair that the peer has moved to, having fallen silent about the better one."""
        deferred = self._deferred
        if deferred is None or now < deferred.due:
            return None
        self._deferred = None
        selected_at = None if self.selected is None else self.selected.nominated_by_peer_at
        nominated_at = deferred.pair.nominated_by_peer_at
        if (
            not deferred.pair.is_valid
            or nominated_at is None
            or (selected_at is not None and selected_at >= nominated_at)
        ):
            return None
        return deferred.pair

    def select(self, pair: CandidatePair) -> None:
        """Both sides agreed."""
        pair.nominated = True
        self.selected = pair
        self.nominating = None
        self.detour = None
        self._deferred = None

    def gave_up(self, pair: CandidatePair) -> None:
        """A pair has failed."""
        if self.nominating is pair:
            self.nominating = None
        if self.selected is pair:
            self.selected = None
        if self.detour is pair:
            self.detour = None
        if self._claimed is pair:
            self._claimed = None
        if self._requested is pair:
            self._requested = None

    def gave_up_nomination(self, pair: CandidatePair) -> None:
        """The nomination was not taken, for a reason that lies not in the pair."""
        if self.nominating is pair:
            self.nominating = None

    def role_changed(self) -> None:
        """What we had under way in the other role is void; what was selected stays."""
        self.nominating = None
        self.detour = None
        self._deferred = None
        self._requested = None
        self._heard = 0
        self._claimed = None

    def next_timeout(self, valid_pairs: Iterable[CandidatePair], *, is_controlling: bool) -> float | None:
        """When a wait ends."""
        if not is_controlling:
            return None if self._deferred is None else self._deferred.due
        if self._requested is not None:
            return float("-inf")
        if self.selected is not None or self.nominating is not None:
            return None
        return min((self._acceptable_at(pair) for pair in valid_pairs), default=None)

    def _supersedes(self, pair: CandidatePair, now: float) -> bool:
        selected = self.selected
        if selected is None or pair.priority > selected.priority:
            return True
        if selected is not pair:
            last = selected.nominated_by_peer_at
            if last is None or now - last >= _RESELECTION_WAIT:
                return True
            self._deferred = _Deferred(pair, last + _RESELECTION_WAIT)
        return False

    def _acceptable_at(self, pair: CandidatePair) -> float:
        since = self._checking_since or 0.0
        settings = self._settings
        is_udp_possible = any(kind.startswith("udp") for kind in settings.network_types)
        tcp_wait = settings.tcp_acceptance_wait if pair.is_reliable and is_udp_possible else 0.0
        return since + max(self._wait(pair.local.type), self._wait(pair.remote.type), tcp_wait)

    def _wait(self, candidate_type: CandidateType) -> float:
        settings = self._settings
        match candidate_type:
            case CandidateType.HOST:
                return settings.host_acceptance_wait
            case CandidateType.SERVER_REFLEXIVE:
                return settings.srflx_acceptance_wait
            case CandidateType.PEER_REFLEXIVE:
                return settings.prflx_acceptance_wait
            case CandidateType.RELAYED:
                # Nothing better can come where relays are all there is.
                return 0.0 if gathered_types(settings) == {"relay"} else settings.relay_acceptance_wait
