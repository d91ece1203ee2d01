import asyncio
import io
import json

import pytest
from rich.console import Console

from rtcpeer.cli.gather import Gathering, JsonGatherView, Summary, TerminalGatherView, gather
from rtcpeer.cli.terminal import make_console
from rtcpeer.stack.servers import ServerUrl
from tests.sim import nat
from tests.sim.peers import simulated
from tests.unit.cli.world import ADA, LaptopWorld

URLS = ("stun:stun.example.org", "turn:turn.example.org", "stun:nowhere.example.org")


async def shown(view_class, console, policy="all", urls=URLS):
    world = LaptopWorld(nat.PORT_RESTRICTED)
    world.stun_server()
    world.turn_server()
    servers = [ServerUrl.parse(url, ADA) for url in urls]
    summary = await gather(Gathering(servers, policy, 5.0, None), world.laptop, view_class(console))
    assert world.laptop.open_sockets == 0
    await asyncio.sleep(1)
    return summary, console.file.getvalue()


@simulated
async def test_lines_of_json():
    summary, output = await shown(JsonGatherView, make_console(io.StringIO()))
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["event"] for line in lines] == ["candidate", "error", "candidate", "candidate", "end"]
    assert [line["type"] for line in lines if line["event"] == "candidate"] == ["host", "srflx", "relay"]
    host, error, srflx, relay, end = lines
    assert set(host) == {
        "event", "elapsed", "type", "foundation", "component", "protocol", "address", "port", "priority",
        "related_address", "related_port", "url", "relay_protocol", "candidate",
    }  # fmt: skip
    assert host["address"] == "192.168.1.2"
    assert host["candidate"].startswith("candidate:")
    assert srflx["elapsed"] == pytest.approx(0.04, abs=0.01)
    assert (relay["url"], relay["relay_protocol"]) == ("turn:turn.example.org", "udp")
    assert error["code"] == 701
    assert error["url"] == "stun:nowhere.example.org"
    assert end["candidates"] == {"host": 1, "srflx": 1, "relay": 1}
    assert end["errors"] == 1
    assert not summary.is_good


@simulated
async def test_the_table():
    _, output = await shown(TerminalGatherView, make_console(io.StringIO()))
    assert "\x1b" not in output
    header, host, error, srflx, relay, _, summary = output.splitlines()
    assert header.split() == ["time", "type", "foundation", "protocol", "address", "priority", "server"]
    assert host.split()[:2] == ["0.000", "host"]
    assert "126 | 65535 | 255" in host
    assert host.index("192.168.1.2") == header.index("address")
    assert "error" in error
    assert "701 stun:nowhere.example.org" in error
    assert srflx.split()[1] == "srflx"
    assert relay.endswith("turn:turn.example.org over udp")
    assert summary.startswith("3 candidates (1 host, 1 srflx, 1 relay), 1 server failed in 0.")


@simulated
async def test_a_narrow_terminal_has_two_lines_for_each():
    console = Console(file=io.StringIO(), width=40, highlight=False)
    _, output = await shown(TerminalGatherView, console, urls=URLS[:1])
    assert output.strip().startswith("0.000  host   udp 192.168.1.2:")
    assert max(map(len, output.splitlines())) <= 60


@simulated
async def test_relays_alone():
    summary, _ = await shown(JsonGatherView, make_console(io.StringIO()), "relay", URLS[:2])
    assert summary.candidates == {"relay": 1}
    assert summary.is_good


def test_what_is_good():
    assert Summary(0.1, {"host": 1}, 0).is_good
    assert not Summary(0.1, {}, 0).is_good
    assert not Summary(0.1, {"host": 1}, 1).is_good


def test_one_candidate_is_no_plural():
    console = make_console(io.StringIO())
    TerminalGatherView(console).end(Summary(1.0, {"host": 1}, 2))
    assert console.file.getvalue().strip() == "1 candidate (1 host), 2 servers failed in 1.00 s"
