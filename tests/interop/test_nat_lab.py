"""Every pairing of sites in the NAT lab, over the cheapest path that can work; and that the lab is what it says.

`docs/nat-lab.md` describes it. The table of pairings, with each pair's type and time, is printed (pytest's ``-s``) and
written where the environment's ``RTCPEER_NAT_LAB_REPORT`` says.
"""

import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.interop import natlab
from tests.interop.conftest import require_lab
from tests.interop.natlab import (
    ADDRESS_RESTRICTED,
    ALL_KINDS,
    DEAD_IPV6,
    DOUBLE_NAT,
    DUAL_STACK,
    FULL_CONE,
    IPV6_ONLY,
    OPEN,
    PORT_RESTRICTED,
    SERVER_IPV4,
    SERVER_IPV6,
    SERVER_PORT,
    SILENT_SERVER,
    SYMMETRIC,
    UDP_BLOCKED,
    Ipv6,
    NatLab,
    Site,
    SiteKind,
    nat_lab,
    public_server,
)
from tests.interop.natlab_pairing import Child, Outcome, Pairing, matrix, table
from tests.sim.nat import Dependence

pytestmark = [pytest.mark.interop, pytest.mark.slow]

# Issue 3: without loss a UDP pairing connects within the one, one over TURN with TCP or TLS within the other, whatever
# servers of the list are silent.
UDP_BOUND, STREAM_BOUND = 1.0, 2.0
# A machine may be busy for a while: who was late may try once more, alone. Who did not connect may not.
PATIENCE = 10.0
# At a time: more would measure the machine (two cores), not the stack.
CONCURRENT = 2

_BOTH_STRICT = "one end's mapping depends on the other, which lets in only whom it has sent to"
_NO_UDP = "one end can not send UDP"
_NO_FAMILY = "no address family works at both ends"

# Pairings that no direct path can serve, and why.
NEEDS_RELAY: dict[frozenset[SiteKind], str] = {
    **{frozenset((UDP_BLOCKED, kind)): _NO_UDP for kind in ALL_KINDS},
    **{frozenset((SYMMETRIC, kind)): _BOTH_STRICT for kind in (PORT_RESTRICTED, SYMMETRIC, DOUBLE_NAT)},
    **{
        frozenset((IPV6_ONLY, kind)): _NO_FAMILY
        for kind in (OPEN, FULL_CONE, ADDRESS_RESTRICTED, PORT_RESTRICTED, SYMMETRIC, DOUBLE_NAT, DEAD_IPV6)
    },
}

# Each kind offers to each.
PAIRINGS = list(itertools.product(ALL_KINDS, ALL_KINDS))
IP_RECVTTL = 12  # linux/in.h

TRANSLATED = [kind for kind in ALL_KINDS if kind.nats and kind is not UDP_BLOCKED]


@pytest.fixture(scope="module", autouse=True)
def _require_lab() -> None:
    require_lab("nft", "turnserver")


@pytest.fixture(scope="module")
def lab() -> Iterator[NatLab]:
    """Two sites of each kind: the pairing of a kind with itself needs both, and the others have one of each half."""
    with nat_lab(ALL_KINDS * 2) as built:
        yield built


def site_of(lab: NatLab, kind: SiteKind) -> Site:
    return next(site for site in lab.sites if site.kind is kind)


class Probe:
    """A socket at a site, and one on each of four public endpoints."""

    def __init__(self, lab: NatLab, site: Site, *, is_ipv6: bool = False) -> None:
        self._stack = contextlib.ExitStack()
        first, second = SERVER_IPV6 if is_ipv6 else SERVER_IPV4
        self.inside = self._stack.enter_context(site.socket(is_ipv6=is_ipv6))
        self.near = self._stack.enter_context(natlab.open_socket(lab.public, first))
        self.same_address = self._stack.enter_context(natlab.open_socket(lab.public, first))
        self.elsewhere = self._stack.enter_context(natlab.open_socket(lab.public, second))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def mapped_for(self, server: socket.socket) -> tuple[str, int] | None:
        """As what the site's socket appears there; None when nothing arrives."""
        self.inside.sendto(b"out", server.getsockname()[:2])
        arrived = receive(server)
        return arrived and arrived[1]

    def admits(self, server: socket.socket, mapped: tuple[str, int]) -> bool:
        """Whether what that server sends to the mapping reaches the site's socket."""
        message = os.urandom(8)
        server.sendto(message, mapped)
        while (arrived := receive(self.inside, 0.2)) is not None:
            if arrived[0] == message:
                return True
        return False


