"""Connectivity checks of one generation, in both directions (RFC 8445 section 7)."""

from collections.abc import Callable, Iterator

from rtcpeer.core import Entropy, TransportAddress, earliest
from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice.checks import Check, Checks
from rtcpeer.ice.events import (
    BindingRequestHandlerFailed,
    ConnectionUnneeded,
    IceEvent,
    LocalCandidateDiscovered,
    PairSelected,
    PairValidated,
    RemoteCandidateDiscovered,
    RoleChanged,
)
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.lite import unchecked_pair
from rtcpeer.ice.pair import CandidatePair, FailureReason, PairState, Path
from rtcpeer.ice.renomination import is_agreed
from rtcpeer.ice.request_handler import RequestHandler
from rtcpeer.ice.responder import KNOWN_ATTRIBUTES, PeerCheck
from rtcpeer.ice.role import Role
from rtcpeer.ice.selection import Selection
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stun import ErrorCode, MessageClass, StunMessage

__all__ = ["Checking"]

# Of one check, which is repeated meanwhile: the peer has seven seconds to process our description.
_REFUSALS_TOLERATED = 4
_UNSIGNED_ERRORS = frozenset({ErrorCode.BAD_REQUEST, ErrorCode.UNAUTHENTICATED})


class Checking:
    """Checks pairs, answers for what the peer's checks tell, and finds the pair that carries data."""

    def __init__(
        self,
        generation: Generation,
        role: Role,
        settings: IceSettings,
        entropy: Entropy,
        emit: Callable[[IceEvent], None],
    ) -> None:
        self.generation = generation
        self.selection = Selection(settings)
        self.path: CandidatePair | None = None  # where data may go: the selected pair, else the best valid one
        self.started_at: float | None = None
        self.responses_refused = 0
        self._role = role
        self._settings = settings
        self._emit = emit
        self._checks = Checks(settings, entropy)
        self._next_check_at = float("-inf")
        self._has_announced_path = False
        self._handler = RequestHandler(settings, lambda error: emit(BindingRequestHandlerFailed(error)))

    def begin(self, now: float) -> None:
        """The peer's credentials are known: patience and acceptance waits count from here (RFC 8863 section 4)."""
        if self.started_at is None and self.generation.remote is not None:
            self.started_at = now
            self.selection.begin(now)
            early, self.generation.early_checks = self.generation.early_checks, []
            for check in early:
                self.peer_check(check, now)

    def peer_check(self, check: PeerCheck, now: float) -> None:
        """The peer checked a pair: learn its address, check the pair ourselves, hear its nomination (section 7.3.1)."""
        generation = self.generation
        remote = generation.remote
        if remote is None or check.username_fragment not in {"", remote.username_fragment}:
            return  # the latter: it came before the description, and turns out to be of another generation
        local_base, remote_address = check.path
        if generation.knows_base(local_base) and not generation.knows_remote(remote_address):
            candidate = generation.learn_remote(remote_address, check)
            if candidate is not None:
                self._emit(RemoteCandidateDiscovered(candidate))
        pair = generation.pair_of(check.path)
        if pair is None:
            return
        pair.requests_received += 1
        pair.responses_sent += 1
        pair.last_received_at = pair.last_request_at = now
        self._check_back(pair, check)
        is_heard = check.use_candidate and not self._role.is_controlling
        if is_heard and self.selection.peer_nominated(pair, now, check.nomination):
            self._follow(pair, now)
        if self._handler.wants(check, pair, self.selection.selected, is_controlling=self._role.is_controlling):
            self._prefer(pair, now)

    def is_awaiting(self, message: StunMessage) -> bool:
        """Whether a response is to a check of this generation."""
        return self._checks.find(message.transaction_id) is not None

    def response(self, message: StunMessage, path: Path, now: float) -> None:
        """An answer to a check of ours (section 7.2.5). Raises `MalformedPacketError` where an attribute is broken."""
        check = self._checks.find(message.transaction_id)
        remote = self.generation.remote
        if check is None or remote is None:
            return
        if not _is_believable(message, remote.integrity_key, check.pair):
            self.responses_refused += 1
            return
        pair = check.pair
        if message.message_class is MessageClass.ERROR:
            error = message.error or (0, "")
            # Section 7.2.5.1 comes before 7.2.5.2.1: behind two NATs a 487 may come from elsewhere, and it is signed.
            is_ours = path == pair.path or error[0] == ErrorCode.ROLE_CONFLICT
            if is_ours and not _is_tolerable(check, message):
                self._checks.finish(check)
                self._on_error(check, error)
            return
        mapped = message.mapped_address
        if mapped is None:
            raise MalformedPacketError("success response without a mapped address")
        self._checks.finish(check)
        if path != pair.path:
            # Section 7.2.5.2.1: what works in one direction only is of no use; nor does it prove consent.
            if not check.is_consent:
                self.lose(pair, FailureReason.ASYMMETRIC, detail=f"{path[1]} answered")
            return
        self._on_success(check, now)
        self._note_mapped(pair, mapped)

    def advance(self, now: float) -> None:
        """Give up what has got no answer; nominate, or follow the peer's nomination, where a wait is over."""
        for check in self._checks.expire(now):
            if check.is_consent or (check.pair.is_valid and not check.use_candidate):
                continue
            if check.use_candidate and _is_fresh(check.pair, self._settings, now):
                # Bad luck: the path has answered other checks meanwhile, so the nomination is worth another try.
                self.selection.gave_up_nomination(check.pair)
                continue
            abandoned = self.selection.selected is not None
            self.lose(check.pair, FailureReason.ABANDONED if abandoned else FailureReason.NO_ANSWER)
        unchecked = unchecked_pair(self.generation, self._settings, self.selection.selected)
        if unchecked is not None:
            unchecked.state, unchecked.last_received_at = PairState.SUCCEEDED, now
            self._select(unchecked)
        if not self._role.is_controlling or self._settings.lite:
            pair = self.selection.take_deferred(now)
            if pair is not None:
                self._select(pair)
            return
        nominee = self.selection.nominee(self.generation.checklist.valid_pairs, now)
        if nominee is not None:
            self.nominate(nominee, now)

    def transmissions(self, now: float) -> Iterator[tuple[Path, bytes]]:
        """Begin the checks whose turn it is, and repeat those that are due."""
        checklist = self.generation.checklist
        if self.generation.may_check:
            # Deviation: RFC 8445 section 6.1.4.2 paces triggered checks too; each answers one that the peer has paced.
            while (pair := checklist.next_triggered()) is not None:
                if pair.state is PairState.WAITING:
                    self._start(pair)
            if now >= self._next_check_at and (pair := checklist.take_ordinary()) is not None:
                self._next_check_at = now + self._settings.check_interval
                self._start(pair)
        for pair, data in self._checks.transmissions(now):
            yield pair.path, data

    def prove_consent(self, pair: CandidatePair) -> None:
        """Queue a check that keeps the path open and asks for consent (RFC 7675)."""
        pair.consent_requests_sent += 1
        # Every chance to get the nomination through is taken.
        self._start(pair, is_consent=True, use_candidate=pair is self.selection.nominating)

    def nominate(self, pair: CandidatePair, now: float) -> None:
        """Controlling: ask the peer to use a valid pair (section 8.1.1); selected once it has answered."""
        self.selection.nominate(pair, now)
        self._checks.withdraw_nominations()
        if is_agreed(self.generation.local, self.generation.remote):
            self._checks.nomination += 1
        self._start(pair, use_candidate=True)

    def resume(self) -> None:
        """The selected pair is gone or in doubt: go on with everything that its selection had ended."""
        self.generation.resume_pairing()
        for pair in self.generation.checklist:
            if pair.state is PairState.IN_PROGRESS:
                self._checks.hasten(pair)

    def conclude(self, selected: CandidatePair) -> None:
        """There is a pair to stay with: try no others, and keep no connections for them."""
        # RFC 6544 section 8. Should the path fall silent, these pairs are tried again, over new connections.
        for other in self.generation.checklist:
            if other.is_reliable and other is not selected and other.state is not PairState.FAILED:
                self.lose(other, FailureReason.ABANDONED)
        self.generation.stop_pairing()

    def take_detour(self, pair: CandidatePair | None) -> None:
        """Controlled: send over another valid pair than the selected one until that is None again."""
        self.selection.detour = pair
        self._choose_path()

    def change_role(self, is_controlling: bool) -> None:
        """Take the other role, and tell the owner."""
        if is_controlling is self._role.is_controlling:
            return
        self._role.is_controlling = is_controlling
        self.adopt_role()
        self._emit(RoleChanged(is_controlling))

    def adopt_role(self) -> None:
        """The role has changed, here or in another session of the agent."""
        self.selection.role_changed()
        self.generation.recompute_priorities()
        self._choose_path()

    def stop(self) -> None:
        """Forget what is on its way."""
        self._checks.clear()
        self.path = None

    def forgive(self, seconds: float) -> None:
        """We did not run for so long."""
        self._checks.postpone(seconds)
        if self.started_at is not None:
            self.started_at += seconds

    def is_spare(self, pair: CandidatePair) -> bool:
        """Whether another pair is selected, and not in doubt."""
        return self.selection.selected not in {None, pair} and not self.generation.is_pairing

    @property
    def is_exhausted(self) -> bool:
        """Whether there is neither a valid pair nor one to try."""
        return self.path is None and (self._settings.lite or self.generation.checklist.is_exhausted)

    def next_timeout(self) -> float | None:
        """When `advance` or `transmissions` has something to do."""
        checklist = self.generation.checklist
        if unchecked_pair(self.generation, self._settings, self.selection.selected) is not None:
            return float("-inf")
        ordinary_at: float | None = None
        if self.generation.may_check:
            if checklist.has_triggered_check:
                return float("-inf")
            if checklist.has_ordinary_check:
                ordinary_at = self._next_check_at
        return earliest(
            self._checks.next_timeout(),
            self.selection.next_timeout(checklist.valid_pairs, is_controlling=self._role.is_controlling),
            ordinary_at,
        )

    def _check_back(self, pair: CandidatePair, check: PeerCheck) -> None:
        if self._settings.lite:
            # Section 7.3.2: what the peer nominates is valid, for it has checked.
            if check.use_candidate:
                pair.state, pair.failure = PairState.SUCCEEDED, None
        elif pair.state is PairState.IN_PROGRESS:
            self._checks.hasten(pair)
        elif not pair.is_valid and (check.use_candidate or not self._is_let_go(pair)):
            self.generation.checklist.trigger(pair)

    def _follow(self, pair: CandidatePair, now: float) -> None:
        if self._settings.lite or _is_fresh(pair, self._settings, now):
            self._select(pair)
        else:
            self.generation.checklist.trigger(pair)

    def _prefer(self, pair: CandidatePair, now: float) -> None:
        """The program wants this pair."""
        if not self._role.is_controlling:
            if self._settings.lite:
                pair.state, pair.failure = PairState.SUCCEEDED, None  # the peer's check has to do
            if self.selection.claim(pair, now):
                self._follow(pair, now)
        else:
            self.selection.request(pair)

    def _start(self, pair: CandidatePair, *, use_candidate: bool = False, is_consent: bool = False) -> None:
        remote = self.generation.remote
        assert remote is not None
        if not pair.is_valid:
            pair.state = PairState.IN_PROGRESS
        local = self.generation.local
        self._checks.start(pair, self._role, local, remote, use_candidate=use_candidate, is_consent=is_consent)

    def _on_success(self, check: Check, now: float) -> None:
        pair = check.pair
        pair.responses_received += 1
        pair.last_received_at = pair.last_response_at = now
        if check.transaction.requests_sent == 1:  # of a repeated request nobody knows which one was answered
            pair.note_round_trip(now - check.last_sent_at)
        if self.generation.checklist.find(pair.path) is not pair:
            return
        is_new = not pair.is_valid
        if is_new:
            pair.state, pair.failure = PairState.SUCCEEDED, None
            self.generation.checklist.unfreeze(pair.foundation)
        if self._role.is_controlling:
            if check.use_candidate and self.selection.nominating is pair:
                self._select(pair)
        elif is_new and self.selection.validated(pair, now):
            self._select(pair)
        if is_new and pair.is_reliable and self.is_spare(pair) and pair.nominated_by_peer_at is None:
            self.lose(pair, FailureReason.ABANDONED)  # the peer's check came late
        self._choose_path()

    def _note_mapped(self, pair: CandidatePair, mapped: TransportAddress) -> None:
        protocol = pair.path[0].protocol
        if mapped.protocol != protocol:
            mapped = mapped._replace(protocol=protocol)  # STUN does not say
        if pair.mapped != mapped:
            pair.mapped = mapped
            candidate = self.generation.learn_local(pair, mapped)
            if candidate is not None:
                self._emit(LocalCandidateDiscovered(candidate))

    def _on_error(self, check: Check, error: tuple[int, str]) -> None:
        code, phrase = error
        pair = check.pair
        pair.responses_received += 1
        if code == ErrorCode.ROLE_CONFLICT:
            if check.was_controlling is self._role.is_controlling:
                self.change_role(not self._role.is_controlling)
                self._role.renew_tie_breaker()
            # Section 7.2.5.1: the same pair again, in the role that we have now.
            self.selection.gave_up_nomination(pair)
            if not pair.is_valid and not self._checks.is_checking(pair):
                self.generation.checklist.trigger(pair)
            return
        if not check.is_consent and (not pair.is_valid or check.use_candidate):
            self.lose(pair, FailureReason.ERROR_RESPONSE, code=code, detail=phrase)

    def lose(self, pair: CandidatePair, reason: FailureReason, detail: str = "", *, code: int | None = None) -> None:
        """The pair is of no use."""
        pair.fail(reason, code, detail)
        self._checks.drop(pair)
        if pair.is_reliable:
            self._emit(ConnectionUnneeded(pair.path))
        was_selected = self.selection.selected is pair
        self.selection.gave_up(pair)
        if was_selected:
            self.resume()
        self._choose_path()

    def _select(self, pair: CandidatePair) -> None:
        if self.selection.selected is pair:
            self.selection.gave_up_nomination(pair)
            return
        self.selection.select(pair)
        self.conclude(pair)
        self._checks.stop_repeating(pair)
        self._choose_path()
        self._emit(PairSelected(pair.local, pair.remote, pair.path))

    def _choose_path(self) -> None:
        self.path = self.selection.path(self.generation.checklist.valid_pairs)
        if self.path is not None and not self._has_announced_path:
            self._has_announced_path = True
            self._emit(PairValidated(self.path.local, self.path.remote, self.path.path))

    def _is_let_go(self, pair: CandidatePair) -> bool:
        """Whether its connection is not needed: then the peer's checks are answered, and make no others."""
        is_abandoned = pair.failure is not None and pair.failure.reason is FailureReason.ABANDONED
        return pair.is_reliable and is_abandoned and self.is_spare(pair)


