"""All sessions of an agent: the one that carries data, the one that was agreed on, and the one that is offered.

Usually these are one. An ICE restart (RFC 8445 section 9) begins a session, which can be taken back as long as the
peer's credentials for it are unknown; with them the agreement moves to it. Data stays where it is until the new session
has selected a pair.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from rtcpeer.core import TransportAddress, earliest
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.checking import Checking
from rtcpeer.ice.pair import CandidatePair, Path
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.session import Session

__all__ = ["Sessions"]

_MAX_REMEMBERED = 16  # of the peer's fragments, retired ones and those whose candidates have ended early


class Sessions:
    """At most three that count, and those that only answer until the peer has followed; oldest first.

    Args:
        first: what the agent begins with.
        max_early: how many candidates of unknown generations are kept.
        on_retired: told of each session that is no more.
    """

    def __init__(self, first: Session, max_early: int, on_retired: Callable[[Session], None]) -> None:
        self.checkings: list[Checking] = []  # of all sessions, for whoever needs no more of them
        self._sessions: list[Session] = []
        self._max_early = max_early
        self._on_retired = on_retired
        self._early: list[Candidate] = []
        self._early_ends: deque[str] = deque(maxlen=_MAX_REMEMBERED)
        self._retired_fragments: deque[str] = deque(maxlen=_MAX_REMEMBERED)
        self._append(first)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions)

    @property
    def running(self) -> list[Session]:
        """Those that check and prove consent."""
        return [session for session in self._sessions if session.is_running]

    @property
    def newest(self) -> Session:
        """The session whose credentials and candidates are ours now."""
        return self._sessions[-1]

    @property
    def agreed(self) -> Session:
        """The newest one whose peer is known; the newest where none is."""
        for session in reversed(self._sessions):
            if session.generation.remote is not None:
                return session
        return self.newest

    @property
    def carrier(self) -> Session | None:
        """Where data goes: the newest session with a selected pair; before there is one, the oldest that works.

        Where that has fallen silent, another one that works is better.
        """
        newest = self._sessions[-1]
        if newest.is_selected and not newest.is_silent:
            return newest
        works = [session for session in self._sessions if session.checking.path is not None]
        works = [session for session in reversed(works) if session.is_selected][:1] + works
        return next((session for session in works if not session.is_silent), works[0] if works else None)

    @property
    def selected_pair(self) -> CandidatePair | None:
        """The nominated pair of the newest session that has one."""
        selections = (session.checking.selection.selected for session in reversed(self._sessions))
        return next((selected for selected in selections if selected is not None), None)

    @property
    def candidates_of_others(self) -> int:
        """Candidates of the peer that belong to none of its descriptions, or to one that has not come yet."""
        return len(self._early) + sum(session.generation.candidates_of_other_generations for session in self._sessions)

    def find(self, path: Path) -> CandidatePair | None:
        """The pair whose packets take this way: of those that work the newest session's, else of all."""
        found = (session.generation.checklist.find(path) for session in reversed(self._sessions))
        pairs = [pair for pair in found if pair is not None]
        return next((pair for pair in pairs if pair.is_valid), pairs[0] if pairs else None)

    def begin(self, session: Session) -> None:
        """Restart: another session after those that there are; one that was never agreed on makes room for it."""
        newest = self.newest.generation
        if newest.remote is None:
            # Candidates that wait for the peer's description do not care which of our fragments is in force then.
            session.generation.remote_candidates += newest.remote_candidates
            self._remove(self.newest)
        self._append(session)

    def roll_back(self) -> bool:
        """Take the newest session back; False where it was agreed on, or is the only one."""
        if len(self._sessions) == 1 or self.newest.generation.remote is not None:
            return False
        self._remove(self.newest)
        return True

    def agree(self, remote: IceParameters) -> None:
        """The peer's credentials for the newest session: of the others the one that carries data is still needed."""
        self.newest.agree(remote)
        carrier = self.carrier
        for session in self._sessions[:-1]:
            if session is not carrier:
                self._remove(session)
        early, self._early = self._early, []
        for candidate in early:
            self.add_remote(candidate)
        if remote.username_fragment in self._early_ends:
            self._early_ends.remove(remote.username_fragment)
            self.newest.generation.remote_ended = True

    def wake(self, late: float, now: float) -> None:
        """`Session.wake` for each that runs."""
        for session in self._sessions:
            if session.is_running:
                session.wake(late, now)

    def advance(self, now: float) -> None:
        """`Session.advance` for each that runs."""
        for session in self._sessions:
            if session.is_running:
                session.advance(now)

    def settle(self, now: float) -> None:
        """`Session.settle` for each that runs, and then what that means for the others."""
        for session in self._sessions:
            if session.is_running:
                session.settle(now)
        if len(self._sessions) > 1:
            self._supersede(now)

    def next_timeout(self) -> float | None:
        """The earliest deadline."""
        return earliest(*[session.next_timeout() for session in self._sessions])

    def add_remote(self, candidate: Candidate) -> None:
        """Take a candidate for its generation; one that comes before its description waits (RFC 8838 section 13)."""
        fragment = candidate.username_fragment
        session = self._of_fragment(fragment)
        if session is not None:
            session.generation.add_remote(candidate)
        elif candidate in self._early:
            pass
        elif fragment in self._retired_fragments or len(self._early) >= self._max_early:
            self.agreed.generation.candidates_refused += 1
            self.agreed.generation.candidates_of_other_generations += 1
        else:
            self._early.append(candidate)

    def resolve_remote(self, candidate: Candidate, addresses: Sequence[str]) -> None:
        """The name of a candidate stands for these addresses."""
        for session in self._sessions:
            session.generation.resolve_remote(candidate, addresses)

    def end_remote(self, fragment: str | None) -> None:
        """The peer has no more candidates with that fragment; None: for what was agreed on."""
        session = self._of_fragment(fragment)
        if session is not None:
            session.generation.remote_ended = True
        elif fragment is not None and fragment not in self._retired_fragments:
            self._early_ends.append(fragment)

    def knows_sender(self, path: Path) -> bool:
        """Whether a check came this way although there is no pair, because the peer's description has not come."""
        return any(check.path == path for session in self._sessions for check in session.generation.early_checks)

    def remote_addresses(self) -> list[TransportAddress]:
        """Where checks are sent."""
        return [address for session in self._sessions for address in session.generation.remote_addresses]

    def _supersede(self, now: float) -> None:
        """Quieten what came before a session with a selected pair, and free what the peer uses no more."""
        selected = next((each for each in reversed(self._sessions) if each.is_selected), None)
        is_older = selected is not None
        for session in list(self._sessions):
            is_older = is_older and session is not selected
            if is_older:
                session.supersede(now)
            freed_at = session.freed_at
            if freed_at is not None and now >= freed_at:
                self._remove(session)

    def _of_fragment(self, fragment: str | None) -> Session | None:
        """The session that the peer's fragment belongs to; before any agreement whichever will be agreed on."""
        if fragment is None or self.agreed.generation.remote is None:
            return self.agreed
        for session in reversed(self._sessions):
            remote = session.generation.remote
            if remote is not None and remote.username_fragment == fragment:
                return session
        return None

    def _append(self, session: Session) -> None:
        self._sessions.append(session)
        self.checkings.append(session.checking)

    def _remove(self, session: Session) -> None:
        self._sessions.remove(session)
        self.checkings.remove(session.checking)
        session.checking.stop()
        remote = session.generation.remote
        if remote is not None and self._of_fragment(remote.username_fragment) is None:
            self._retired_fragments.append(remote.username_fragment)
        self._on_retired(session)
