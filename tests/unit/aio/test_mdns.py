"""Two services and a link in virtual time; the sockets themselves are tested in tests/interop/test_mdns.py."""

import asyncio
import gc
import random
import weakref
from collections.abc import Callable

import pytest

from rtcpeer.aio import mdns
from rtcpeer.aio.interfaces import Interface, InterfaceAddress
from rtcpeer.aio.mdns import Link, MdnsService, links_of, service_of
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.dns import DnsMessage, Question, RecordType
from rtcpeer.ice.mdns import PORT, generate_name
from tests.sim.loop import run

NAME = generate_name(random.Random(1).randbytes)

LO = Interface("lo", 1, (InterfaceAddress("127.0.0.1", 8), InterfaceAddress("::1", 128)))
ETH0 = Interface("eth0", 2, (InterfaceAddress("192.0.2.1", 24),))
ETH1 = Interface(
    "eth1",
    3,
    (InterfaceAddress("2001:db8::1", 64), InterfaceAddress("fe80::1", 64), InterfaceAddress("198.51.100.1", 24)),
)


class Cable:
    """Every packet reaches every port, the sender's own too, after a millisecond; the first ``lost`` ones do not."""

    def __init__(self) -> None:
        self.ports: list[CablePort] = []
        self.opened = 0
        self.sent = 0
        self.lost = 0
        self.refused: set[str] = set()

    async def open(self, link: Link, on_datagrams: Callable[[Datagrams], None]) -> "CablePort":
        await asyncio.sleep(0)
        if link.interface in self.refused:
            raise OSError("no multicast here")
        self.opened += 1
        return CablePort(self, link, on_datagrams)


class CablePort:
    def __init__(self, cable: Cable, link: Link, on_datagrams: Callable[[Datagrams], None]) -> None:
        self.cable = cable
        self.link = link
        self.on_datagrams = on_datagrams
        cable.ports.append(self)

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        self.cable.sent += 1
        if self.cable.lost:
            self.cable.lost -= 1
            return len(payloads)
        loop = asyncio.get_running_loop()
        loop.call_later(0.001, self.arrive, list(payloads))
        return len(payloads)

    def arrive(self, payloads: list[bytes]) -> None:
        for port in list(self.cable.ports):
            port.on_datagrams(Datagrams(port.link.local, self.link.local, payloads))

    def close(self) -> None:
        self.cable.ports.remove(self)


def service(cable: Cable, *interfaces: Interface) -> MdnsService:
    listed = list(interfaces or (ETH0,))
    return MdnsService(lambda: listed, cable.open, lambda: True)


def test_links() -> None:
    tentative = Interface("eth2", 4, (InterfaceAddress("fe80::2", 64, is_tentative=True),))
    links = links_of([LO, ETH0, ETH1, tentative])
    assert [(link.interface, link.index, link.local.host, link.is_ipv6) for link in links] == [
        ("eth0", 2, "192.0.2.1", False),
        ("eth1", 3, "198.51.100.1", False),
        ("eth1", 3, "fe80::1", True),
    ]
    assert [str(network) for network in links[2].networks] == ["2001:db8::/64", "fe80::/64"]
    assert {link.local.port for link in links} == {PORT}


def test_a_machine_without_a_network_has_loopback() -> None:
    assert [link.local.host for link in links_of([LO])] == ["127.0.0.1", "::1"]


def test_links_are_bounded() -> None:
    many = [Interface(f"br{n}", n, (InterfaceAddress(f"10.0.{n}.1", 24),)) for n in range(1, 100)]
    assert len(links_of(many)) == mdns.MAX_LINKS


def test_one_finds_the_other() -> None:
    async def main() -> None:
        cable = Cable()
        ours, theirs = service(cable), service(cable)
        withdraw = await theirs.publish(NAME, "192.0.2.2")
        assert await ours.resolve(NAME.upper(), 2.0) == ["192.0.2.2"]
        assert not ours.links
        assert [port.link for port in cable.ports] == theirs.links
        withdraw()
        assert cable.ports == []

    run(main())


def test_a_name_of_our_own() -> None:
    async def main() -> None:
        cable = Cable()
        ours = service(cable)
        withdraw = await ours.publish(NAME, "192.0.2.1")
        assert await ours.resolve(NAME, 2.0) == ["192.0.2.1"]
        withdraw()

    run(main())


def test_loss_costs_one_question() -> None:
    async def main() -> None:
        cable = Cable()
        ours, theirs = service(cable), service(cable)
        withdraw = await theirs.publish(NAME, "192.0.2.2")
        await asyncio.sleep(5)
        loop = asyncio.get_running_loop()
        started = loop.time()
        cable.lost = 2
        assert await ours.resolve(NAME, 2.0) == ["192.0.2.2"]
        assert loop.time() - started == pytest.approx(0.252)
        withdraw()

    run(main())


def test_nobody_answers() -> None:
    async def main() -> None:
        cable = Cable()
        ours = service(cable)
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(OSError, match=NAME):
            await ours.resolve(NAME, 2.0)
        assert loop.time() - started == pytest.approx(2.0)
        assert cable.sent == 6
        assert cable.ports == []

    run(main())


