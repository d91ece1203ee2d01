"""The command line: ``rtcpeer doctor`` and ``rtcpeer gather``."""

import argparse
import asyncio
import json
import math
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

import rtcpeer
from rtcpeer.aio.network import SystemNetwork
from rtcpeer.api.configuration import RTCIceServer
from rtcpeer.cli.doctor import Doctor, DoctorSettings
from rtcpeer.cli.gather import Gathering, JsonGatherView, TerminalGatherView, gather
from rtcpeer.cli.report import Check
from rtcpeer.cli.terminal import DoctorView, make_console
from rtcpeer.errors import DOMException
from rtcpeer.stack.servers import ServerUrl

__all__ = ["main"]

GOOD, PROBLEMS, USAGE, INTERRUPTED = 0, 1, 2, 130

_DOCTOR_EXAMPLES = """\
examples:
  rtcpeer doctor
      what can be told without a server; nobody outside is contacted
  rtcpeer doctor --server stun:stun.example.org
      whether UDP works, and what the NAT does
  rtcpeer doctor --server turn:turn.example.org --server 'turns:turn.example.org:443?transport=tcp' \\
      --username ada --credential lovelace
      whether calls will get through everywhere
  rtcpeer doctor --server stun:stun.example.org --json | jq .nat

exit status: 0 nothing that calls fail of, 1 problems, 2 wrong usage
"""
_GATHER_EXAMPLES = """\
examples:
  rtcpeer gather --server stun:stun.example.org
  rtcpeer gather --server turn:turn.example.org --username ada --credential lovelace --policy relay
  rtcpeer gather --json | jq -r 'select(.event == "candidate").candidate'

exit status: 0 candidates and no errors, 1 a server failed or there is no candidate, 2 wrong usage
"""
_EXAMPLES = """\
examples:
  rtcpeer doctor --server stun:stun.example.org
  rtcpeer gather --server turn:turn.example.org --username ada --credential lovelace
  rtcpeer doctor --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        servers = _servers(options)
    except DOMException as error:
        parser.exit(USAGE, f"rtcpeer {options.command}: {error}\n")
    run: Callable[[argparse.Namespace, list[ServerUrl]], Coroutine[None, None, int]] = options.run
    try:
        status = asyncio.run(run(options, servers))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Who read has seen enough; the interpreter must not complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PROBLEMS


async def _doctor(options: argparse.Namespace, servers: list[ServerUrl]) -> int:
    settings = DoctorSettings(timeout=options.timeout, tls_ca_file=options.ca_file)
    if options.json:
        report = await Doctor(servers, SystemNetwork(), settings, _Silence(), rtcpeer.__version__).examine()
        sys.stdout.write(json.dumps(report.to_json(), indent=2) + "\n")
    else:
        view = DoctorView(make_console())
        with view.watching():
            report = await Doctor(servers, SystemNetwork(), settings, view, rtcpeer.__version__).examine()
        view.conclude(report)
    return GOOD if report.is_good else PROBLEMS


async def _gather(options: argparse.Namespace, servers: list[ServerUrl]) -> int:
    what = Gathering(servers, options.policy, options.timeout, options.ca_file)
    console = make_console()
    view = JsonGatherView(console) if options.json else TerminalGatherView(console)
    summary = await gather(what, SystemNetwork(), view)
    return GOOD if summary.is_good else PROBLEMS


class _Silence:
    """A watcher that shows nothing."""

    def begin(self, work: str) -> None:
        """Part of `rtcpeer.cli.doctor.Watcher`."""

    def end(self, work: str) -> None:
        """Part of `rtcpeer.cli.doctor.Watcher`."""

    def show(self, check: Check) -> None:
        """Part of `rtcpeer.cli.doctor.Watcher`."""


def _servers(options: argparse.Namespace) -> list[ServerUrl]:
    """The URLs, each once, with the credentials; raises what `RTCIceServer.parsed_urls` raises."""
    parsed: list[ServerUrl] = []
    for url in dict.fromkeys(options.server):
        parsed += RTCIceServer(url, options.username, options.credential).parsed_urls()
    return parsed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rtcpeer",
        description="Why WebRTC connects, or does not, from where you are.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rtcpeer {rtcpeer.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    doctor = commands.add_parser(
        "doctor",
        help="test this network for calls: DNS, UDP, NAT, TURN, IPv6, mDNS",
        description="Test what calls need of this network, say what is wrong, what it means and what to do.",
        epilog=_DOCTOR_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.set_defaults(run=_doctor)
    _add_common(doctor, "a report as JSON, at the end")
    gathering = commands.add_parser(
        "gather",
        help="print ICE candidates as they come",
        description="Gather ICE candidates and print each as it comes.",
        epilog=_GATHER_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    gathering.set_defaults(run=_gather)
    _add_common(gathering, "a line of JSON for each candidate and error, as it comes")
    gathering.add_argument(
        "--policy",
        choices=("all", "relay", "nohost"),
        default="all",
        help="which candidates: all, relayed ones only, or none of this host's own addresses (default: %(default)s)",
    )
    return parser


def _add_common(parser: argparse.ArgumentParser, json_help: str) -> None:
    parser.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="URL",
        help="stun:HOST[:PORT], turn:HOST[:PORT][?transport=udp|tcp] or turns:...; may be repeated."
        " No other server is contacted",
    )
    parser.add_argument(
        "--username", default=os.environ.get("RTCPEER_USERNAME"), help="for TURN (default: $RTCPEER_USERNAME)"
    )
    parser.add_argument(
        "--credential",
        default=os.environ.get("RTCPEER_CREDENTIAL"),
        help="for TURN (default: $RTCPEER_CREDENTIAL, which other users of the machine can not see)",
    )
    parser.add_argument("--json", action="store_true", help=json_help)
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="for an answer of any server (default: %(default)g)",
    )
    parser.add_argument("--ca-file", type=_file, metavar="PEM", help="who may vouch for turns: servers")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"seconds are more than 0, not {text}")
    return seconds


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return text
