"""The path in use falls silent while others were found valid: they are asked, and one takes over."""

from rtcpeer.ice.candidate import TcpType
from rtcpeer.ice.checking import Checking
from rtcpeer.ice.consent import PathMonitor
from rtcpeer.ice.pair import CandidatePair, FailureReason, PairState, Path
from rtcpeer.ice.role import Role

__all__ = ["Failover"]


class Failover:
    """Doubts the path that the monitor watches, asks the other valid pairs, and leaves it for one that answers."""

    def __init__(self, checking: Checking, monitor: PathMonitor, role: Role) -> None:
        self._checking = checking
        self._monitor = monitor
        self._role = role
        self._doubted_at: float | None = None  # other pairs are asked since then

    def probe(self, now: float) -> None:
        """A check of the path is due: where it is in doubt, check every other valid pair and what was not tried yet."""
        checking = self._checking
        if checking.selection.detour is None and not self._is_doubtful(now):
            return
        if self._doubted_at is None:
            self._doubted_at = now
            checking.resume()
        for pair in checking.generation.checklist.valid_pairs:
            if pair is not checking.path:
                checking.prove_consent(pair)

    def reconsider(self, now: float) -> None:
        """Leave a path in doubt for one that has answered since; come back when the selected pair answers again."""
        self._monitor.watch(self._checking.path, now)
        if self._doubted_at is not None:
            self._weigh(self._doubted_at, now)
            self._monitor.watch(self._checking.path, now)

    def drop_dead(self, now: float) -> list[Path]:
        """Give up each path that has lost consent or was silent for too long, until one that lives takes its place."""
        lost: list[Path] = []
        while (pair := self._checking.path) is not None:
            if self._monitor.has_consent(now) and not self._monitor.is_dead(now):
                break
            lost.append(pair.path)
            self._checking.lose(pair, FailureReason.CONSENT_LOST)
            self._monitor.watch(self._checking.path, now)
        return lost

    def connection_lost(self, pair: CandidatePair, now: float, detail: str) -> None:
        """The TCP connection of a pair was refused or has ended; one that carried data is opened again."""
        if pair.state is PairState.FAILED:
            return
        checking = self._checking
        had_path, was_valid, is_spare = checking.path is not None, pair.is_valid, checking.is_spare(pair)
        checking.lose(pair, FailureReason.ABANDONED if is_spare else FailureReason.NO_CONNECTION, detail)
        if was_valid and not is_spare and pair.local.tcp_type is not TcpType.PASSIVE:
            # RFC 6544 section 11.1: the active side must open it again, the passive side has to wait.
            checking.generation.checklist.trigger(pair)
        if had_path and checking.path is None:
            checking.started_at = now  # hope for its return as long as for the first path

    def _weigh(self, since: float, now: float) -> None:
        selection = self._checking.selection
        selected = selection.selected
        if self._is_doubtful(now):
            self._leave(since, now)
        elif selection.detour is not None:
            if selected is not None and _has_answered(selected, since):
                self._checking.take_detour(None)
        else:
            self._doubted_at = None
            if selected is not None:
                self._checking.conclude(selected)

    def _is_doubtful(self, now: float) -> bool:
        return self._monitor.is_doubtful(now) or self._checking.selection.has_stalled(now)

    def _leave(self, since: float, now: float) -> None:
        checking, selection = self._checking, self._checking.selection
        spared = {selection.nominating}
        if selection.nominating is not None:
            if not selection.has_stalled(now):
                return
            since = max(since, selection.nominated_at)
        if self._monitor.is_doubtful(now):
            spared.add(checking.path)
        others = (pair for pair in checking.generation.checklist.valid_pairs if pair not in spared)
        other = next((pair for pair in others if _has_answered(pair, since)), None)
        if other is None:
            return
        if not self._role.is_controlling:
            # Deviation: RFC 8445 section 12.1 sends over the selected pair only. One that is silent carries nothing;
            # what is sent over another arrives, for the peer takes data on any candidate (section 12.2).
            checking.take_detour(other)
        else:
            # Deviation: RFC 8445 section 8.1.1 wants an ICE restart before another pair is nominated. Browsers nominate
            # and follow without one, and the alternative is to fail.
            checking.nominate(other, now)
            if selection.selected is None:
                checking.take_detour(other)


def _has_answered(pair: CandidatePair, since: float) -> bool:
    return pair.last_response_at is not None and pair.last_response_at > since
