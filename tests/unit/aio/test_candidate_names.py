"""Candidates with names in ``.local``, in virtual time: what becomes of the peer's, and what is told of ours."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.ice.address_rewrite import AddressRewrite
from rtcpeer.ice.candidate import Candidate, CandidateType
from rtcpeer.ice.events import IceState
from rtcpeer.ice.mdns import is_resolvable
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from tests.sim.aio_network import SimulatedNetwork
from tests.sim.loop import run
from tests.sim.network import Host, Network

NAME = "8c1d0e5a-57f1-4b0a-9d0c-1f6f5d1c7a10.local"
OTHER = "7f3b2c11-0b6e-4ad2-8f55-2c4e1a0b9d77.local"


class NamingNetwork(SimulatedNetwork):
    """A simulated network whose hosts know each other's names."""

    def __init__(self, host: Host, names: dict[str, list[str]]) -> None:
        super().__init__(host)
        self.names = names
        self.asked: list[str] = []
        self.resolve_mdns_delay = 0.05
        self.publish_error: OSError | None = None

    async def resolve_mdns(self, name: str, timeout: float) -> list[str]:
        self.asked.append(name)
        if name in self.names:
            await asyncio.sleep(self.resolve_mdns_delay)
            return self.names[name]
        await asyncio.sleep(timeout)
        raise OSError("nobody answered")

    async def publish_mdns(self, name: str, address: str) -> Callable[[], None]:
        await asyncio.sleep(0.01)
        if self.publish_error is not None:
            raise self.publish_error
        self.names.setdefault(name, []).append(address)
        return lambda: self.names[name].remove(address)


def hosts() -> tuple[Host, Host]:
    network = Network(timeline=asyncio.get_running_loop())
    return network.host("a", "192.0.2.1"), network.host("b", "192.0.2.2")


def agent(network: SimulatedNetwork, settings: IceSettings | None = None, *, is_controlling: bool = True) -> IceAgent:
    seed = random.Random(network.host.name)
    return IceAgent(settings, network=network, is_controlling=is_controlling, entropy=seed.randbytes)


def candidate(address: str, port: int = 5000) -> Candidate:
    return Candidate("1", 1, "udp", 2113937151, address, port, CandidateType.HOST)


def remote_addresses(made: IceAgent) -> list[str]:
    return [one.address for one in made.core.agent.remote_candidates]


class Outcome(NamedTuple):
    state: IceState
    remote_addresses: list[str]
    asked: list[str]


async def connect_by_name(settings: IceSettings, names: dict[str, list[str]]) -> Outcome:
    """Only ``a`` is told of a candidate, with a name: there is a path if, and only if, it can make use of that."""
    host_a, host_b = hosts()
    network = NamingNetwork(host_a, names)
    async with agent(network, settings) as a, agent(SimulatedNetwork(host_b), is_controlling=False) as b:
        for one in (a, b):
            one.gather()
        (ours,) = await b.gathered()
        a.set_remote_parameters(b.local_parameters)
        b.set_remote_parameters(a.local_parameters)
        a.add_remote_candidate(replace(ours, address=NAME))
        a.add_remote_candidate(None)
        b.add_remote_candidate(None)
        await asyncio.sleep(1)
        assert (a.state is IceState.COMPLETED) == (b.state is IceState.COMPLETED)
        return Outcome(a.state, remote_addresses(a), network.asked)


@pytest.mark.parametrize("mode", ["query", "query_and_gather"])
def test_a_name_is_resolved_and_checked(mode: str) -> None:
    async def main() -> None:
        settings = IceSettings(mdns="query" if mode == "query" else "query_and_gather")
        outcome = await connect_by_name(settings, {NAME: ["192.0.2.2"]})
        assert outcome == (IceState.COMPLETED, ["192.0.2.2"], [NAME])

    run(main())


def test_disabled_nobody_asks() -> None:
    async def main() -> None:
        outcome = await connect_by_name(IceSettings(mdns="disabled"), {NAME: ["192.0.2.2"]})
        assert outcome == (IceState.CHECKING, [NAME], [])

    run(main())


def test_without_multicast_a_name_does_no_harm() -> None:
    async def main() -> None:
        host, _ = hosts()
        async with agent(SimulatedNetwork(host)) as a:
            a.add_remote_candidate(candidate(NAME))
            a.add_remote_candidate(candidate("192.0.2.2"))
            await asyncio.sleep(5)
            assert remote_addresses(a) == [NAME, "192.0.2.2"]

    run(main())