def receive(sock: socket.socket, timeout: float = 0.5) -> tuple[bytes, tuple[str, int]] | None:
    sock.settimeout(timeout)
    try:
        data, (host, port, *_) = sock.recvfrom(2048)
    except TimeoutError:
        return None
    return data, (host, port)


def mapping_of(probe: Probe) -> Dependence | None:
    """RFC 5780 section 4.3, by hand."""
    near, same, elsewhere = (probe.mapped_for(each) for each in (probe.near, probe.same_address, probe.elsewhere))
    if near is None:
        return None
    if near == elsewhere:
        assert near == same
        return Dependence.ENDPOINT_INDEPENDENT
    return Dependence.ADDRESS_DEPENDENT if near == same else Dependence.ADDRESS_AND_PORT_DEPENDENT


def filtering_of(probe: Probe) -> Dependence | None:
    """RFC 5780 section 4.4, by hand."""
    mapped = probe.mapped_for(probe.near)
    if mapped is None:
        return None
    assert probe.admits(probe.near, mapped)
    from_elsewhere, from_same_address = (probe.admits(each, mapped) for each in (probe.elsewhere, probe.same_address))
    if from_elsewhere:
        assert from_same_address
        return Dependence.ENDPOINT_INDEPENDENT
    return Dependence.ADDRESS_DEPENDENT if from_same_address else Dependence.ADDRESS_AND_PORT_DEPENDENT


@pytest.mark.parametrize("kind", [kind for kind in ALL_KINDS if len(kind.nats) == 1], ids=lambda kind: kind.name)
def test_a_nat_maps_and_filters_as_its_kind_says(lab: NatLab, kind: SiteKind) -> None:
    site = site_of(lab, kind)
    (nat,) = kind.nats
    with Probe(lab, site) as probe:
        assert mapping_of(probe) is nat.mapping
    with Probe(lab, site) as probe:
        assert filtering_of(probe) is nat.filtering


def test_a_double_nat_translates_twice_and_acts_as_its_stricter_part(lab: NatLab) -> None:
    site = site_of(lab, DOUBLE_NAT)
    with Probe(lab, site) as probe:
        assert mapping_of(probe) is Dependence.ENDPOINT_INDEPENDENT
        mapped = probe.mapped_for(probe.near)
        assert mapped is not None
        assert mapped[0] == site.public_ipv4
        assert time_to_live(probe) == 64 - 2
    with Probe(lab, site) as probe:
        assert filtering_of(probe) is Dependence.ADDRESS_AND_PORT_DEPENDENT


def time_to_live(probe: Probe) -> int:
    """With how many routers left a packet arrives."""
    probe.near.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    probe.inside.sendto(b"out", probe.near.getsockname())
    _, ((_, _, data),), _, _ = probe.near.recvmsg(100, socket.CMSG_SPACE(4))
    return int.from_bytes(data, sys.byteorder)


@pytest.mark.parametrize("kind", TRANSLATED, ids=lambda kind: kind.name)
def test_a_nat_admits_nobody_unasked(lab: NatLab, kind: SiteKind) -> None:
    site = site_of(lab, kind)
    with Probe(lab, site) as probe:
        port = probe.inside.getsockname()[1]
        for each in (probe.near, probe.elsewhere):
            assert not probe.admits(each, (site.public_ipv4, port))


@pytest.mark.parametrize("kind", TRANSLATED, ids=lambda kind: kind.name)
def test_a_nat_is_not_confused_by_who_knocks_first(lab: NatLab, kind: SiteKind) -> None:
    """Peers knock at once, both: the one that is late must still appear at the address that it was told."""
    with Probe(lab, site_of(lab, kind)) as probe:
        mapped = probe.mapped_for(probe.near)
        assert mapped is not None
        for each in (probe.same_address, probe.elsewhere):
            probe.admits(each, mapped)
        assert probe.mapped_for(probe.near) == mapped
        assert mapping_of(probe) is kind.nats[0].mapping


@pytest.mark.parametrize("kind", [OPEN, DUAL_STACK, DEAD_IPV6], ids=lambda kind: kind.name)
def test_an_open_site_is_reached_from_anywhere(lab: NatLab, kind: SiteKind) -> None:
    site = site_of(lab, kind)
    with Probe(lab, site) as probe:
        assert probe.admits(probe.elsewhere, probe.inside.getsockname())
        assert probe.mapped_for(probe.near) == probe.inside.getsockname()


