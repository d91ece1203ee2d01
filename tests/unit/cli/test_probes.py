import pytest

from rtcpeer.aio.interfaces import Interface, InterfaceAddress
from rtcpeer.cli.probes import NameResult, UdpResult, list_interfaces, probe_mdns, probe_name, probe_udp, udp_endpoints
from rtcpeer.core import TransportAddress
from rtcpeer.stack.nat_behavior import NatBehavior, ServerAnswer
from rtcpeer.stack.nat_discovery import NatDiscoverySettings
from rtcpeer.stack.servers import ServerUrl
from tests.sim.peers import simulated
from tests.unit.cli.world import LaptopWorld

LOCAL, MAPPED, AT = (TransportAddress(f"192.0.2.{last}", 3478) for last in (1, 2, 3))


class MdnsLink:
    """A network that knows names in .local, or says that it does."""

    def __init__(self, answer):
        self.answer = answer
        self.published = {}

    def interfaces(self):
        return [Interface("eth0", 1, (InterfaceAddress("192.0.2.1", 24),))]

    async def publish_mdns(self, name, address):
        self.published[name] = address
        return lambda: self.published.pop(name)

    async def resolve_mdns(self, name, timeout):
        if isinstance(self.answer, OSError):
            raise self.answer
        return [self.published[name]] if self.answer is None else self.answer


@simulated
async def test_mdns():
    for answer, error in (
        (None, None),
        (["192.0.2.66"], "not with 192.0.2.1"),
        (OSError(113, "nobody answered"), "nobody answered"),
    ):
        link = MdnsLink(answer)
        result = await probe_mdns(link, 1.0)
        assert result.is_supported
        assert (result.error or "").endswith(error or "")
        assert (result.error is None) == (error is None)
        assert link.published == {}


@simulated
async def test_a_name_is_given_its_time():
    world = LaptopWorld()
    world.laptop.resolve_delay = 0.2
    world.network.names["here"] = ["203.0.113.1", "2001:db8::1"]
    result = await probe_name(world.laptop, "here", 3478, 1.0)
    assert (result.addresses, result.error) == (("203.0.113.1", "2001:db8::1"), None)
    assert result.seconds == pytest.approx(0.2)
    late = await probe_name(world.laptop, "here", 3478, 0.1)
    assert late.error == "no answer from DNS within 0.1 s"


def test_who_is_asked_over_udp():
    urls = ("stun:a", "turn:a:3479", "turn:a?transport=tcp", "turns:a", "stun:b", "turn:b")
    names = {"a": NameResult("a", ("2001:db8::1", "203.0.113.1", "203.0.113.2"), 0.0), "b": NameResult("b", (), 0.0)}
    servers = [ServerUrl.parse(url) for url in urls]
    assert [(str(at), one.url) for at, one in udp_endpoints(servers, names, is_ipv6=False).items()] == [
        ("203.0.113.1:3478", "stun:a"),
        ("203.0.113.1:3479", "turn:a:3479"),
    ]
    assert [str(at) for at in udp_endpoints(servers, names, is_ipv6=True)] == [
        "[2001:db8::1]:3478",
        "[2001:db8::1]:3479",
    ]


@pytest.mark.parametrize(
    ("hops", "is_double", "private"),
    [
        (("192.168.0.1", "203.0.113.9"), False, 1),
        (("192.168.0.1", "100.64.0.1"), True, 2),
        (("192.168.1.1", None, "10.0.0.1"), True, 2),
        (("10.0.0.1", "10.1.0.1"), False, 2),  # plain routers of one network, as far as can be told
        ((None, None), False, 0),
        ((), False, 0),
    ],
)
def test_a_nat_behind_a_nat(hops, is_double, private):
    translated = NatBehavior(LOCAL, (ServerAnswer(AT, MAPPED),))
    result = UdpResult(False, translated, 1.0, hops=hops)
    assert result.is_double_nat is is_double
    assert len(result.private_hops) == private
    assert not UdpResult(False, NatBehavior(LOCAL, (ServerAnswer(AT, LOCAL),)), 1.0, hops=hops).is_double_nat


@simulated
async def test_an_address_that_can_not_be_bound_is_passed_over():
    world = LaptopWorld()
    server = world.stun_server()
    world.laptop.udp_errors.append(OSError("gone"))
    result = await probe_udp(world.laptop, [server.endpoint], NatDiscoverySettings(), is_ipv6=False)
    assert result.behavior is None
    assert result.unanswered == ()


def test_a_system_that_does_not_tell_its_interfaces():
    class Silent:
        def interfaces(self):
            raise OSError("not today")

    assert list_interfaces(Silent()) == []
