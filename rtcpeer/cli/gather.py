"""``rtcpeer gather``: the candidates that a network and some servers give, as they come."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rich.console import Console
from rich.text import Text

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.aio.network import Network
from rtcpeer.cli.gathering import gathering_settings
from rtcpeer.cli.report import Json
from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate import Candidate
from rtcpeer.stack.gathering import ServerFailed
from rtcpeer.stack.servers import ServerUrl

__all__ = ["Gathering", "GatherView", "JsonGatherView", "Summary", "TerminalGatherView", "gather"]


# What a line with all columns takes.
WIDE = 100


@dataclass(frozen=True, slots=True)
class Gathering:
    """What to gather."""

    servers: Sequence[ServerUrl]
    policy: Literal["all", "relay", "nohost"]
    timeout: float
    tls_ca_file: str | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What there was in the end."""

    seconds: float
    candidates: dict[str, int]  # by type
    errors: int

    @property
    def is_good(self) -> bool:
        """Whether there is a candidate, and no server failed."""
        return bool(self.candidates) and not self.errors


class GatherView(Protocol):
    """Who is shown what comes."""

    def candidate(self, elapsed: float, candidate: Candidate) -> None:
        """A candidate, seconds after the beginning."""

    def error(self, elapsed: float, failure: ServerFailed) -> None:
        """A server gave none."""

    def end(self, summary: Summary) -> None:
        """Nothing will follow."""


async def gather(what: Gathering, network: Network, view: GatherView) -> Summary:
    """Gather until there is no more to come."""
    loop = asyncio.get_running_loop()
    settings = gathering_settings(what.policy, what.timeout, what.tls_ca_file)
    counts: Counter[str] = Counter()
    errors = 0
    # Shown from here and not from the handlers, so that what fails in showing ends the command.
    news: asyncio.Queue[tuple[float, Candidate | ServerFailed | None]] = asyncio.Queue()
    async with IceAgent(settings, servers=what.servers, network=network) as agent:
        started_at = loop.time()

        def note(item: Candidate | ServerFailed | None) -> None:
            news.put_nowait((loop.time() - started_at, item))

        agent.on("candidate", note)
        agent.on("server_failed", note)
        agent.gather()
        while True:
            elapsed, item = await news.get()
            match item:
                case Candidate():
                    counts[item.type.value] += 1
                    view.candidate(elapsed, item)
                case ServerFailed():
                    errors += 1
                    view.error(elapsed, item)
                case None:
                    break
    summary = Summary(elapsed, dict(counts), errors)
    view.end(summary)
    return summary


class JsonGatherView:
    """A line of JSON for each event, as it comes."""

    def __init__(self, console: Console) -> None:
        self._file = console.file

    def candidate(self, elapsed: float, candidate: Candidate) -> None:
        """Part of `GatherView`."""
        self._write(
            event="candidate",
            elapsed=round(elapsed, 4),
            type=candidate.type.value,
            foundation=candidate.foundation,
            component=candidate.component,
            protocol=candidate.protocol,
            address=candidate.address,
            port=candidate.port,
            priority=candidate.priority,
            related_address=candidate.related_address,
            related_port=candidate.related_port,
            url=candidate.url,
            relay_protocol=candidate.relay_protocol,
            candidate=candidate.serialize(),
        )

    def error(self, elapsed: float, failure: ServerFailed) -> None:
        """Part of `GatherView`."""
        self._write(
            event="error",
            elapsed=round(elapsed, 4),
            url=failure.url,
            code=failure.error_code,
            text=failure.error_text,
            base=None if failure.base is None else str(failure.base),
        )

    def end(self, summary: Summary) -> None:
        """Part of `GatherView`."""
        self._write(
            event="end", elapsed=round(summary.seconds, 4), candidates=dict(summary.candidates), errors=summary.errors
        )

    def _write(self, **fields: Json) -> None:
        self._file.write(json.dumps(fields) + "\n")
        self._file.flush()


class TerminalGatherView:
    """A line for each candidate, with the columns of the Trickle ICE page; two lines where the terminal is narrow."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_narrow = console.width < WIDE
        self._has_header = False

    def candidate(self, elapsed: float, candidate: Candidate) -> None:
        """Part of `GatherView`."""
        address = str(TransportAddress(candidate.address, candidate.port))
        priority = f"{candidate.priority >> 24} | {candidate.priority >> 8 & 0xFFFF} | {candidate.priority & 0xFF}"
        server = candidate.url or ""
        if candidate.relay_protocol:
            server += f" over {candidate.relay_protocol}"
        self._print_header()
        line = Text(f"{elapsed:>7.3f}  ", style="dim")
        line.append(f"{candidate.type.value:<5}  ", style="bold")
        if self._is_narrow:
            line.append(f"{candidate.protocol} {address}", style="not dim")
            line.append(f"\n         {candidate.foundation}  {priority}")
            line.append(f"\n         {server}" if server else "")
        else:
            cells = f"{candidate.foundation:<10}  {candidate.protocol:<8}  {address:<28}  {priority:<17}  {server}"
            line.append(cells.rstrip(), style="not dim")
        self._print(line)

    def error(self, elapsed: float, failure: ServerFailed) -> None:
        """Part of `GatherView`."""
        self._print_header()
        line = Text(f"{elapsed:>7.3f}  ", style="dim")
        line.append("error  ", style="not dim bold red")
        line.append(f"{failure.error_code} {failure.url}: {failure.error_text}", style="not dim red")
        self._print(line)

    def end(self, summary: Summary) -> None:
        """Part of `GatherView`."""
        total = sum(summary.candidates.values())
        kinds = ", ".join(f"{count} {kind}" for kind, count in summary.candidates.items())
        text = f"{total} candidate{'' if total == 1 else 's'}" + (f" ({kinds})" if kinds else "")
        if summary.errors:
            text += f", {summary.errors} server{'' if summary.errors == 1 else 's'} failed"
        self._print(Text(f"\n{text} in {summary.seconds:.2f} s", style="bold"))

    def _print_header(self) -> None:
        if not self._has_header:
            self._has_header = True
            if not self._is_narrow:
                titles = ("time", "type", "foundation", "protocol", "address", "priority", "server")
                widths = (7, 5, 10, 8, 28, 17, 0)
                cells = [f"{title:<{width}}" for title, width in zip(titles, widths, strict=True)]
                self._print(Text("  ".join(cells), style="bold"))

    def _print(self, line: Text) -> None:
        # The terminal breaks what is too long, so that it can be copied in one piece.
        self._console.print(line, soft_wrap=True)