@pytest.mark.parametrize("kind", [IPV6_ONLY, DUAL_STACK, DEAD_IPV6], ids=lambda kind: kind.name)
def test_ipv6_works_or_is_silently_dead(lab: NatLab, kind: SiteKind) -> None:
    is_alive = kind.ipv6 is Ipv6.LIVE
    other_site = next(site for site in reversed(lab.sites) if site.kind is DUAL_STACK)
    with Probe(lab, site_of(lab, kind), is_ipv6=True) as probe, other_site.socket(is_ipv6=True) as other:
        address = probe.inside.getsockname()[:2]
        assert probe.mapped_for(probe.near) == (address if is_alive else None)
        assert probe.mapped_for(other) == (address if is_alive else None)
        assert probe.admits(other, address) is is_alive


def test_a_site_with_ipv6_alone_has_no_ipv4(lab: NatLab) -> None:
    site = site_of(lab, IPV6_ONLY)
    with natlab.open_socket(site.host, "0.0.0.0") as sock, pytest.raises(OSError, match="unreachable"):
        sock.sendto(b"out", (SERVER_IPV4[0], 9))


def test_where_udp_is_blocked_tcp_passes(lab: NatLab) -> None:
    site = site_of(lab, UDP_BLOCKED)
    server = natlab.inside(lab.public, lambda: socket.create_server((SERVER_IPV4[0], 0)))
    with server:
        address = server.getsockname()
        with natlab.inside(site.host, lambda: socket.create_connection(address, timeout=2)):
            connection, (host, _) = server.accept()
            connection.close()
            assert host == site.public_ipv4


def test_the_server_tells_a_nat_from_two_addresses(lab: NatLab) -> None:
    """RFC 5780 section 7.2, CHANGE-REQUEST: answered from the other address and the other port."""
    with public_server(lab), site_of(lab, FULL_CONE).socket() as sock:
        transaction = os.urandom(12)
        change = bytes.fromhex("0003 0004 00000006")
        sock.sendto(bytes.fromhex("0001 0008 2112a442") + transaction + change, (SERVER_IPV4[0], SERVER_PORT))
        arrived = receive(sock, 2)
    assert arrived is not None
    answer, (host, port) = arrived
    assert answer[:2] == bytes.fromhex("0101")
    assert answer[8:20] == transaction
    assert host == SERVER_IPV4[1]
    assert port != SERVER_PORT


def test_the_silent_server_is_silent(lab: NatLab) -> None:
    """Not even an ICMP error comes, which a connected socket would be told of."""
    with site_of(lab, OPEN).socket() as sock:
        sock.connect((SILENT_SERVER, SERVER_PORT))
        for _ in range(2):
            sock.send(b"out")
            assert receive(sock) is None


def test_the_relay_serves_whom_no_direct_path_can(lab: NatLab) -> None:
    """coturn's own client, by two relayed addresses to itself: over TCP where UDP is blocked, from IPv6 to IPv4."""
    ways = [(SYMMETRIC, SERVER_IPV4[0], []), (UDP_BLOCKED, SERVER_IPV4[0], ["-t"]), (IPV6_ONLY, SERVER_IPV6[0], [])]
    with public_server(lab):
        running = []
        for kind, server, options in ways:
            user = ("-u", natlab.TURN_USER[0], "-w", natlab.TURN_USER[1])
            command = ("turnutils_uclient", "-y", "-c", "-n", "2", "-m", "1", *user, *options, server)
            running.append(site_of(lab, kind).host.popen(*command, stderr=subprocess.STDOUT))
        for process in running:
            output, _ = process.communicate(timeout=30)
            assert "tot_send_msgs=4, tot_recv_msgs=4" in output


def test_a_failure_leaves_nothing_behind() -> None:
    kept: list[NatLab] = []
    with contextlib.suppress(ZeroDivisionError), nat_lab([DOUBLE_NAT, DEAD_IPV6]) as lab:
        kept.append(lab)
        running = lab.sites[0].host.popen("sleep", "1000")
        assert lab.public.name in namespaces()
        raise ZeroDivisionError
    names = {kept[0].public.name}
    for site in kept[0].sites:
        names |= {site.host.name, *(router.name for router in site.routers)}
    assert len(names) == 5
    assert running.returncode is not None
    assert not namespaces() & names


def namespaces() -> set[str]:
    output = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in output.splitlines() if line}


def test_the_table_of_relays_follows_from_the_behaviours() -> None:
    """RFC 5128: a hole needs UDP, a family in common, and no mapping that changes in front of a strict filter."""
    for one, other in PAIRINGS:
        assert (frozenset((one, other)) in NEEDS_RELAY) is not can_be_direct(one, other), f"{one.name} x {other.name}"


def can_be_direct(one: SiteKind, other: SiteKind) -> bool:
    if one.ipv6 is other.ipv6 is Ipv6.LIVE:
        return True
    if not (one.has_ipv4 and other.has_ipv4):
        return False
    nats = (*one.nats, *other.nats)
    if any(nat.mapping is None for nat in nats):
        return False
    return not any(is_unpredictable(kind) and is_strict(peer) for kind, peer in ((one, other), (other, one)))