def test_an_unresolvable_name_costs_only_itself() -> None:
    async def main() -> None:
        host, _ = hosts()
        network = NamingNetwork(host, {NAME: ["192.0.2.2", "2001:db8::2"]})
        async with agent(network, IceSettings(mdns_timeout=1.5)) as a:
            a.add_remote_candidate(candidate(OTHER))
            a.add_remote_candidate(candidate(NAME, 5000))
            a.add_remote_candidate(candidate(NAME, 5001))
            a.add_remote_candidate(candidate(NAME.upper(), 5002))
            a.add_remote_candidate(candidate(NAME, 5000))
            await asyncio.sleep(0.06)
            found = [(one.address, one.port, one.base.host) for one in a.core.agent.remote_candidates]
            assert found[0][:2] == (OTHER, 5000)
            assert sorted(found[1:]) == [
                (address, port, address) for address in ("192.0.2.2", "2001:db8::2") for port in (5000, 5001, 5002)
            ]
            await asyncio.sleep(2)
            assert remote_addresses(a).count(OTHER) == 1
            # Neither is asked for again.
            a.add_remote_candidate(candidate(OTHER, 5001))
            a.add_remote_candidate(candidate(NAME, 5003))
            assert sorted(network.asked) == sorted([OTHER, NAME])
            assert ("192.0.2.2", 5003) in [(one.address, one.port) for one in a.core.agent.remote_candidates]

    run(main())


def test_the_end_of_candidates_waits_for_names() -> None:
    async def main() -> None:
        host, _ = hosts()
        async with agent(NamingNetwork(host, {}), IceSettings(mdns_timeout=1.0)) as a:
            ended: list[float] = []
            loop = asyncio.get_running_loop()
            started = loop.time()
            tell = a.core.agent.end_of_remote_candidates
            a.core.agent.end_of_remote_candidates = lambda *of: (ended.append(loop.time() - started), tell(*of))[1]  # type: ignore[method-assign]
            a.add_remote_candidate(candidate(NAME))
            a.add_remote_candidate(None)
            await asyncio.sleep(3)
            assert ended == [pytest.approx(1.0)]
            a.add_remote_candidate(None)
            assert len(ended) == 2

    run(main())


def test_other_generations_and_too_many_are_not_asked_for() -> None:
    async def main() -> None:
        host, host_b = hosts()
        network = NamingNetwork(host, {})
        b = agent(SimulatedNetwork(host_b))
        async with agent(network, IceSettings(max_remote_candidates=3)) as a:
            a.set_remote_parameters(b.local_parameters)
            a.add_remote_candidate(replace(candidate(NAME), username_fragment="former"))
            for number in range(10):
                a.add_remote_candidate(candidate(f"n{number}.local"))
            await asyncio.sleep(0.1)
            assert network.asked == ["n0.local", "n1.local", "n2.local"]
        await b.close()

    run(main())


def test_names_that_resolve_to_one_address_are_bounded_too() -> None:
    async def main() -> None:
        host, _ = hosts()
        network = NamingNetwork(host, {f"n{number}.local": ["192.0.2.2"] for number in range(10)})
        async with agent(network, IceSettings(max_remote_candidates=3)) as a:
            for number in range(10):
                a.add_remote_candidate(candidate(f"n{number}.local"))
                await asyncio.sleep(0.1)
            assert len(network.asked) == 3

    run(main())


def test_closing_ends_the_asking() -> None:
    async def main() -> None:
        host, _ = hosts()
        network = NamingNetwork(host, {})
        a = agent(network)
        a.gather()
        a.add_remote_candidate(candidate(NAME))
        a.add_remote_candidate(candidate(OTHER))
        await asyncio.sleep(0)
        await a.close()
        await a.close()
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        a.add_remote_candidate(candidate("late.local"))
        await asyncio.sleep(0.1)
        assert "late.local" not in network.asked

    run(main())


def test_our_own_addresses_are_hidden() -> None:
    async def main() -> None:
        network = Network(timeline=asyncio.get_running_loop())
        names: dict[str, list[str]] = {}
        made = NamingNetwork(network.host("a", "192.0.2.1", "2001:db8::1"), names)
        told: list[Candidate | None] = []
        async with agent(made, IceSettings(mdns="query_and_gather")) as a:
            a.on("candidate", told.append)
            a.gather()
            candidates = await a.gathered()
            assert told == [*candidates, None]
            assert len(candidates) == 2
            assert all(is_resolvable(one.address) for one in candidates)
            assert sorted(names[one.address] for one in candidates) == [["192.0.2.1"], ["2001:db8::1"]]
            assert [one.foundation for one in candidates] == ["h1", "h2"]
            assert {one.address for one in a.core.agent.local_candidates} == {"192.0.2.1", "2001:db8::1"}
        assert [addresses for addresses in names.values() if addresses] == []

    run(main())


def test_one_settable_name() -> None:
    async def main() -> None:
        network = Network(timeline=asyncio.get_running_loop())
        names: dict[str, list[str]] = {}
        made = NamingNetwork(network.host("a", "192.0.2.1", "2001:db8::1"), names)
        async with agent(made, IceSettings(mdns="query_and_gather", mdns_host_name="printer.local")) as a:
            a.gather()
            assert [one.address for one in await a.gathered()] == ["printer.local"] * 2
            assert sorted(names["printer.local"]) == ["192.0.2.1", "2001:db8::1"]

    run(main())


