"""NAT behaviour discovery through every kind of NAT, and with servers that lie, refuse or are silent."""

import itertools
import random

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.stack.nat_behavior import Dependence, NatBehavior
from rtcpeer.stack.nat_discovery import NatBehaviorDiscovered, NatDiscovery, NatDiscoverySettings, ServerAsked
from tests.sim import nat
from tests.sim.link import IDEAL, LinkSettings
from tests.sim.nat import NatSettings, PortAssignment
from tests.sim.network import Network
from tests.sim.stun_server import StunBehaviour, StunServer

INDEPENDENT = {Dependence.ENDPOINT_INDEPENDENT}
STRICTEST = {Dependence.ADDRESS_AND_PORT_DEPENDENT}
ANYTHING = set(Dependence)
HONEST, DEFAULTS = StunBehaviour(), NatDiscoverySettings()
LINK = LinkSettings(delay=0.03)

EVERY_NAT = list(itertools.product(nat.Dependence, nat.Dependence))


def named(dependence: nat.Dependence) -> set[Dependence]:
    return {Dependence[dependence.name]}


class Home:
    """A laptop, perhaps behind a router, in a network with servers."""

    def __init__(self, seed=0, settings: NatSettings | None = None, firewall=None, link: LinkSettings = LINK) -> None:
        self.network = Network(seed)
        self.is_private = settings is not None
        self.seed = seed
        address = "192.168.1.2" if self.is_private else "198.51.100.2"
        segment = None
        if settings is not None or firewall is not None:
            segment = self.network.router("home", "198.51.100.1", nat=settings, firewall=firewall).inside
        self.laptop = self.network.host("laptop", address, segment=segment, up=link)
        self.bases = [TransportAddress(address, port) for port in (50000, 50001)]
        self.servers: list[StunServer] = []

    def server(self, behaviour: StunBehaviour = HONEST, *, addresses=2) -> StunServer:
        number = len(self.servers)
        hosts = [f"203.0.113.{10 * number + last}" for last in range(1, addresses + 1)]
        self.servers.append(StunServer(self.network, f"stun{number}", *hosts, behaviour=behaviour))
        return self.servers[-1]

    def discover(self, settings: NatDiscoverySettings = DEFAULTS, extra=()) -> NatBehavior:
        """The result, after which nothing may be open."""
        endpoints = [server.endpoint for server in self.servers] + list(extra)
        core = NatDiscovery(*self.bases, endpoints, settings, random.Random(self.seed).randbytes)
        self.endpoint = self.laptop.drive(core, *self.bases)
        self.endpoint.flush()
        self.network.run(lambda: bool(self.endpoint.events_of(NatBehaviorDiscovered)))
        self.seconds = self.network.clock.time()
        assert core.next_timeout() is None
        (event,) = self.endpoint.events_of(NatBehaviorDiscovered)
        assert self.endpoint.events[-1] == event
        assert [one.answer for one in self.endpoint.events_of(ServerAsked)]
        return event.behavior


@pytest.mark.parametrize("ports", PortAssignment)
@pytest.mark.parametrize(("mapping", "filtering"), EVERY_NAT)
def test_every_nat_is_recognised(mapping, filtering, ports):
    home = Home(settings=NatSettings(mapping=mapping, filtering=filtering, ports=ports))
    home.server()
    behavior = home.discover()
    assert behavior.mappings == named(mapping)
    assert behavior.filterings == named(filtering)
    assert behavior.is_translated
    assert behavior.is_symmetric == (mapping is not nat.Dependence.ENDPOINT_INDEPENDENT)
    assert [answer.offers_discovery for answer in behavior.answers] == [True]
    assert home.seconds < 4


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("mapping", "filtering"), EVERY_NAT)
def test_loss_does_not_change_the_result(seed, mapping, filtering):
    lossy = LinkSettings(delay=0.03, jitter=0.02, loss=0.05, duplication=0.05)
    home = Home(seed, NatSettings(mapping=mapping, filtering=filtering), link=lossy)
    home.server()
    # Silence is told from loss by asking more often.
    behavior = home.discover(
        NatDiscoverySettings(silence_requests=6, silence_timeout=30, max_requests=6, answer_timeout=30)
    )
    assert behavior.mappings == named(mapping)
    assert behavior.filterings == named(filtering)


@pytest.mark.parametrize("filtering", nat.Dependence)
def test_a_firewall_without_translation(filtering):
    home = Home(firewall=NatSettings(filtering=filtering))
    home.server()
    behavior = home.discover()
    assert not behavior.is_translated
    assert behavior.mappings == INDEPENDENT
    assert behavior.filterings == named(filtering)


def test_nothing_in_between():
    home = Home()
    home.server()
    behavior = home.discover()
    assert behavior.mapped == (home.bases[0],)
    assert (behavior.mappings, behavior.filterings) == (INDEPENDENT, INDEPENDENT)
    assert home.seconds < 0.5


