"""The whole examination, in virtual time."""

import asyncio
import json

import pytest

from rtcpeer.cli.doctor import DoctorSettings
from rtcpeer.cli.report import Status
from tests.sim import nat
from tests.sim.loop import run
from tests.sim.nat import NatSettings
from tests.sim.peers import simulated
from tests.sim.stun_server import StunBehaviour, StunServer
from tests.unit.cli.world import LaptopWorld, names, statuses
from tests.unit.turn.server import Behaviour

STUN, TURN = "stun:stun.example.org", "turn:turn.example.org"


@simulated
async def test_without_servers_nobody_is_contacted():
    world = LaptopWorld()
    server = world.stun_server()
    report = await world.examine()
    assert report.is_good
    assert report.nat is None
    assert server.requests == []
    assert statuses(report) == {
        "interfaces": "ok",
        "nat": "skipped",
        "ipv6": "skipped",
        "turn": "skipped",
        "mdns": "skipped",
    }
    assert any("--server" in check.summary for check in report.checks)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (None, "open"),
        (nat.FULL_CONE, "full-cone"),
        (nat.ADDRESS_RESTRICTED, "address-restricted"),
        (nat.PORT_RESTRICTED, "port-restricted"),
        (nat.SYMMETRIC, "symmetric"),
        (nat.BLOCKED, "udp-blocked"),
    ],
)
def test_names_the_nat(kind: NatSettings | None, expected):
    @simulated
    async def main():
        world = LaptopWorld(kind)
        world.stun_server()
        report = await world.examine(STUN)
        assert report.nat == expected

    main()


@simulated
async def test_all_is_well():
    world = LaptopWorld(nat.PORT_RESTRICTED)
    world.stun_server()
    world.turn_server()
    report = await world.examine(STUN, TURN)
    assert report.is_good
    assert report.findings == ()
    assert statuses(report)["turn"] == "ok"
    (turn,) = [check for check in report.checks if check.kind == "turn"]
    relayed = turn.details["relayed"]
    assert relayed["sent"] == relayed["received"] == 20
    # Behind the server's link both ways, twice: the probe's other end is here, too.
    assert relayed["round_trip"] >= 0.08
    assert turn.details["protocol"] == "udp"
    assert 3 < report.seconds < 4


@simulated
async def test_a_symmetric_nat_is_a_problem_without_a_relay_and_a_warning_with_one():
    world = LaptopWorld(nat.SYMMETRIC)
    world.stun_server()
    world.turn_server()
    report = await world.examine(STUN)
    assert names(report) == ["nat-symmetric"]
    assert not report.is_good
    world.watcher.checks.clear()
    report = await world.examine(STUN, TURN)
    assert names(report) == ["nat-symmetric"]
    assert report.is_good


@simulated
async def test_blocked_udp_is_one_finding_whatever_fails_of_it():
    world = LaptopWorld(nat.BLOCKED)
    world.stun_server()
    world.turn_server()
    report = await world.examine(STUN, TURN)
    assert names(report) == ["udp-unanswered"]
    assert statuses(report)["stun"] == statuses(report)["nat"] == statuses(report)["turn"] == "problem"
    assert report.seconds < 6


@simulated
async def test_wrong_credentials():
    world = LaptopWorld()
    world.turn_server(Behaviour(has_ipv6=False, users={"ada": "other"}))
    report = await world.examine(TURN)
    (finding,) = report.findings
    assert finding.name == "relay-refused"
    assert "401" in finding.meaning
    assert "--credential" in finding.advice
    # The same server answers plain questions over UDP or does not; that is another matter.
    (turn,) = [check for check in report.checks if check.kind == "turn"]
    assert turn.details["error"]["code"] == 401


@pytest.mark.parametrize("kind", [None, nat.PORT_RESTRICTED])
def test_a_relay_that_wants_credentials_for_everything_shows_that_udp_works(kind):
    @simulated
    async def main():
        world = LaptopWorld(kind)
        world.turn_server()  # refuses Binding requests
        report = await world.examine(TURN)
        assert report.is_good
        assert report.nat == "unknown"
        assert statuses(report)["stun"] == "skipped"

    main()


@simulated
async def test_a_relay_that_leaves_plain_questions_unanswered_shows_that_udp_works():
    world = LaptopWorld(nat.PORT_RESTRICTED)
    server = world.turn_server()
    take = server.server.receive
    server.server.receive = lambda client, packet, now: [] if packet[:2] == b"\0\1" else take(client, packet, now)
    report = await world.examine(TURN)
    assert report.is_good
    assert report.nat == "unknown"


