"""One ICE session (RFC 8445 section 4): a generation, its checks, and the watch over the path that they found."""

from collections import deque
from collections.abc import Callable, Collection, Iterator

from rtcpeer.core import Entropy, TransportAddress, earliest
from rtcpeer.ice.automatic_renomination import AutomaticRenomination
from rtcpeer.ice.checking import Checking
from rtcpeer.ice.consent import PathMonitor
from rtcpeer.ice.events import ConnectionUnneeded, ConsentLost, IceEvent, PairSelected
from rtcpeer.ice.failover import Failover
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.lite import keepalive
from rtcpeer.ice.pair import FailureReason, Path
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.role import Role
from rtcpeer.ice.settings import IceSettings
from rtcpeer.ice.statistics import LostPath

__all__ = ["Session"]

# RFC 8445 section 8.3.1: how long checks are still answered once another pair was nominated.
_FREEING_DELAY = 3.0
_LOST_PATHS_REMEMBERED = 8


class Session:
    """What an ICE restart makes anew; the role, which it leaves alone (section 9), is shared by all sessions."""

    def __init__(
        self,
        local: IceParameters,
        role: Role,
        settings: IceSettings,
        entropy: Entropy,
        emit: Callable[[IceEvent], None],
    ) -> None:
        self.settings = settings
        self.generation = Generation(local, role, settings)
        self.checking = Checking(self.generation, role, settings, entropy, self._emit)
        self.is_silent = False  # the path in use
        self.is_failed = False
        self.is_running = True  # it has checks to send
        self.was_selected = False  # whether there ever was a selected pair
        self.lost_paths: deque[LostPath] = deque(maxlen=_LOST_PATHS_REMEMBERED)
        self._monitor = PathMonitor(settings, entropy)
        self._failover = Failover(self.checking, self._monitor, role)
        self._renomination = AutomaticRenomination(self.checking, role, settings)
        self._entropy = entropy
        self._superseded_at: float | None = None
        self._tell = emit

    def agree(self, remote: IceParameters) -> None:
        """The peer's credentials are known."""
        self.generation.set_remote(remote)
        self._monitor.is_passive = self.settings.lite and not remote.is_lite

    def wake(self, late: float, now: float) -> None:
        """Begin when the peer is known; it gets back the time in which we did not run."""
        if late:
            self._monitor.forgive(late, now)
            self.checking.forgive(late)
        if self.checking.started_at is None and not self.is_failed:
            self.checking.begin(now)

    def advance(self, now: float) -> None:
        """Give up what has got no answer, and nominate."""
        self.checking.advance(now)
        self._renomination.advance(now)

    def transmissions(self, now: float) -> Iterator[tuple[Path, bytes]]:
        """A keepalive on the path where one is due, questions to other paths where it is in doubt, and checks."""
        pair = self._monitor.check_due(now)
        if pair is not None and self.settings.lite:
            yield pair.path, keepalive(self._entropy)
        elif pair is not None:
            self.checking.prove_consent(pair)
            self._failover.probe(now)
        yield from self.checking.transmissions(now)

    def settle(self, now: float) -> None:
        """Choose the path anew after whatever has happened."""
        self._failover.reconsider(now)
        self.is_silent = self._monitor.is_silent(now)

    def connection_lost(self, path: Path, now: float, detail: str) -> None:
        """The TCP connection of a path could not be had, or has ended; nothing where it is none of ours."""
        pair = self.generation.checklist.find(path)
        if pair is not None:
            self._failover.connection_lost(pair, now, detail)

    def drop_bases(self, bases: Collection[TransportAddress], now: float, detail: str, *, is_hopeful: bool) -> None:
        """Nothing can be sent from these any more; with hope for others the session is given up only in time."""
        checking = self.checking
        had_path = checking.path is not None
        for pair in self.generation.drop_bases(bases):
            checking.lose(pair, FailureReason.UNROUTABLE, detail)
        if is_hopeful:
            if had_path and checking.path is None:
                checking.started_at = now  # the next path has as long as the first one had
        elif self.was_selected and checking.is_exhausted:
            self.fail()

    def drop_dead_paths(self, now: float) -> bool:
        """Give up paths without consent, and with the last one the session; returns whether there were any."""
        lost = self._failover.drop_dead(now)
        for path in lost:
            self.lost_paths.append(LostPath(path, now))
            self._tell(ConsentLost(path))
        if lost and self.checking.path is None and self.was_selected:
            self.fail()
        return bool(lost)

    def lose_patience(self, now: float) -> None:
        """Fail when there is nothing left to try and the peer had its time (RFC 8863 section 4)."""
        started_at = self.checking.started_at
        if started_at is not None and self.checking.is_exhausted and now >= started_at + self.settings.patience:
            self.fail()

    def fail(self) -> None:
        """Try no more."""
        self.is_failed = True
        self.is_running = False
        self.checking.stop()

    def supersede(self, now: float) -> None:
        """A later generation carries the data: say nothing more, and answer the peer until it has followed."""
        if self._superseded_at is None:
            self._superseded_at = now
            self.is_running = False
            self.checking.stop()
            for pair in self.generation.checklist:
                if pair.is_reliable:
                    # Where the later generation has the same connection, its traffic keeps it.
                    self._tell(ConnectionUnneeded(pair.path))

    @property
    def is_selected(self) -> bool:
        """Whether its selected pair can carry data."""
        return self.checking.selection.selected is not None and self.checking.path is not None

    @property
    def freed_at(self) -> float | None:
        """When a superseded session has no part to play any more: the peer uses other paths, or had time enough."""
        since = self._superseded_at
        if since is None:
            return None
        heard = max((pair.last_received_at or since for pair in self.generation.checklist), default=since)
        return min(max(since, heard) + _FREEING_DELAY, since + self.settings.consent_timeout)

    def next_timeout(self) -> float | None:
        """When it wants to be looked at; minus infinity: at once."""
        if not self.is_running:
            return self.freed_at
        checking = self.checking
        if self.generation.remote is None:
            return None
        if checking.started_at is None:
            return float("-inf")
        return earliest(
            checking.next_timeout(),
            self._monitor.next_timeout(self.is_silent),
            self._renomination.next_timeout(),
            checking.started_at + self.settings.patience if checking.is_exhausted else None,
        )

    def _emit(self, event: IceEvent) -> None:
        if isinstance(event, PairSelected):
            self.was_selected = True
        self._tell(event)
