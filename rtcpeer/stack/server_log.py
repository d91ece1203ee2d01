"""What became of each STUN and TURN server, and where they see us: remembered for whoever asks why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from rtcpeer.core import TransportAddress
from rtcpeer.stack.servers import ServerUrl

__all__ = ["UNREACHABLE", "Mapping", "ServerFailed", "ServerLog", "ServerOutcome", "ServerReport"]


# W3C webrtc-pc section 4.8.2: the code for a server that could not be reached at all.
UNREACHABLE = 701


@dataclass(frozen=True, slots=True)
class ServerFailed:
    """A server gave no candidate: an error of its own (300 to 699), or 701 when it can not be reached."""

    url: str
    error_code: int
    error_text: str
    base: TransportAddress | None = None  # from where it was asked


class ServerOutcome(Enum):
    """Where a server stands."""

    WAITING = "waiting"  # its name is being resolved, or its answer is outstanding
    ANSWERED = "answered"
    FAILED = "failed"
    LOST = "lost"  # it relayed for us, and does no more


@dataclass(frozen=True, slots=True)
class ServerReport:
    """One URL; code and reason belong to a failure."""

    server: ServerUrl
    outcome: ServerOutcome
    error_code: int | None = None
    reason: str = ""
    is_silent: bool = False  # it was asked over UDP, and nothing came back


class Mapping(NamedTuple):
    """Where a server sees one of our sockets."""

    base: TransportAddress
    server: TransportAddress
    mapped: TransportAddress
    url: str


class ServerLog:
    """Which servers were asked, from how many places, and what came of it: there is one failure to tell for each."""

    def __init__(self) -> None:
        self._asked: set[str] = set()  # URLs
        self._answered: set[str] = set()
        self._skipped: set[str] = set()
        self._open: dict[str, int] = {}  # of servers that have not answered
        self._first_failures: dict[str, ServerFailed] = {}  # of those that may still answer
        self._failures: dict[str, ServerFailed] = {}
        self._losses: dict[str, str] = {}
        self._unroutable: set[str] = set()
        self._mappings: dict[tuple[TransportAddress, TransportAddress], Mapping] = {}

    def ask(self, url: str) -> None:
        """A question was made for it."""
        self._asked.add(url)
        self._open[url] = self._open.get(url, 0) + 1

    def skip(self, url: str) -> None:
        """Another URL leads to the same server: this one is not asked, and nothing is told of it."""
        self._skipped.add(url)

    def succeed(self, url: str, base: TransportAddress, server: TransportAddress, mapped: TransportAddress) -> None:
        """It has answered, and sees us there."""
        self._open.pop(url, None)
        self._first_failures.pop(url, None)
        self._losses.pop(url, None)
        self._answered.add(url)
        if base.protocol == "udp":  # what a NAT does to TCP is another matter
            self._mappings[base, server] = Mapping(base, server, mapped, url)

    def fail(self, failure: ServerFailed) -> ServerFailed | None:
        """Count a question as lost; the first failure when that was the server's last and none was answered."""
        url = failure.url
        if url in self._answered:
            return None
        self._first_failures.setdefault(url, failure)
        self._open[url] -= 1
        if self._open[url]:
            return None
        del self._open[url]
        return self.give_up(self._first_failures.pop(url))

    def give_up(self, failure: ServerFailed) -> ServerFailed:
        """It will tell us nothing, asked or not; returns the failure."""
        self._failures[failure.url] = failure
        return failure

    def lose(self, url: str, reason: str) -> None:
        """What it had given is taken away."""
        self._losses[url] = reason

    def note_unroutable(self, url: str | None) -> None:
        """It is our own host that does not send there; None changes nothing."""
        if url is not None:
            self._unroutable.add(url)

    def is_known(self, url: str) -> bool:
        """Whether it was asked, given up, or left to another URL."""
        return url in self._asked or url in self._failures or url in self._skipped

    @property
    def has_answers(self) -> bool:
        """Whether any server has answered."""
        return bool(self._answered)

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """Where we were seen, oldest first."""
        return tuple(self._mappings.values())

    def reports(self, servers: Sequence[ServerUrl]) -> tuple[ServerReport, ...]:
        """The servers in their order."""
        return tuple(self._report(server) for server in servers if not self._is_skipped(server.url))

    def _is_skipped(self, url: str) -> bool:
        return url in self._skipped and url not in self._asked

    def _report(self, server: ServerUrl) -> ServerReport:
        url = server.url
        if url in self._losses:
            return ServerReport(server, ServerOutcome.LOST, reason=self._losses[url])
        if url in self._answered:
            return ServerReport(server, ServerOutcome.ANSWERED)
        failure = self._failures.get(url)
        if failure is None:
            return ServerReport(server, ServerOutcome.WAITING)
        is_silent = failure.error_code == UNREACHABLE and url in self._asked and url not in self._unroutable
        return ServerReport(
            server, ServerOutcome.FAILED, failure.error_code, failure.error_text, is_silent and not server.is_stream
        )
