"""The ICE agent as a core: candidates and STUN datagrams in, checks and a path for data out.

RFC 8445 (ICE), RFC 8838 (trickle), RFC 8863 (patience), RFC 7675 (consent).
"""

from collections import deque
from collections.abc import Sequence

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.errors import InvalidStateError, NotSupportedError
from rtcpeer.ice.automatic_renomination import AutomaticRenomination
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.checking import Checking
from rtcpeer.ice.choice import remote_address_test
from rtcpeer.ice.consent import PathMonitor
from rtcpeer.ice.events import ConsentLost, IceEvent, IceState, PairSelected, RoleChanged, StateChanged
from rtcpeer.ice.failover import Failover
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.intake import Intake
from rtcpeer.ice.lite import keepalive
from rtcpeer.ice.pair import CandidatePair, FailureReason, Path
from rtcpeer.ice.parameters import IceParameters, generate_parameters
from rtcpeer.ice.role import Role
from rtcpeer.ice.settings import IceSettings
from rtcpeer.ice.statistics import IceStatistics, LostPath, pair_statistics

__all__ = ["Agent"]

_FINAL_STATES = frozenset({IceState.FAILED, IceState.CLOSED})
# A timer may be late by the grain of the event loop; by more only where the loop did not run.
_LATENESS_TOLERATED = 1.0
_LOST_PATHS_REMEMBERED = 8