def test_what_a_one_to_one_nat_shows_is_shown_and_what_is_behind_it_is_not() -> None:
    async def main() -> None:
        host, _ = hosts()
        rules = [AddressRewrite("198.51.100.1", mode="append")]
        async with agent(NamingNetwork(host, {}), IceSettings(mdns="query_and_gather", address_rewrites=rules)) as a:
            a.gather()
            hidden, shown = await a.gathered()
            assert is_resolvable(hidden.address)
            assert (shown.address, shown.foundation) == ("198.51.100.1", "h1")

    run(main())


@pytest.mark.parametrize("has_multicast", [True, False])
def test_addresses_stay_hidden_where_nothing_can_be_published(has_multicast: bool) -> None:
    async def main() -> None:
        host, _ = hosts()
        network: SimulatedNetwork = SimulatedNetwork(host)
        if has_multicast:
            network = NamingNetwork(host, {})
            network.publish_error = OSError("port 5353 is taken")
        async with agent(network, IceSettings(mdns="query_and_gather")) as a:
            a.gather()
            assert [is_resolvable(one.address) for one in await a.gathered()] == [True]

    run(main())


def test_by_default_our_addresses_are_told() -> None:
    async def main() -> None:
        host, _ = hosts()
        async with agent(NamingNetwork(host, {})) as a:
            a.gather()
            assert [one.address for one in await a.gathered()] == ["192.0.2.1"]

    run(main())


@pytest.mark.parametrize(("host", "unspecified"), [("192.0.2.1", "0.0.0.0"), ("2001:db8::1", "::")])
def test_reflexive_candidates_do_not_tell_the_base(host: str, unspecified: str) -> None:
    async def main() -> None:
        network = Network(timeline=asyncio.get_running_loop())
        async with agent(NamingNetwork(network.host("a", host), {}), IceSettings(mdns="query_and_gather")) as a:
            a.gather()
            await a.gathered()
            (base,) = a.core.agent.local_candidates
            reflexive = replace(
                base, type=CandidateType.SERVER_REFLEXIVE, foundation="77", address="203.0.113.1", base=base.base
            ).with_related(base.base)
            told = a.signalled(reflexive)
            assert (told.address, told.related_address, told.related_port) == ("203.0.113.1", unspecified, 9)
            assert told.foundation == "h2"
            assert host not in told.serialize()
            assert a.signalled(told) == told
            relayed = replace(
                reflexive,
                type=CandidateType.RELAYED,
                address="203.0.113.9",
                base=base.base._replace(host="203.0.113.9"),
            )
            told = a.signalled(relayed)
            assert (told.address, told.related_address, told.related_port) == ("203.0.113.9", unspecified, 9)
            assert a.signalled(told) == told
            elsewhere = replace(
                reflexive, base=reflexive.base._replace(host="198.51.100.7"), related_address="198.51.100.7"
            )
            assert a.signalled(elsewhere) == elsewhere

    run(main())


def test_a_name_for_an_address_that_a_check_has_shown() -> None:
    """It takes the peer-reflexive candidate's place, as if it had been signalled with the address."""

    async def main() -> None:
        host_a, host_b = hosts()
        network = NamingNetwork(host_a, {NAME: ["192.0.2.2"]})
        network.resolve_mdns_delay = 2.0
        async with agent(network) as a, agent(SimulatedNetwork(host_b), is_controlling=False) as b:
            for one in (a, b):
                one.gather()
            (ours,), (theirs,) = await a.gathered(), await b.gathered()
            a.set_remote_parameters(b.local_parameters)
            b.set_remote_parameters(a.local_parameters)
            b.add_remote_candidate(ours)
            a.add_remote_candidate(replace(theirs, address=NAME))
            await asyncio.sleep(1.5)
            assert [one.type.value for one in a.core.agent.remote_candidates] == ["host", "prflx"]
            await asyncio.sleep(1)
            (known,) = a.core.agent.remote_candidates
            assert (known.type.value, known.address) == ("host", "192.0.2.2")
            pair = a.core.agent.selected_pair
            assert pair is not None
            assert pair.remote is known

    run(main())


@pytest.mark.parametrize(
    ("field", "value"),
    [("mdns", "on"), ("mdns_timeout", -1.0), ("mdns_host_name", "host.example"), ("mdns_host_name", "a.b.local")],
)
def test_settings_that_can_not_work(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        IceSettings(**{field: value})  # type: ignore[arg-type]


def test_a_name_that_came_before_its_description_is_resolved_with_it() -> None:
    async def main() -> None:
        host, _ = hosts()
        network = NamingNetwork(host, {NAME: ["192.0.2.2"]})
        async with agent(network, IceSettings()) as a:
            a.set_remote_parameters(IceParameters("first", "the password of the peer"))
            a.restart()
            a.add_remote_candidate(replace(candidate(NAME), username_fragment="second"))
            await asyncio.sleep(1)
            assert network.asked == []
            a.set_remote_parameters(IceParameters("second", "the password of the peer"))
            await asyncio.sleep(1)
            assert network.asked == [NAME]
            assert remote_addresses(a) == ["192.0.2.2"]

    run(main())
