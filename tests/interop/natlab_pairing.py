"""Connects two children of `tests.interop.natlab_peer`, each at its site, and says what became of it."""

import asyncio
import contextlib
import ipaddress
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.interop.natlab import SERVER_IPV4, SERVER_IPV6, Site, SiteKind
from tests.interop.netlab import ROOT

# Without loss nothing keeps a peer from choosing its pair for so long: the acceptance waits are shorter.
SELECTION = 4.0
RELAYS = (*SERVER_IPV4, *SERVER_IPV6)


class Child:
    """The `tests.interop.natlab_peer` of one site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.listeners: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", self.site.host.name, sys.executable, "-m", "tests.interop.natlab_peer"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        ready = await self._next(self._process)
        assert ready == {"ready": True}
        self._reader = asyncio.create_task(self._read(self._process))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    def tell(self, connection: str, **parts: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"connection": connection, **parts}).encode() + b"\n")

    async def _next(self, process: asyncio.subprocess.Process) -> dict[str, Any] | None:
        assert process.stdout is not None
        text = await process.stdout.readline()
        return json.loads(text) if text else None

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        while (line := await self._next(process)) is not None:
            self.listeners[line["connection"]].put_nowait(line)


@dataclass
class Outcome:
    """What became of one pairing."""

    sites: tuple[Site, Site]
    needs_relay: str | None = None  # why
    started: float | None = None
    connected: dict[int, float] = field(default_factory=dict)  # by side
    echoed: float | None = None
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> tuple[SiteKind, SiteKind]:
        return self.sites[0].kind, self.sites[1].kind

    @property
    def name(self) -> str:
        return " and ".join(kind.name for kind in self.kinds)

    @property
    def has_connected(self) -> bool:
        return len(self.connected) == 2 and self.echoed is not None

    @property
    def time(self) -> float:
        """From the offering side's first step until both were connected."""
        assert self.started is not None
        return max(self.connected.values()) - self.started

    @property
    def is_direct(self) -> bool:
        """Each side sends to where the other's site is, as the public network knows it."""
        for side, report in self.reports.items():
            peer = self.sites[1 - side]
            if report["pair"] is None or report["pair"][1][2] not in {peer.public_ipv4, peer.host.ipv6}:
                return False
        return len(self.reports) == 2

    @property
    def relays(self) -> int:
        """How many relayed addresses data passes on its way; a peer reflexive candidate may be one."""
        report = self.reports.get(0)
        return sum(end[2] in RELAYS for end in report["pair"]) if report and report["pair"] else 0

    @property
    def over_stream(self) -> bool:
        """Whether data passes over TCP or TLS to a relay."""
        return any(report.get("relayProtocol") in {"tcp", "tls"} for report in self.reports.values())

    @property
    def pair(self) -> str:
        """How each side sees its selected pair, a relay with the way to it, and over what."""
        pairs = [report["pair"] for _, report in sorted(self.reports.items())]
        if len(pairs) != 2 or not all(pairs):
            return "-"
        family = {ipaddress.ip_address(address).version for pair in pairs for *_, address in pair}
        types = ", ".join(f"{self._local(side)}-{remote[0]}" for side, (_, remote) in enumerate(pairs))
        return f"{types}, {pairs[0][0][1]}/IPv{'/'.join(map(str, sorted(family)))}"

    def _local(self, side: int) -> str:
        report = self.reports[side]
        way = report.get("relayProtocol")
        return f"{report['pair'][0][0]}{f'/{way}' if way else ''}"


class Pairing:
    """Connects two children once, carries their signals, and collects what they tell."""

    def __init__(self, name: str, children: tuple[Child, Child], outcome: Outcome) -> None:
        self._name = name
        self._children = children
        self._lines: list[asyncio.Queue[dict[str, Any]]] = [asyncio.Queue(), asyncio.Queue()]
        self.outcome = outcome
        self._carriers: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        for child, lines in zip(children, self._lines, strict=True):
            child.listeners[name] = lines

    async def connect(self, servers: list[dict[str, Any]], ca_file: Path, timeout: float) -> None:
        """Until data has come back, or that time is over."""
        self._carriers = [asyncio.create_task(self._carry(side)) for side in (0, 1)]
        for side, start in ((1, "answer"), (0, "offer")):
            self._children[side].tell(self._name, start=start, servers=servers, ca_file=str(ca_file))
        await self._until(lambda: self.outcome.has_connected, timeout)

    async def finish(self) -> Outcome:
        """Ask both sides for their pair, which may be chosen well after data flows, and close them."""
        try:
            self._ask(report=SELECTION if self.outcome.connected else 0.0)
            await self._until(lambda: len(self.outcome.reports) == 2, SELECTION + 2)
            self._ask(close=True)
        finally:
            for carrier in self._carriers:
                carrier.cancel()
            await asyncio.gather(*self._carriers, return_exceptions=True)
        return self.outcome

    def _ask(self, **parts: Any) -> None:
        for child in self._children:
            child.tell(self._name, **parts)

    async def _until(self, condition: Callable[[], bool], timeout: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()

    async def _carry(self, side: int) -> None:
        while True:
            match await self._lines[side].get():
                case {"signal": signal}:
                    self._children[1 - side].tell(self._name, signal=signal)
                case {"started": at}:
                    self.outcome.started = at
                case {"connected": at}:
                    self.outcome.connected[side] = at
                case {"echoed": at}:
                    self.outcome.echoed = at
                case {"report": report}:
                    self.outcome.reports[side] = report
                case {"error": error}:
                    self.outcome.errors.append(error)
                case _:
                    pass
            self._changed.set()


def table(outcomes: Iterable[Outcome]) -> str:
    """A row for each outcome, as Markdown; times in seconds from the offering side's first step."""
    rows = ["| offers | answers | selected pair, as either sees it | connected | echoed |", "| --- " * 5 + "|"]
    for outcome in outcomes:
        if outcome.has_connected and outcome.started is not None and outcome.echoed is not None:
            cells = [outcome.pair, f"{outcome.time:.2f}", f"{outcome.echoed - outcome.started:.2f}"]
        else:
            cells = ["failed", "-", "-"]
        rows.append(f"| {' | '.join([*(kind.name for kind in outcome.kinds), *cells])} |")
    return "\n".join(rows) + "\n"


def matrix(outcomes: Iterable[Outcome]) -> str:
    """The offerer's pair and the time to connect, as Markdown: who offers in the rows, who answers in the columns."""
    cells = {outcome.kinds: cell(outcome) for outcome in outcomes}
    kinds = list(dict.fromkeys(kind for kind, _ in cells))
    head = [f"| | {' | '.join(kind.name for kind in kinds)} |", "| --- " * (len(kinds) + 1) + "|"]
    rows = [f"| **{one.name}** | {' | '.join(cells.get((one, other), '') for other in kinds)} |" for one in kinds]
    return "\n".join(head + rows) + "\n"


def cell(outcome: Outcome) -> str:
    if not outcome.has_connected:
        return "failed"
    return f"{outcome.pair.partition(',')[0]} {outcome.time:.2f}"