def _is_fresh(pair: CandidatePair, settings: IceSettings, now: float) -> bool:
    """Whether a valid pair may still be believed; one that was not used for long is checked before it is."""
    return pair.last_response_at is not None and now - pair.last_response_at < settings.consent_timeout


def _is_believable(message: StunMessage, key: bytes, pair: CandidatePair) -> bool:
    if message.unknown_required(KNOWN_ATTRIBUTES):
        return False
    if message.message_class is MessageClass.ERROR and not message.has_integrity:
        # Deviation: RFC 8489 section 9.1.4 discards what is not signed, but section 9.1.3 forbids the peer to sign
        # these two. They come from who has read our request, and cost a pair that has not worked yet. Of one that has
        # they would cost the connection, and a 487 our role.
        return not pair.is_valid and message.error is not None and message.error[0] in _UNSIGNED_ERRORS
    return message.verify_integrity(key)


def _is_tolerable(check: Check, message: StunMessage) -> bool:
    """Whether to ask again all the same: the peer may not know our credentials yet, as in an ICE restart."""
    if message.has_integrity or check.is_consent or (message.error or (0, ""))[0] != ErrorCode.UNAUTHENTICATED:
        return False
    check.refusals += 1
    return check.refusals <= _REFUSALS_TOLERATED
