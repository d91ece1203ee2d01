"""The ICE agent as a core: candidates and STUN datagrams in, checks and a path for data out.

RFC 8445 (ICE), RFC 8838 (trickle), RFC 8863 (patience), RFC 7675 (consent).
"""

from collections.abc import Collection, Sequence
from functools import reduce

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.errors import InvalidStateError
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.choice import remote_address_test
from rtcpeer.ice.events import GenerationRetired, IceEvent, IceState, PairSelected, Restarted, RoleChanged, StateChanged
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.intake import Intake
from rtcpeer.ice.lateness import Lateness
from rtcpeer.ice.pair import CandidatePair, FailureReason, Path, Traffic
from rtcpeer.ice.parameters import IceParameters, generate_parameters
from rtcpeer.ice.role import Role
from rtcpeer.ice.session import Session
from rtcpeer.ice.sessions import Sessions
from rtcpeer.ice.settings import IceSettings
from rtcpeer.ice.statistics import IceStatistics, pair_statistics

__all__ = ["Agent"]


class Agent:
    """One data stream with one component, between two peers. `rtcpeer.core.Core` with datagrams and ICE events.

    An ICE restart (RFC 8445 section 9) begins another generation of credentials, candidates and pairs. Until that has
    selected a pair, the generation before carries the data, and both are alive. Candidates that the owner adds belong
    to the newest one.
    """

    def __init__(self, settings: IceSettings, *, is_controlling: bool, entropy: Entropy) -> None:
        self._settings = settings
        self._entropy = entropy
        self._is_offerer = is_controlling
        self._role = Role(is_controlling and not settings.lite, entropy)
        self._events: list[IceEvent] = []
        first = Session(generate_parameters(settings, entropy), self._role, settings, entropy, self._emit)
        self._sessions = Sessions(first, settings.max_remote_candidates, self._on_retired)
        self._intake = Intake(self._sessions.checkings, self._role, settings, remote_address_test(settings, self._emit))
        self._state = IceState.NEW
        self._is_over = False  # closed, or failed without a session that could still succeed
        self._is_recovering = False  # restarted while disconnected or failed
        self._carrier: Session | None = None
        self._selected_pair_changes = 0
        self._role_changes = 0
        self._traffic = Traffic()  # in generations that are retired, like the next three
        self._candidates_refused = 0
        self._responses_refused = 0
        self._remotes_seen = 0
        self._lateness = Lateness()
        # Between two deadlines data flows in thousands of turns, and only commands change what we would do: after STUN
        # has come there is a new deadline.
        self._is_changed = True
        self._due: float | None = None  # `next_timeout` while nothing has changed
        self._advanced_at: float | None = None  # when all conclusions were drawn, while nothing has changed since

    def receive(self, packet: Datagrams, now: float) -> None:
        """Take STUN datagrams that came in on one of our bases."""
        if self._is_over:
            return
        self._wake(now)
        path = (packet.local, packet.remote)
        for payload in packet.payloads:
            self._intake.take(payload, path, now)
        self._settle(now)
        self._rest(now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due: give up, nominate, and notice that the peer is gone."""
        if self._is_over:
            return
        self._advance(now)
        self._watch_paths(now)
        self._advanced_at = now  # the pull that follows sends what is due, and rests

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """Answers first, then checks that are due; one entry for each path."""
        is_due = self._is_changed or (self._due is not None and now >= self._due)
        answers = self._intake.answers
        if not is_due and not answers:
            return []
        by_path: dict[Path, list[bytes]] = {}
        while answers:
            path, payload = answers.popleft()
            by_path.setdefault(path, []).append(payload)
        if is_due:
            self._check(by_path, now)
        return [Datagrams(local, remote, payloads) for (local, remote), payloads in by_path.items()]

    def poll_events(self) -> list[IceEvent]:
        """What happened, oldest first."""
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called; minus infinity: at once."""
        return self._deadline() if self._is_changed else self._due

    def _deadline(self) -> float | None:
        return None if self._is_over else self._sessions.next_timeout()

    def add_local_candidate(self, candidate: Candidate) -> bool:
        """Check from this candidate too; False where it is redundant or the transport policy excludes it."""
        self._require_open("add a local candidate")
        is_new = self._generation.add_local(candidate)
        self._update_state()
        return is_new

    def end_of_local_candidates(self) -> None:
        """Gathering is over."""
        self._generation.local_ended = True
        self._update_state()

    def set_remote_parameters(self, parameters: IceParameters) -> None:
        """The peer's credentials: checks begin as soon as there are pairs. The same ones again change nothing.

        Others than before are the peer's restart, which `restart` answers here if nobody has called it.
        """
        self._require_open("set remote parameters")
        if self.is_restarted_by(parameters):
            self.restart()
        elif self._generation.remote is not None:
            return
        self._sessions.agree(parameters)
        if parameters.is_lite or self._settings.lite:
            self._take_role()
        self._update_state()

    def restart(self, parameters: IceParameters | None = None, settings: IceSettings | None = None) -> IceParameters:
        """Begin a new generation, and return our credentials for it; data stays where it is until that has a pair.

        Until the peer's credentials for it are set, it can be taken back by `roll_back`, and another call replaces it.

        Args:
            parameters: credentials made before by `fresh_parameters`.
            settings: for this generation and those that follow.
        """
        self._require_open("restart ICE")
        if settings is not None:
            self._settings = settings
            self._intake.admits_remote = remote_address_test(settings, self._emit)
        local = parameters or self.fresh_parameters()
        if local != self._generation.local:
            self._events.append(Restarted(local))
        self._sessions.begin(Session(local, self._role, self._settings, self._entropy, self._emit))
        self._is_over = False
        if self._state in {IceState.DISCONNECTED, IceState.FAILED}:
            # W3C webrtc-pc section 5.6.5: a restart forgets that connectivity was lost.
            self._is_recovering = True
            self._enter(IceState.CHECKING)
        self._update_state()
        return local

    def roll_back(self) -> bool:
        """Undo a restart that the peer has not agreed to; False where there is none."""
        if self._state is IceState.CLOSED or not self._sessions.roll_back():
            return False
        self._is_recovering = False
        self._update_state()
        self._fail_if_over()
        return True

    def is_restarted_by(self, parameters: IceParameters) -> bool:
        """Whether these credentials of the peer's differ from those agreed on (RFC 8839 section 4.4.1.1.1)."""
        remote = self._generation.remote
        return remote is not None and (
            (remote.username_fragment, remote.password) != (parameters.username_fragment, parameters.password)
        )

    def fresh_parameters(self) -> IceParameters:
        """Credentials for a restart to come."""
        return generate_parameters(self._settings, self._entropy, is_restart=True)

    def add_remote_candidate(self, candidate: Candidate) -> None:
        """A candidate of the peer; duplicates, other generations and what can not be paired cause no error."""
        if self._state is not IceState.CLOSED:  # after a failure they may be for the restart to come
            if candidate.is_numeric and not self._intake.admits_remote(candidate.transport_address.host):
                self._sessions.agreed.generation.candidates_refused += 1
                return
            self._sessions.add_remote(candidate)
            self._update_state()

    def resolve_remote_candidate(self, candidate: Candidate, addresses: Sequence[str]) -> None:
        """The name in a candidate that was added stands for these addresses; without any the candidate stays listed."""
        if not self._is_over:
            self._sessions.resolve_remote(candidate, [each for each in addresses if self._intake.admits_remote(each)])
            self._update_state()

    def end_of_remote_candidates(self, username_fragment: str | None = None) -> None:
        """The peer will signal no more with this fragment of its own; None: in the generation that was agreed on."""
        self._sessions.end_remote(username_fragment)
        self._update_state()

    def set_role(self, is_controlling: bool) -> None:
        """Take the role that the offer/answer exchange gives us (RFC 8445 section 6.1.1)."""
        self._is_offerer = is_controlling
        self._take_role()
        self._update_state()

    def renominate(self, path: Path) -> None:
        """Go over to another of the `valid_pairs`; selected once the peer has answered.

        With renomination agreed the peer follows at once; else it is told as at first, and follows as it sees fit.

        Raises:
            InvalidStateError: the peer is controlling, or the pair is not valid, or the agent is closed.
        """
        self._require_open("renominate")
        carrier = self._carrier
        pair = None if carrier is None else carrier.generation.checklist.find(path)
        if not self._role.is_controlling or self._settings.lite:
            raise InvalidStateError("can not renominate: the peer is the controlling side")
        if carrier is None or pair is None or not pair.is_valid:
            raise InvalidStateError(f"can not renominate: {path[0]} to {path[1]} is not a valid pair")
        carrier.checking.selection.request(pair)
        self._update_state()

    def note_data(
        self, local: TransportAddress, remote: TransportAddress, now: float, payloads: Sequence[bytes] = ()
    ) -> bool:
        """Other traffic than STUN came in: it counts, and proves that the path lives. One call for a batch is enough.

        False when there is no such pair, so that the data comes from nobody we know.
        """
        carrier = self._carrier
        pair = None if carrier is None else carrier.checking.path
        if pair is None or pair.path != (local, remote):
            pair = self._sessions.find((local, remote))
        if pair is not None:
            pair.last_received_at = pair.last_packet_received_at = now
            count = len(payloads)
            pair.packets_received += count
            pair.bytes_received += len(payloads[0]) if count == 1 else sum(map(len, payloads))
            if carrier is not None and carrier.is_silent:
                self._settle(now)
            return True
        return self._sessions.knows_sender((local, remote))

    def note_sent(self, payloads: Sequence[bytes], now: float) -> None:
        """Other traffic than STUN goes out over `send_path`: it is counted. One call for a batch is enough."""
        carrier = self._carrier
        pair = None if carrier is None else carrier.checking.path
        if pair is not None:
            pair.last_packet_sent_at = now
            count = len(payloads)
            pair.packets_sent += count
            pair.bytes_sent += len(payloads[0]) if count == 1 else sum(map(len, payloads))

    def note_unroutable(self, local: TransportAddress, remote: TransportAddress, now: float, detail: str = "") -> None:
        """Our own host could not send on a path (no route, network down): its pair fails at once unless it is valid."""
        if self._is_over:
            return
        for session in self._sessions.running:
            pair = session.generation.checklist.find((local, remote))
            if pair is not None and not pair.is_valid:
                session.checking.lose(pair, FailureReason.UNROUTABLE, detail)
        self._settle(now)

    def connection_lost(self, path: Path, now: float, detail: str = "") -> None:
        """The TCP connection of a path could not be had, or has ended."""
        if self._is_over:
            return
        for session in self._sessions.running:
            session.connection_lost(path, now, detail)
        self._settle(now)

    def drop_bases(
        self, bases: Collection[TransportAddress], now: float, detail: str = "", *, is_hopeful: bool = False
    ) -> None:
        """Nothing can be sent from these any more: their pairs fail, and another takes over where there is one.

        Without another it is a failure at once, or with hope for new bases when patience for them is over.
        """
        if self._is_over:
            return
        for session in self._sessions.running:
            session.drop_bases(bases, now, detail, is_hopeful=is_hopeful)
        self._settle(now)
        self._fail_if_over()

    def close(self) -> None:
        """Stop; harmless when repeated."""
        self._is_changed = True
        for session in self._sessions:
            session.checking.stop()
        self._carrier = None
        self._intake.clear()
        self._is_over = True
        self._enter(IceState.CLOSED)

    @property
    def state(self) -> IceState:
        """Where the agent stands."""
        return self._state

    @property
    def is_controlling(self) -> bool:
        """Whether it is we who nominate."""
        return self._role.is_controlling

    @property
    def is_restart_pending(self) -> bool:
        """Whether a restart waits for the peer's credentials."""
        return self._sessions.agreed is not self._sessions.newest

    @property
    def local_parameters(self) -> IceParameters:
        """Our credentials, of the newest generation."""
        return self._generation.local

    @property
    def remote_parameters(self) -> IceParameters | None:
        """The peer's credentials, the newest that are known."""
        return self._sessions.agreed.generation.remote

    @property
    def local_candidates(self) -> list[Candidate]:
        """Ours in the newest generation, including those that the peer's answers taught us."""
        return list(self._generation.local_candidates)

    @property
    def remote_candidates(self) -> list[Candidate]:
        """The peer's in the generation agreed on: also what is not paired (names, TCP) and what checks taught us."""
        return list(self._sessions.agreed.generation.remote_candidates)

    @property
    def remotes_seen(self) -> int:
        """Changes whenever `remote_addresses` has grown."""
        return self._remotes_seen + sum(session.generation.remotes_seen for session in self._sessions)

    @property
    def remote_addresses(self) -> list[TransportAddress]:
        """The peer's addresses, as far as they can be paired."""
        return self._sessions.remote_addresses()

    @property
    def selected_pair(self) -> CandidatePair | None:
        """The nominated pair, in the newest generation that has one."""
        return self._sessions.selected_pair

    @property
    def valid_pairs(self) -> list[CandidatePair]:
        """The pairs that work in the generation that carries data, best first."""
        return [] if self._carrier is None else list(self._carrier.generation.checklist.valid_pairs)

    def send_path(self) -> Path | None:
        """(local base, remote) for data: the selected pair, or a valid one that does for it; None without consent."""
        carrier = self._carrier
        pair = None if carrier is None else carrier.checking.path
        return None if pair is None else pair.path

    def pair(self, local: TransportAddress, remote: TransportAddress) -> CandidatePair | None:
        """The pair of a path."""
        return self._sessions.find((local, remote))

    def knows_path(self, path: Path) -> bool:
        """Whether packets on this path are from the peer, as far as checks have shown."""
        return self._sessions.find(path) is not None or self._sessions.knows_sender(path)

    def statistics(self) -> IceStatistics:
        """All counters as they stand, and the pairs and candidates of all generations that live, the newest first."""
        sessions = list(self._sessions)[::-1]
        generations = [session.generation for session in sessions]
        selected, agreed = self.selected_pair, self._sessions.agreed
        return IceStatistics(
            state=self._state,
            is_controlling=self._role.is_controlling,
            local_parameters=self._generation.local,
            remote_parameters=agreed.generation.remote,
            checking_since=agreed.checking.started_at,
            is_local_ended=self._generation.local_ended,
            is_remote_ended=agreed.generation.remote_ended,
            send_path=self.send_path(),
            pairs=tuple(pair_statistics(pair, selected) for each in generations for pair in each.checklist),
            local_candidates=tuple(candidate for each in generations for candidate in each.local_candidates),
            remote_candidates=tuple(candidate for each in generations for candidate in each.remote_candidates),
            traffic=reduce(Traffic.plus, (each.checklist.traffic for each in generations), self._traffic),
            lost_paths=tuple(lost for session in self._sessions for lost in session.lost_paths),
            selected_pair_changes=self._selected_pair_changes,
            role_changes=self._role_changes,
            malformed_packets=self._intake.malformed_packets,
            ignored_packets=self._intake.ignored_packets,
            requests_refused=self._intake.requests_refused,
            responses_refused=self._responses_refused + sum(each.checking.responses_refused for each in sessions),
            responses_unmatched=self._intake.responses_unmatched,
            candidates_refused=self._candidates_refused + sum(each.candidates_refused for each in generations),
            candidates_of_other_generations=self._sessions.candidates_of_others,
            candidates_excluded=sum(each.candidates_excluded for each in generations),
        )

    def _take_role(self) -> None:
        """Section 6.1.1: a full side controls a lite one; between equals it is the offerer."""
        remote = self.remote_parameters
        is_peer_lite = remote is not None and remote.is_lite
        is_equal = is_peer_lite is self._settings.lite
        self._sessions.newest.checking.change_role(self._is_offerer if is_equal else is_peer_lite)

    @property
    def _generation(self) -> Generation:
        return self._sessions.newest.generation

    def _emit(self, event: IceEvent) -> None:
        if isinstance(event, PairSelected):
            self._selected_pair_changes += 1
        elif isinstance(event, RoleChanged):
            self._role_changes += 1
            for session in self._sessions:
                session.checking.adopt_role()
        self._events.append(event)

    def _on_retired(self, session: Session) -> None:
        self._responses_refused += session.checking.responses_refused
        self._candidates_refused += session.generation.candidates_refused
        self._traffic = self._traffic.plus(session.generation.checklist.traffic)
        self._remotes_seen += session.generation.remotes_seen
        self._events.append(GenerationRetired(session.generation.local))

    def _check(self, by_path: dict[Path, list[bytes]], now: float) -> None:
        """Add our own checks that are due."""
        if self._is_over:
            return
        if now != self._advanced_at:
            self._advance(now)
        for session in self._sessions.running:
            for path, payload in session.transmissions(now):
                by_path.setdefault(path, []).append(payload)
        self._rest(now)

    def _advance(self, now: float) -> None:
        self._wake(now)
        self._sessions.advance(now)
        self._settle(now)

    def _wake(self, now: float) -> None:
        self._is_changed = True
        self._sessions.wake(self._lateness.forgiven(now), now)

    def _rest(self, now: float) -> None:
        self._due = due = self._deadline()
        self._is_changed = False
        self._lateness.promise(due, now)

    def _settle(self, now: float) -> None:
        """Draw the conclusions of what has just changed."""
        self._sessions.settle(now)
        self._update_state()

    def _watch_paths(self, now: float) -> None:
        for session in self._sessions.running:
            if session.drop_dead_paths(now):
                self._settle(now)
            session.lose_patience(now)
        self._fail_if_over()

    def _fail_if_over(self) -> None:
        """Where nothing carries data and no session that was agreed on can succeed any more, say so."""
        if self._carrier is not None:
            return
        failed = [session.is_failed for session in self._sessions if session.generation.remote is not None]
        if self._state is not IceState.CLOSED and failed and all(failed) and self._sessions.carrier is None:
            self._update_state()
            self._is_over = self._sessions.newest.is_failed
            self._enter(IceState.FAILED)

    def _update_state(self) -> None:
        self._is_changed = True
        self._advanced_at = None
        if self._is_over:
            return
        self._carrier = carrier = self._sessions.carrier
        newest = self._sessions.newest
        if carrier is None:
            if newest.generation.remote is not None and newest.generation.remote_candidates and not newest.is_failed:
                self._enter(IceState.CHECKING)
            return
        if carrier.is_silent and self._is_recovering:
            self._enter(IceState.CHECKING)
            return
        if self._state in {IceState.NEW, IceState.CHECKING}:
            # Nobody who waits for "connected" should miss it where the last answer brings everything at once.
            self._enter(IceState.CONNECTED)
        self._is_recovering = False
        generation = carrier.generation
        has_all = generation.local_ended and generation.remote_ended and carrier.is_selected and carrier is newest
        alive = IceState.COMPLETED if has_all else IceState.CONNECTED
        self._enter(IceState.DISCONNECTED if carrier.is_silent else alive)

    def _enter(self, state: IceState) -> None:
        if state is not self._state:
            self._state = state
            self._events.append(StateChanged(state))

    def _require_open(self, action: str) -> None:
        if self._state is IceState.CLOSED:
            raise InvalidStateError(f"can not {action}: the ICE agent is closed")