def test_blocked_udp():
    home = Home(settings=nat.BLOCKED)
    home.server()
    behavior = home.discover()
    assert not behavior.is_reached
    assert (behavior.mappings, behavior.filterings) == (ANYTHING, ANYTHING)
    assert "no answer" in behavior.answers[0].error
    assert home.seconds == pytest.approx(5.0, abs=0.01)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (nat.Dependence.ENDPOINT_INDEPENDENT, INDEPENDENT),
        (nat.Dependence.ADDRESS_DEPENDENT, ANYTHING - INDEPENDENT),
        (nat.Dependence.ADDRESS_AND_PORT_DEPENDENT, ANYTHING - INDEPENDENT),
    ],
)
def test_two_servers_that_only_answer_tell_the_mapping_alone(mapping, expected):
    home = Home(settings=NatSettings(mapping=mapping))
    for _ in range(2):
        home.server(addresses=1)
    behavior = home.discover()
    assert behavior.mappings == expected
    assert behavior.is_symmetric == (mapping is not nat.Dependence.ENDPOINT_INDEPENDENT)
    assert behavior.filterings == ANYTHING
    assert home.seconds < 0.5


def test_one_server_that_only_answers_tells_neither():
    home = Home(settings=nat.PORT_RESTRICTED)
    home.server(addresses=1)
    behavior = home.discover()
    assert behavior.is_translated
    assert (behavior.mapping, behavior.filtering) == (None, None)
    assert not behavior.is_symmetric


@pytest.mark.parametrize("how", ["ignored", "refused", "dropped"])
def test_a_server_that_does_not_answer_from_elsewhere_says_nothing_about_filtering(how):
    home = Home(settings=nat.FULL_CONE)
    home.server(StunBehaviour(change_request=how))
    behavior = home.discover()
    assert behavior.mappings == INDEPENDENT
    assert behavior.filterings == ANYTHING  # and not address-and-port-dependent


@pytest.mark.parametrize(
    "other",
    [
        TransportAddress("203.0.113.1", 3479),  # its own address
        TransportAddress("203.0.113.2", 3478),  # its own port
        TransportAddress("0.0.0.0", 3479),
        TransportAddress("127.0.0.1", 3479),
        TransportAddress("224.0.0.1", 3479),
        TransportAddress("203.0.113.2", 0),
        TransportAddress("2001:db8::1", 3479),
    ],
    ids=str,
)
def test_another_address_that_can_not_be_one_is_not_asked(other):
    home = Home(settings=nat.FULL_CONE)
    server = home.server(StunBehaviour(other_address=other))
    behavior = home.discover()
    assert not behavior.answers[0].offers_discovery
    assert len(server.requests) == 1
    assert (behavior.mappings, behavior.filterings) == (ANYTHING, ANYTHING)


def test_another_address_where_nobody_is_costs_time_and_no_truth():
    home = Home(settings=nat.FULL_CONE)
    home.server(StunBehaviour(other_address=TransportAddress("203.0.113.99", 3479)))
    behavior = home.discover()
    assert behavior.is_reached
    # What came from the other port is believed; nobody knows whether anything was sent from the other address.
    assert Dependence.ENDPOINT_INDEPENDENT in behavior.filterings
    assert home.seconds < 6


def test_after_a_liar_the_next_server_is_believed():
    home = Home(settings=nat.ADDRESS_RESTRICTED)
    nowhere = TransportAddress("203.0.113.99", 4000)
    home.server(StunBehaviour(other_address=nowhere, change_request="dropped"))
    home.server()
    behavior = home.discover()
    assert behavior.mappings == INDEPENDENT
    assert behavior.filterings == {Dependence.ADDRESS_DEPENDENT}


def test_servers_that_contradict_themselves_are_no_mapping():
    home = Home(settings=nat.PORT_RESTRICTED)
    home.server(addresses=1)
    home.server(addresses=1)
    liar = home.server(StunBehaviour(mapped=TransportAddress("192.0.2.77", 7)), addresses=1)
    behavior = home.discover()
    assert behavior.mappings == set()
    assert behavior.mapping is None
    assert not behavior.is_symmetric
    assert behavior.answers[2].mapped == liar.behaviour.mapped


@pytest.mark.parametrize(
    "mapped",
    [TransportAddress("0.0.0.0", 5), TransportAddress("203.0.113.5", 0), TransportAddress("2001:db8::5", 5)],
    ids=str,
)
def test_an_address_that_can_not_be_ours_is_no_answer(mapped):
    home = Home(settings=nat.FULL_CONE)
    home.server(StunBehaviour(mapped=mapped))
    behavior = home.discover()
    assert behavior.mapped == ()
    assert behavior.is_reached  # all the same
    assert "our address" in behavior.answers[0].error


def test_a_server_that_refuses_and_one_that_is_silent_delay_nothing_but_the_end():
    home = Home(settings=nat.SYMMETRIC)
    home.server(StunBehaviour(error=500), addresses=1)
    home.server(StunBehaviour(is_silent=True))
    home.server()
    behavior = home.discover()
    refused, silent, good = behavior.answers
    assert "500" in refused.error
    assert "no answer" in silent.error
    assert good.mapped is not None
    assert behavior.mappings == STRICTEST
    assert home.seconds == pytest.approx(5.0, abs=0.1)


def test_endpoints_of_one_server_given_as_two_are_asked_once():
    home = Home(settings=NatSettings(mapping=nat.Dependence.ADDRESS_DEPENDENT))
    server = home.server()
    other = TransportAddress(server.addresses[1], 3478)
    behavior = home.discover(extra=[other, server.endpoint])
    assert behavior.mappings == {Dependence.ADDRESS_DEPENDENT}
    assert len(behavior.answers) == 2
    plain = [local for local, request in server.requests if not request.attributes]
    assert sorted(plain) == sorted(set(plain))


def test_an_ideal_link_is_no_special_case():
    home = Home(settings=nat.FULL_CONE, link=IDEAL)
    home.server()
    assert home.discover().filterings == INDEPENDENT