@simulated
async def test_a_server_that_allocates_and_does_not_relay():
    world = LaptopWorld(nat.PORT_RESTRICTED)
    world.stun_server()
    server = world.turn_server()
    server.server.to_peer = lambda relayed, peer, payload: None
    report = await world.examine(STUN, TURN, timeout=1.0)
    assert "relay-unusable" in names(report)
    (turn,) = [check for check in report.checks if check.kind == "turn"]
    assert turn.status is Status.WARNING
    assert turn.details["relayed"] == {"sent": 0, "received": 0, "round_trip": None}


@simulated
async def test_a_name_that_does_not_exist():
    world = LaptopWorld()
    report = await world.examine("stun:nowhere.example.org", "turn:nowhere.example.org")
    assert names(report) == ["name-unresolved"]
    assert statuses(report)["dns"] == "problem"
    assert len([check for check in report.checks if check.kind == "dns"]) == 1


@simulated
async def test_a_resolver_that_does_not_answer():
    world = LaptopWorld()
    world.laptop.silent_names.add("slow.example.org")
    report = await world.examine("stun:slow.example.org", timeout=2.0)
    (finding,) = report.findings
    assert finding.name == "name-unresolved"
    assert report.seconds == pytest.approx(2.0, abs=0.1)


@simulated
async def test_dead_ipv6():
    world = LaptopWorld(None, "198.51.100.2", "2001:db8::2")
    server = world.stun_server()
    world.network.names["stun.example.org"] = ["2001:db8::99", server.addresses[0]]
    report = await world.examine(STUN)
    assert names(report) == ["ipv6-dead"]
    assert report.is_good
    assert report.nat == "open"


@simulated
async def test_ipv4_over_which_nothing_comes_back():
    world = LaptopWorld(None, "198.51.100.2", "2001:db8::2")
    StunServer(world.network, "six", "2001:db8::99")
    world.network.names["stun.example.org"] = ["2001:db8::99", "203.0.113.99"]
    report = await world.examine(STUN)
    assert names(report) == ["ipv4-dead"]
    assert not report.is_good


@simulated
async def test_servers_of_a_family_that_this_machine_has_not():
    world = LaptopWorld()
    report = await world.examine("stun:[2001:db8::99]", "turn:[2001:db8::99]")
    assert names(report) == ["no-common-family"]
    assert statuses(report)["stun"] == statuses(report)["turn"] == "skipped"


@simulated
async def test_one_silent_server_among_others():
    world = LaptopWorld()
    world.stun_server()
    report = await world.examine(STUN, "stun:203.0.113.77")
    assert names(report) == ["server-silent"]
    assert "203.0.113.77" in report.findings[0].title


@simulated
async def test_a_bridge_that_leads_nowhere_does_not_spoil_the_result():
    world = LaptopWorld(nat.FULL_CONE)
    elsewhere = world.network.router("containers", "198.51.100.9", nat=nat.BLOCKED)
    world.laptop.host.attach(elsewhere.inside, "172.17.0.1")
    world.stun_server()
    report = await world.examine(STUN)
    assert report.nat == "full-cone"
    (check,) = [check for check in report.checks if check.kind == "nat"]
    assert check.details["unanswered"] == ["172.17.0.1"]


@simulated
async def test_no_network():
    world = LaptopWorld(None, "127.0.0.1")
    report = await world.examine()
    assert names(report) == ["no-network"]
    assert not report.is_good


@simulated
async def test_the_report_is_json():
    world = LaptopWorld(nat.SYMMETRIC)
    world.stun_server(StunBehaviour(has_other_address=False))
    world.turn_server()
    report = await world.examine(STUN, TURN)
    form = json.loads(json.dumps(report.to_json()))
    assert form["servers"] == [STUN, TURN]
    assert form["rtcpeer"] == "1.2.3"


def test_an_examination_that_is_cancelled_leaves_nothing():
    async def main():
        world = LaptopWorld(nat.BLOCKED)
        world.stun_server()
        world.turn_server()
        task = asyncio.get_running_loop().create_task(world.examine(STUN, TURN))
        await asyncio.sleep(1.0)
        assert world.laptop.open_sockets
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert world.laptop.open_sockets == 0
        assert world.watcher.works == []
        await asyncio.sleep(1)

    run(main())


@simulated
async def test_a_watcher_that_has_gone_ends_it():
    world = LaptopWorld(nat.BLOCKED)
    world.stun_server()
    show = world.watcher.show

    def fail_at_the_third(check):
        show(check)
        if len(world.watcher.checks) == 3:
            raise BrokenPipeError

    world.watcher.show = fail_at_the_third
    with pytest.raises(BrokenPipeError):
        await world.examine(STUN)
    assert world.laptop.open_sockets == 0


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"mdns_timeout": -1}], ids=str)
def test_settings_that_can_not_work_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DoctorSettings(**wrong)