def test_many_wait_for_one_name() -> None:
    async def main() -> None:
        cable = Cable()
        ours = service(cable)
        waiting = [asyncio.ensure_future(ours.resolve(NAME, 2.0)) for _ in range(3)]
        await asyncio.sleep(0.5)
        waiting[0].cancel()
        theirs = service(cable)
        withdraw = await theirs.publish(NAME, "192.0.2.2")
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert results[1:] == [["192.0.2.2"]] * 2
        assert ours.statistics().names_resolved == 1
        assert cable.opened == 2
        withdraw()

    run(main())


def test_nobody_waits_any_more() -> None:
    async def main() -> None:
        cable = Cable()
        ours = service(cable)
        waiting = asyncio.ensure_future(ours.resolve(NAME, 2.0))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        sent = cable.sent
        assert cable.ports == []
        await asyncio.sleep(5)
        assert cable.sent == sent

    run(main())


def test_cancelled_while_it_opens() -> None:
    async def main() -> None:
        cable = Cable()
        ours = service(cable, ETH0, ETH1)
        waiting = asyncio.ensure_future(ours.resolve(NAME, 2.0))
        while cable.opened == 0:
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert cable.ports == []

    run(main())


def test_an_interface_without_multicast_costs_only_itself() -> None:
    async def main() -> None:
        cable = Cable()
        cable.refused = {"eth0"}
        ours, theirs = service(cable, ETH0, ETH1), service(cable, ETH1)
        withdraw = await theirs.publish(NAME, "192.0.2.2")
        assert await ours.resolve(NAME, 2.0) == ["192.0.2.2"]
        withdraw()
        with pytest.raises(OSError, match="no interface"):
            await service(cable, ETH0).resolve(NAME, 2.0)
        with pytest.raises(OSError, match="no interface"):
            await service(cable, ETH0).publish(NAME, "192.0.2.1")
        assert cable.ports == []

    run(main())


def test_interfaces_come_and_go_while_it_is_open() -> None:
    async def main() -> None:
        cable = Cable()
        interfaces = [ETH0]
        ours = MdnsService(lambda: interfaces, cable.open, lambda: False)
        first = await ours.publish(NAME, "192.0.2.1")
        interfaces[:] = [ETH1]
        await asyncio.sleep(mdns.LOOK_INTERVAL)
        second = await ours.publish(NAME, "198.51.100.1")
        assert {link.interface for link in ours.links} == {"eth1"}
        assert len(cable.ports) == 2
        first()
        first()
        assert ours.links
        second()
        assert cable.ports == []

    run(main())


def test_what_can_not_be_published_leaves_nothing_open() -> None:
    async def main() -> None:
        cable = Cable()
        with pytest.raises(ValueError, match="local"):
            await service(cable).publish("host.example", "192.0.2.1")
        assert cable.ports == []

    run(main())


def test_queries_from_elsewhere_get_no_answer() -> None:
    async def main() -> None:
        cable = Cable()
        ours = service(cable, ETH0, ETH1)
        withdraw = await ours.publish(NAME, "192.0.2.1")
        await asyncio.sleep(5)
        sent = cable.sent
        query = DnsMessage(questions=(Question(NAME, RecordType.A),)).serialize()
        port = cable.ports[0]
        for host in ("203.0.113.9", "2001:db8:1::9", "nonsense"):
            port.on_datagrams(Datagrams(port.link.local, TransportAddress(host, PORT), [query]))
        await asyncio.sleep(1)
        assert (ours.off_link_queries, cable.sent) == (3, sent)
        for number, host in enumerate(("192.0.2.9", "198.51.100.9", "fe80::9", "2001:db8::9"), 1):
            port.on_datagrams(Datagrams(port.link.local, TransportAddress(host, 40000), [query]))
            await asyncio.sleep(0)
            assert cable.sent == sent + number
        withdraw()

    run(main())


@pytest.mark.parametrize("is_shared", [True, False])
def test_unicast_answers_are_wanted_only_where_the_port_is_ours(is_shared: bool) -> None:
    async def main() -> None:
        cable = Cable()
        heard: list[bool] = []
        port = await cable.open(
            links_of([ETH1])[0],
            lambda packet: heard.extend(
                question.wants_unicast for one in packet.payloads for question in DnsMessage.parse(one).questions
            ),
        )
        ours = MdnsService(lambda: [ETH0], cable.open, lambda: is_shared)
        with pytest.raises(OSError, match=NAME):
            await ours.resolve(NAME, 0.5)
        assert heard == [not is_shared] * 2 + [False] * 2
        port.close()

    run(main())


def test_there_is_one_for_each_loop_while_it_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    cable = Cable()
    monkeypatch.setattr(mdns, "open_multicast", cable.open)
    monkeypatch.setattr(mdns, "list_interfaces", lambda: [ETH0])
    monkeypatch.setattr(mdns, "is_port_taken", lambda: False)
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loops.append(weakref.ref(loop))
        ours = service_of(loop)
        assert service_of(loop) is ours
        withdraw = await ours.publish(NAME, "192.0.2.1")
        assert await service_of(loop).resolve(NAME, 2.0) == ["192.0.2.1"]
        assert cable.opened == len(loops)
        withdraw()
        assert service_of(loop) is not ours

    run(main())
    run(main())
    gc.collect()
    assert [loop() for loop in loops] == [None, None]
