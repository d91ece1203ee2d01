"""What people see: its substance, in every kind of terminal."""

import io

import pytest
from rich.console import Console

from rtcpeer.cli.report import Check, Finding, Report, Status
from rtcpeer.cli.terminal import MAX_WIDTH, DoctorView, make_console

CHECKS = (
    Check("interfaces", "", Status.OK, "1 address to gather from", ("eth0: 192.0.2.2",)),
    Check("stun", "stun:a", Status.OK, "stun:a sees us at 198.51.100.7:4711", seconds=0.0123),
    Check("stun", "stun:b", Status.PROBLEM, "stun:b: no answer within 5 s", seconds=5.0),
    Check("nat", "IPv4", Status.WARNING, "IPv4: a symmetric NAT", ("mapping address-dependent",), 3.0),
    Check("turn", "", Status.SKIPPED, "not tested: no TURN server was named"),
)
FINDING = Finding("nat-symmetric", Status.PROBLEM, "The NAT is symmetric", "Calls fail. " * 12, "Get a relay.")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report(*findings, servers=("stun:a",), checks=CHECKS):
    return Report("1.2.3", servers, "symmetric", tuple(checks), findings, 5.25)


def shown(console, *findings):
    view = DoctorView(console)
    with view.watching():
        for check in CHECKS:
            view.begin(check.subject)
            view.show(check)
            view.end(check.subject)
    view.conclude(report(*findings))
    return console.file.getvalue()


def test_in_a_pipe_there_are_whole_lines_and_nothing_else():
    output = shown(make_console(io.StringIO()), FINDING)
    assert "\x1b" not in output
    assert "\r" not in output
    lines = output.splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert lines[0] == "✓ Interfaces  1 address to gather from"
    assert lines[1] == "              eth0: 192.0.2.2"
    assert lines[2].startswith("✓ STUN        stun:a sees us at 198.51.100.7:4711 ")
    assert lines[2].endswith("0.01 s")
    assert lines[3].startswith("✗             stun:b")  # the label stands once
    assert lines[4].startswith("! NAT ")
    assert "✗ The NAT is symmetric" in lines
    assert any(line.startswith("  For calls: Calls fail.") for line in lines)
    assert "  To do: Get a relay." in lines
    assert lines[-1] == "✗ 1 problem (5.2 s)"
    assert max(map(len, lines)) <= MAX_WIDTH


@pytest.mark.parametrize("width", [24, 40, 59, 60, 80, 200])
def test_nothing_is_cut_off_at_any_width(width):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    output = shown(console, FINDING)
    assert max(map(len, output.splitlines())) <= width
    text = "".join(output.split())
    for check in CHECKS:
        assert "".join(check.summary.split()) in text
        assert all("".join(note.split()) in text for note in check.notes)
    assert "".join(FINDING.meaning.split()) in text


def test_what_is_in_progress_is_gone_in_the_end():
    console = Console(file=Terminal(), force_terminal=True, width=80, highlight=False, color_system=None)
    view = DoctorView(console)
    with view.watching():
        view.begin("asking over UDP")
        view.show(CHECKS[0])
        view.end("asking over UDP")
    output = console.file.getvalue()
    assert "asking over UDP" in output
    assert "\x1b[2K" in output  # its line is erased
    assert output.count("\x1b[?25h") == output.count("\x1b[?25l") == 1  # and the cursor shown


def test_a_terminal_without_such_signs_gets_plain_ones():
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80, highlight=False)
    view = DoctorView(console)
    for check in CHECKS:
        view.show(check)
    console.file.flush()
    lines = raw.getvalue().decode("ascii").splitlines()
    assert [line[0] for line in lines if line[0] != " "] == ["+", "+", "x", "!", "-"]


@pytest.mark.parametrize(
    ("findings", "servers", "checks", "result"),
    [
        ((), ("stun:a",), CHECKS[:2], "✓ Everything works"),
        ((), ("stun:a",), CHECKS, "✓ Everything that could be tested works"),
        ((), (), CHECKS, "✓ Nothing wrong here, as far as can be told without a server"),
        ((Status.WARNING,), ("stun:a",), CHECKS, "✓ Calls will work; 1 warning"),
        ((Status.WARNING,), (), CHECKS, "✓ Nothing wrong here, as far as can be told without a server; 1 warning"),
        ((Status.PROBLEM, Status.PROBLEM, Status.WARNING), ("stun:a",), CHECKS, "✗ 2 problems, 1 warning"),
    ],
)
def test_the_last_line(findings, servers, checks, result):
    console = make_console(io.StringIO())
    found = [Finding("x", status, "title", "meaning", "advice") for status in findings]
    DoctorView(console).conclude(report(*found, servers=servers, checks=checks))
    assert console.file.getvalue().splitlines()[-1] == f"{result} (5.2 s)"


def test_colours_are_for_terminals(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in shown(make_console(io.StringIO()), FINDING)