def is_unpredictable(kind: SiteKind) -> bool:
    return any(nat.mapping is not Dependence.ENDPOINT_INDEPENDENT for nat in kind.nats)


def is_strict(kind: SiteKind) -> bool:
    return any(nat.filtering is Dependence.ADDRESS_AND_PORT_DEPENDENT for nat in kind.nats)


class Runner:
    """The children of all sites, and what connects them by their kinds."""

    def __init__(self, lab: NatLab, ca_file: Path) -> None:
        self._lab = lab
        self._ca_file = ca_file
        self._halves: list[dict[SiteKind, Child]] = []
        self._numbers = itertools.count()
        self._gate = asyncio.Semaphore(CONCURRENT)

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """A child at each site: the pairing of a kind with itself has one of each half."""
        started = [stack.enter_async_context(Child(site)) for site in self._lab.sites]
        children = await asyncio.gather(*started)
        middle = len(children) // 2
        self._halves = [{child.site.kind: child for child in part} for part in (children[:middle], children[middle:])]

    async def run(self, kinds: tuple[SiteKind, SiteKind]) -> Outcome:
        """Connect the one to the other; few at a time until they are, then they may take their time to choose."""
        pair = (self._halves[0][kinds[0]], self._halves[1][kinds[1]])
        outcome = Outcome((pair[0].site, pair[1].site), needs_relay=NEEDS_RELAY.get(frozenset(kinds)))
        pairing = Pairing(str(next(self._numbers)), pair, outcome)
        async with self._gate:
            await pairing.connect(self._lab.servers, self._ca_file, PATIENCE)
        return await pairing.finish()


async def run_pairings(lab: NatLab, ca_file: Path, pairings: Iterable[tuple[SiteKind, SiteKind]]) -> list[Outcome]:
    """All of them; those that were late, but connected, once more by themselves."""
    async with contextlib.AsyncExitStack() as stack:
        runner = Runner(lab, ca_file)
        await runner.start(stack)
        outcomes = await asyncio.gather(*(runner.run(kinds) for kinds in pairings))
        for index, outcome in enumerate(outcomes):
            if outcome.has_connected and outcome.time > bound_of(outcome):
                print(f"{outcome.name}: {outcome.time:.3f} s by {outcome.pair}, tried again")
                outcomes[index] = await runner.run(outcome.kinds)
        return outcomes


async def test_every_pairing_connects_by_the_cheapest_path_that_can_work(lab: NatLab) -> None:
    with public_server(lab) as server:
        began = time.monotonic()
        outcomes = await run_pairings(lab, server.certificate, PAIRINGS)
        took = time.monotonic() - began
    report = f"{matrix(outcomes)}\n{table(outcomes)}\n{len(outcomes)} pairings in {took:.1f} s\n"
    print(f"\n{report}")
    if where := os.environ.get("RTCPEER_NAT_LAB_REPORT"):
        Path(where).write_text(report, "utf-8")
    wrong = [complaint for outcome in outcomes if (complaint := judge(outcome))]
    assert not wrong, "\n".join(wrong)


def bound_of(outcome: Outcome) -> float:
    return STREAM_BOUND if UDP_BLOCKED in outcome.kinds else UDP_BOUND


def judge(outcome: Outcome) -> str | None:
    """What is wrong with a pairing; None when it went as it should."""
    if outcome.errors:
        return f"{outcome.name}: {outcome.errors}"
    if not outcome.has_connected:
        return f"{outcome.name}: did not connect and echo; {outcome.reports}"
    if outcome.time > bound_of(outcome):
        return f"{outcome.name}: took {outcome.time:.3f} s"
    if outcome.needs_relay is None:
        return None if outcome.is_direct else f"{outcome.name}: not direct: {outcome.reports}"
    return judge_relay(outcome)


def judge_relay(outcome: Outcome) -> str | None:
    """As few relays as can do, and UDP to them wherever it passes."""
    blocked = outcome.kinds.count(UDP_BLOCKED)
    most = 2 if blocked and (blocked == 2 or IPV6_ONLY in outcome.kinds) else 1
    # IPv6 alone and no UDP: one relay could do, but a pair's priority (RFC 8445 section 6.1.2.3) goes by its worse end,
    # which is a relay over TCP in either case, and by its IPv4 address first.
    if not 1 <= outcome.relays <= most:
        return f"{outcome.name}: {outcome.relays} relays: {outcome.pair}; {outcome.reports}"
    if outcome.over_stream is not (blocked > 0):
        return f"{outcome.name}: {outcome.pair}; {outcome.reports}"
    return None
