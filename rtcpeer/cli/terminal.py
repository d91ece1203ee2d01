"""How the command line looks: a console, marks, and work in progress where somebody is watching."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from rtcpeer.cli.report import Check, Finding, Report, Status

__all__ = ["DoctorView", "make_console"]

# Wider is hard to read; and lines in a file or a pipe have no edge to be broken at but this one.
MAX_WIDTH = 100
# Below it the label stands above its text.
NARROW = 60
_LABEL_WIDTH = 11
_TIME_WIDTH = 8

_MARKS = {Status.OK: "✓", Status.WARNING: "!", Status.PROBLEM: "✗", Status.SKIPPED: "·"}
_PLAIN_MARKS = {Status.OK: "+", Status.WARNING: "!", Status.PROBLEM: "x", Status.SKIPPED: "-"}
_STYLES = {Status.OK: "green", Status.WARNING: "yellow", Status.PROBLEM: "bold red", Status.SKIPPED: "dim"}
_LABELS = {
    "interfaces": "Interfaces",
    "dns": "DNS",
    "stun": "STUN",
    "nat": "NAT",
    "ipv6": "IPv6",
    "turn": "TURN",
    "mdns": "mDNS",
}


def make_console(file: TextIO | None = None) -> Console:
    """A console on a stream: as wide as the terminal, or as `MAX_WIDTH` where there is none."""
    stream = sys.stdout if file is None else file
    is_terminal = stream.isatty()
    width = None if is_terminal else MAX_WIDTH
    # Colour is for who looks, whatever FORCE_COLOR says about a pipe.
    return Console(file=stream, highlight=False, force_terminal=is_terminal, width=width)


class DoctorView:
    """Shows checks as they come, with what is being tried below them, and the conclusions at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._works: list[str] = []
        self._live: Live | None = None
        self._last_kind = ""
        self._marks = _PLAIN_MARKS if console.options.ascii_only else _MARKS

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While the doctor works; leaves no trace of what was only in progress."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, transient=True, refresh_per_second=10) as self._live:
            yield
        self._live = None

    def begin(self, work: str) -> None:
        """Part of `rtcpeer.cli.doctor.Watcher`."""
        self._works.append(work)
        self._update()

    def end(self, work: str) -> None:
        """Part of `rtcpeer.cli.doctor.Watcher`."""
        self._works.remove(work)
        self._update()

    def show(self, check: Check) -> None:
        """Part of `rtcpeer.cli.doctor.Watcher`."""
        label = "" if check.kind == self._last_kind else _LABELS[check.kind]
        self._last_kind = check.kind
        style = _STYLES[check.status]
        body = Text(check.summary, style="dim" if check.status is Status.SKIPPED else "", overflow="fold")
        for note in check.notes:
            body.append(f"\n{note}", style="dim")
        seconds = "" if check.seconds is None else f"{check.seconds:.2f} s"
        self._row(Text(self._marks[check.status], style=style), label, body, seconds)

    def conclude(self, report: Report) -> None:
        """The findings and the result."""
        for finding in report.findings:
            self._console.print()
            self._finding(finding)
        self._console.print()
        status = Status.OK if report.is_good else Status.PROBLEM
        line = Text(f"{self._marks[status]} ", style=_STYLES[status])
        line.append(_result(report), style="bold")
        line.append(f" ({report.seconds:.1f} s)", style="dim")
        self._console.print(line)

    def _finding(self, finding: Finding) -> None:
        head = Text(f"{self._marks[finding.status]} {finding.title}", style=_STYLES[finding.status])
        self._console.print(head)
        for label, text in (("For calls: ", finding.meaning), ("To do: ", finding.advice)):
            body = Text(label, style="bold")
            body.append(text, style="not bold")
            self._print(Constrain(Padding(body, (0, 0, 0, 2)), MAX_WIDTH))

    def _row(self, mark: Text, label: str, body: Text, seconds: str) -> None:
        table = Table.grid(padding=(0, 1))
        table.width = min(self._console.width, MAX_WIDTH)
        table.add_column(width=1)
        if self._console.width < NARROW:
            table.add_column(ratio=1)
            if label:
                body = Text(f"{label}\n", style="bold") + body
            if seconds:
                body.append(f" {seconds}", style="dim")
            table.add_row(mark, body)
        else:
            table.add_column(width=_LABEL_WIDTH)
            table.add_column(ratio=1, overflow="fold")
            table.add_column(width=_TIME_WIDTH, justify="right")
            table.add_row(mark, Text(label, style="bold"), body, Text(seconds, style="dim"))
        self._print(table)

    def _print(self, renderable: RenderableType) -> None:
        """Without the padding up to the edge, which is noise in a file."""
        if self._console.is_terminal:
            self._console.print(renderable)
            return
        with self._console.capture() as capture:
            self._console.print(renderable)
        for line in capture.get().splitlines():
            self._console.file.write(line.rstrip() + "\n")
        self._console.file.flush()

    def _update(self) -> None:
        if self._live is not None:
            lines = [Spinner("dots", Text(work, style="dim")) for work in self._works]
            self._live.update(Group(*lines), refresh=True)


def _result(report: Report) -> str:
    problems = sum(finding.status is Status.PROBLEM for finding in report.findings)
    warnings = len(report.findings) - problems
    parts = [_count(problems, "problem")] if problems else []
    parts += [_count(warnings, "warning")] if warnings else []
    if not report.servers and report.is_good:
        return "; ".join(["Nothing wrong here, as far as can be told without a server", *parts])
    if not parts:
        is_partial = any(check.status is Status.SKIPPED for check in report.checks)
        return "Everything that could be tested works" if is_partial else "Everything works"
    return ("" if problems else "Calls will work; ") + ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