class Agent:
    """One data stream with one component, between two peers. `rtcpeer.core.Core` with datagrams and ICE events."""

    def __init__(self, settings: IceSettings, *, is_controlling: bool, entropy: Entropy) -> None:
        self._settings = settings
        self._entropy = entropy
        self._is_offerer = is_controlling
        self._role = Role(is_controlling and not settings.lite, entropy)
        self._events: list[IceEvent] = []
        generation = Generation(generate_parameters(settings, entropy), self._role, settings)
        self._checking = Checking(generation, self._role, settings, entropy, self._emit)
        self._admits_remote = remote_address_test(settings, self._emit)
        self._intake = Intake(self._checking, self._role, settings, self._admits_remote)
        self._monitor = PathMonitor(settings, entropy)
        self._failover = Failover(self._checking, self._monitor, self._role)
        self._renomination = AutomaticRenomination(self._checking, self._role, settings)
        self._state = IceState.NEW
        self._is_silent = False
        self._selected_pair_changes = 0
        self._role_changes = 0
        self._lost_paths: deque[LostPath] = deque(maxlen=_LOST_PATHS_REMEMBERED)
        self._promised: float | None = None  # when we were to be called again, seen from the last time we ran
        # Between two deadlines data flows in thousands of turns, and only commands and STUN change what we would do.
        self._is_changed = True
        self._due: float | None = None  # `next_timeout` while nothing has changed

    def receive(self, packet: Datagrams, now: float) -> None:
        """Take STUN datagrams that came in on one of our bases."""
        if self._state in _FINAL_STATES:
            return
        self._wake(now)
        path = (packet.local, packet.remote)
        for payload in packet.payloads:
            self._intake.take(payload, path, now)
        self._settle(now)
        self._rest(now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due: give up, nominate, and notice that the peer is gone."""
        if self._state in _FINAL_STATES:
            return
        self._wake(now)
        self._checking.advance(now)
        self._renomination.advance(now)
        self._settle(now)
        self._watch_path(now)
        self._lose_patience(now)
        self._rest(now)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """Answers first, then checks that are due; one entry for each path."""
        if not self._is_changed and (self._due is None or now < self._due):
            return []
        if self._state in _FINAL_STATES:
            return []
        self._wake(now)
        self._checking.advance(now)
        self._settle(now)
        by_path: dict[Path, list[bytes]] = {}
        for path, payload in self._intake.answers():
            by_path.setdefault(path, []).append(payload)
        pair = self._monitor.check_due(now)
        if pair is not None and self._settings.lite:
            by_path.setdefault(pair.path, []).append(keepalive(self._entropy))
        elif pair is not None:
            self._checking.prove_consent(pair)
            self._failover.probe(now)
        for path, payload in self._checking.transmissions(now):
            by_path.setdefault(path, []).append(payload)
        self._rest(now)
        self._is_changed = False
        return [Datagrams(local, remote, payloads) for (local, remote), payloads in by_path.items()]

    def poll_events(self) -> list[IceEvent]:
        """What happened, oldest first."""
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called; minus infinity: at once."""
        return self._deadline() if self._is_changed else self._due

    def _deadline(self) -> float | None:
        if self._state in _FINAL_STATES:
            return None
        checking = self._checking
        if checking.generation.remote is None:
            return None
        if checking.started_at is None:
            return float("-inf")
        moments = [
            checking.next_timeout(),
            self._monitor.next_timeout(self._is_silent),
            self._renomination.next_timeout(),
        ]
        if checking.is_exhausted:
            moments.append(checking.started_at + self._settings.patience)
        return min((moment for moment in moments if moment is not None), default=None)

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
        """The peer's credentials: checks begin as soon as there are pairs. The same ones again change nothing."""
        self._require_open("set remote parameters")
        remote = self._generation.remote
        if remote is not None:
            if (remote.username_fragment, remote.password) != (parameters.username_fragment, parameters.password):
                raise NotSupportedError("the peer's credentials have changed: ICE restart is not supported yet")
            return
        self._generation.set_remote(parameters)
        if parameters.is_lite or self._settings.lite:
            self._take_role()
        self._monitor.is_passive = self._settings.lite and not parameters.is_lite
        self._update_state()

    def add_remote_candidate(self, candidate: Candidate) -> None:
        """A candidate of the peer; duplicates, other generations and what can not be paired cause no error."""
        if self._state not in _FINAL_STATES:
            if candidate.is_numeric and not self._admits_remote(candidate.transport_address.host):
                self._generation.candidates_refused += 1
                return
            self._generation.add_remote(candidate)
            self._update_state()

    def resolve_remote_candidate(self, candidate: Candidate, addresses: Sequence[str]) -> None:
        """The name in a candidate that was added stands for these addresses; without any the candidate stays listed."""
        if self._state not in _FINAL_STATES:
            self._generation.resolve_remote(candidate, [each for each in addresses if self._admits_remote(each)])
            self._update_state()

    def end_of_remote_candidates(self) -> None:
        """The peer will signal no more."""
        self._generation.remote_ended = True
        self._update_state()

    def set_role(self, is_controlling: bool) -> None:
        """Take the role that the offer/answer exchange gives us (RFC 8445 section 6.1.1)."""
        self._is_changed = True
        self._is_offerer = is_controlling
        self._take_role()

    def renominate(self, path: Path) -> None:
        """Go over to another valid pair (`statistics` lists them); selected once the peer has answered.

        With renomination agreed the peer follows at once; else it is told as at first, and follows as it sees fit.

        Raises:
            InvalidStateError: the peer is controlling, or the pair is not valid, or the agent is closed.
        """
        self._require_open("renominate")
        pair = self._generation.checklist.find(path)
        if not self._role.is_controlling or self._settings.lite:
            raise InvalidStateError("can not renominate: the peer is the controlling side")
        if pair is None or not pair.is_valid:
            raise InvalidStateError(f"can not renominate: {path[0]} to {path[1]} is not a valid pair")
        self._is_changed = True
        self._checking.selection.request(pair)

    def note_data(
        self, local: TransportAddress, remote: TransportAddress, now: float, payloads: Sequence[bytes] = ()
    ) -> bool:
        """Other traffic than STUN came in: it counts, and proves that the path lives. One call for a batch is enough.

        False when there is no such pair, so that the data comes from nobody we know.
        """
        pair = self._checking.path
        if pair is None or pair.path != (local, remote):
            pair = self._generation.checklist.find((local, remote))
        if pair is not None:
            pair.last_received_at = pair.last_packet_received_at = now
            count = len(payloads)
            pair.packets_received += count
            pair.bytes_received += len(payloads[0]) if count == 1 else sum(map(len, payloads))
            if self._is_silent:
                self._settle(now)
            return True
        return self._is_early((local, remote))

    def note_sent(self, payloads: Sequence[bytes], now: float) -> None:
        """Other traffic than STUN goes out over `send_path`: it is counted. One call for a batch is enough."""
        pair = self._checking.path
        if pair is not None:
            pair.last_packet_sent_at = now
            count = len(payloads)
            pair.packets_sent += count
            pair.bytes_sent += len(payloads[0]) if count == 1 else sum(map(len, payloads))

    def note_unroutable(self, local: TransportAddress, remote: TransportAddress, now: float, detail: str = "") -> None:
        """Our own host could not send on a path (no route, network down): its pair fails at once unless it is valid."""
        pair = self._generation.checklist.find((local, remote))
        if pair is not None and not pair.is_valid and self._state not in _FINAL_STATES:
            self._checking.lose(pair, FailureReason.UNROUTABLE, detail)
            self._settle(now)

    def connection_lost(self, path: Path, now: float, detail: str = "") -> None:
        """The TCP connection of a path could not be had, or has ended."""
        pair = self._generation.checklist.find(path)
        if pair is None or self._state in _FINAL_STATES:
            return
        self._failover.connection_lost(pair, now, detail)
        self._settle(now)

    def drop_bases(self, bases: Sequence[TransportAddress], now: float, detail: str = "") -> None:
        """Nothing can be sent from these any more: their pairs fail, and another takes over where there is one."""
        if self._state in _FINAL_STATES:
            return
        for pair in self._generation.drop_bases(bases):
            self._checking.lose(pair, FailureReason.UNROUTABLE, detail)
        if self._selected_pair_changes and self._checking.is_exhausted:
            self._fail()
        else:
            self._settle(now)

    def close(self) -> None:
        """Stop; harmless when repeated."""
        self._is_changed = True
        self._checking.stop()
        self._intake.clear()
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
    def local_parameters(self) -> IceParameters:
        """Our credentials."""
        return self._generation.local

    @property
    def remote_parameters(self) -> IceParameters | None:
        """The peer's credentials, where they are known."""
        return self._generation.remote

    @property
    def local_candidates(self) -> list[Candidate]:
        """Ours, including those that the peer's answers taught us."""
        return list(self._generation.local_candidates)

    @property
    def remote_candidates(self) -> list[Candidate]:
        """The peer's, including those that are not paired (names, TCP) and those that its checks taught us."""
        return list(self._generation.remote_candidates)

    @property
    def remotes_seen(self) -> int:
        """Changes whenever `remote_addresses` has grown."""
        return self._generation.remotes_seen

    @property
    def remote_addresses(self) -> list[TransportAddress]:
        """The peer's addresses, as far as they can be paired."""
        return self._generation.remote_addresses

    @property
    def selected_pair(self) -> CandidatePair | None:
        """The nominated pair."""
        return self._checking.selection.selected

    def send_path(self) -> Path | None:
        """(local base, remote) for data: the selected pair, or a valid one that does for it; None without consent."""
        pair = self._checking.path
        return None if pair is None else pair.path

    def pair(self, local: TransportAddress, remote: TransportAddress) -> CandidatePair | None:
        """The pair of a path."""
        return self._generation.checklist.find((local, remote))

    def knows_path(self, path: Path) -> bool:
        """Whether packets on this path are from the peer, as far as checks have shown."""
        return self._generation.checklist.find(path) is not None or self._is_early(path)

    def statistics(self) -> IceStatistics:
        """All counters as they stand."""
        checking, generation = self._checking, self._generation
        return IceStatistics(
            state=self._state,
            is_controlling=self._role.is_controlling,
            local_parameters=generation.local,
            remote_parameters=generation.remote,
            checking_since=checking.started_at,
            is_local_ended=generation.local_ended,
            is_remote_ended=generation.remote_ended,
            send_path=self.send_path(),
            pairs=tuple(pair_statistics(pair, self.selected_pair) for pair in generation.checklist),
            local_candidates=tuple(generation.local_candidates),
            remote_candidates=tuple(generation.remote_candidates),
            traffic=generation.checklist.traffic,
            lost_paths=tuple(self._lost_paths),
            selected_pair_changes=self._selected_pair_changes,
            role_changes=self._role_changes,
            malformed_packets=self._intake.malformed_packets,
            ignored_packets=self._intake.ignored_packets,
            requests_refused=self._intake.requests_refused,
            responses_refused=checking.responses_refused,
            responses_unmatched=checking.responses_unmatched,
            candidates_refused=generation.candidates_refused,
            candidates_of_other_generations=generation.candidates_of_other_generations,
            candidates_excluded=generation.candidates_excluded,
        )

    def _take_role(self) -> None:
        """Section 6.1.1: a full side controls a lite one; between equals it is the offerer."""
        remote = self._generation.remote
        is_peer_lite = remote is not None and remote.is_lite
        is_equal = is_peer_lite is self._settings.lite
        self._checking.change_role(self._is_offerer if is_equal else is_peer_lite)

    @property
    def _generation(self) -> Generation:
        return self._checking.generation

    def _is_early(self, path: Path) -> bool:
        # Before the peer's description there are no pairs, but a check of its own has shown that it knows our password.
        return any(check.path == path for check in self._generation.early_checks)

    def _emit(self, event: IceEvent) -> None:
        if isinstance(event, PairSelected):
            self._selected_pair_changes += 1
        elif isinstance(event, RoleChanged):
            self._role_changes += 1
        self._events.append(event)

    def _wake(self, now: float) -> None:
        """Where a timer is long overdue it was we who did not run, and the peer is given that time back."""
        self._is_changed = True
        late = 0.0 if self._promised is None else now - self._promised
        if late > _LATENESS_TOLERATED:
            # A moment more: what came meanwhile lies in the socket, and is read after the timers have run.
            self._monitor.forgive(late + _LATENESS_TOLERATED, now)
            self._checking.forgive(late + _LATENESS_TOLERATED)
        self._checking.begin(now)

    def _rest(self, now: float) -> None:
        """End whatever was called: `_wake` will see how much later than this we were called again."""
        self._due = due = self._deadline()
        self._promised = None if due is None else max(due, now)

    def _settle(self, now: float) -> None:
        """Draw the conclusions of what has just changed."""
        self._failover.reconsider(now)
        self._is_silent = self._monitor.is_silent(now)
        self._update_state()

    def _watch_path(self, now: float) -> None:
        lost = self._failover.drop_dead(now)
        self._events += [ConsentLost(path) for path in lost]
        self._lost_paths.extend(LostPath(path, now) for path in lost)
        if lost and self._checking.path is None and self._selected_pair_changes:
            self._fail()
        elif lost:
            self._settle(now)

    def _lose_patience(self, now: float) -> None:
        started_at = self._checking.started_at
        if self._state in _FINAL_STATES or started_at is None or not self._checking.is_exhausted:
            return
        if now >= started_at + self._settings.patience:
            self._fail()

    def _fail(self) -> None:
        self._checking.stop()
        self._enter(IceState.FAILED)

    def _update_state(self) -> None:
        self._is_changed = True
        generation = self._generation
        if self._state in _FINAL_STATES:
            return
        if self._checking.path is not None:
            has_all = generation.local_ended and generation.remote_ended and self.selected_pair is not None
            alive = IceState.COMPLETED if has_all else IceState.CONNECTED
            if self._state in {IceState.NEW, IceState.CHECKING}:
                # Nobody who waits for "connected" should miss it where the last answer brings everything at once.
                self._enter(IceState.CONNECTED)
            self._enter(IceState.DISCONNECTED if self._is_silent else alive)
        elif generation.remote is not None and generation.remote_candidates:
            self._enter(IceState.CHECKING)

    def _enter(self, state: IceState) -> None:
        if state is not self._state:
            self._state = state
            self._events.append(StateChanged(state))

    def _require_open(self, action: str) -> None:
        if self._state is IceState.CLOSED:
            raise InvalidStateError(f"can not {action}: the ICE agent is closed")
