"""Sites behind real NATs on one public network: namespaces, veth pairs and nftables; Linux, as root.

    with nat_lab([OPEN, SYMMETRIC]) as lab:
        process = lab.sites[1].host.popen(sys.executable, "-m", "some.client", lab.stun_urls[0])
        sock = lab.sites[0].socket()  # a UDP socket of this process, inside the site

A site is a host and the routers in front of it; its last router (or the host itself) has a link of its own to the
public namespace, which routes between the sites and has two addresses of each family for servers. Nothing is outside of
the lab's own namespaces, and at exit, also after a failure, they are removed with all that they hold.
"""

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from tests.interop.certificates import write_certificate
from tests.interop.netlab import Namespace
from tests.sim.nat import Dependence

T = TypeVar("T")

# Two public addresses of each family, for servers (RFC 5737, RFC 3849).
SERVER_IPV4 = ("198.51.100.1", "198.51.100.2")
SERVER_IPV6 = ("2001:db8::1", "2001:db8::2")
SERVER_PORT, TLS_PORT = 3478, 5349
SILENT_SERVER = "198.51.100.66"  # what is sent there is lost without a word
TURN_USER = ("ada", "lovelace")

# Every home is numbered alike, as homes are: the peer's private address may well be one's own.
HOME_HOST, HOME_ROUTER = "192.168.0.2", "192.168.0.1"
CARRIER_HOST, CARRIER_ROUTER = "100.64.0.2", "100.64.0.1"  # RFC 6598: between the two routers of a double NAT

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()


class Nat(Enum):
    """What a router does to UDP: mapping and filtering as RFC 4787 calls them; None where nothing passes."""

    FULL_CONE = (Dependence.ENDPOINT_INDEPENDENT, Dependence.ENDPOINT_INDEPENDENT)
    ADDRESS_RESTRICTED = (Dependence.ENDPOINT_INDEPENDENT, Dependence.ADDRESS_DEPENDENT)
    PORT_RESTRICTED = (Dependence.ENDPOINT_INDEPENDENT, Dependence.ADDRESS_AND_PORT_DEPENDENT)
    SYMMETRIC = (Dependence.ADDRESS_AND_PORT_DEPENDENT, Dependence.ADDRESS_AND_PORT_DEPENDENT)
    UDP_BLOCKED = (None, None)

    @property
    def mapping(self) -> Dependence | None:
        mapping: Dependence | None = self.value[0]
        return mapping

    @property
    def filtering(self) -> Dependence | None:
        filtering: Dependence | None = self.value[1]
        return filtering


class Ipv6(Enum):
    NONE = "none"
    LIVE = "live"
    DEAD = "dead"  # has an address and a default route; whatever is sent is dropped on the way, in silence


@dataclass(frozen=True, slots=True)
class SiteKind:
    """How a host is connected; the routers stand in order from the host to the public network."""

    name: str
    nats: tuple[Nat, ...] = ()
    has_ipv4: bool = True
    ipv6: Ipv6 = Ipv6.NONE


OPEN = SiteKind("open")
FULL_CONE = SiteKind("full cone", (Nat.FULL_CONE,))
ADDRESS_RESTRICTED = SiteKind("address-restricted", (Nat.ADDRESS_RESTRICTED,))
PORT_RESTRICTED = SiteKind("port-restricted", (Nat.PORT_RESTRICTED,))
SYMMETRIC = SiteKind("symmetric", (Nat.SYMMETRIC,))
DOUBLE_NAT = SiteKind("double NAT", (Nat.PORT_RESTRICTED, Nat.PORT_RESTRICTED))
UDP_BLOCKED = SiteKind("UDP blocked", (Nat.UDP_BLOCKED,))
IPV6_ONLY = SiteKind("IPv6 only", has_ipv4=False, ipv6=Ipv6.LIVE)
DUAL_STACK = SiteKind("dual stack", ipv6=Ipv6.LIVE)
DEAD_IPV6 = SiteKind("dead IPv6", ipv6=Ipv6.DEAD)

ALL_KINDS = (
    OPEN,
    FULL_CONE,
    ADDRESS_RESTRICTED,
    PORT_RESTRICTED,
    SYMMETRIC,
    DOUBLE_NAT,
    UDP_BLOCKED,
    IPV6_ONLY,
    DUAL_STACK,
    DEAD_IPV6,
)


@dataclass(frozen=True, slots=True)
class Site:
    """A host and what stands between it and the public network."""

    kind: SiteKind
    host: Namespace
    routers: tuple[Namespace, ...]
    public_ipv4: str  # as the public network knows the site

    def socket(self, *, is_ipv6: bool = False) -> socket.socket:
        """A UDP socket of this process on the host's address."""
        return open_socket(self.host, self.host.ipv6 if is_ipv6 else self.host.ipv4)


@dataclass(frozen=True, slots=True)
class NatLab:
    public: Namespace
    sites: tuple[Site, ...]

    @property
    def stun_urls(self) -> list[str]:
        """The server of `public_server`, over each address family."""
        return [f"stun:{SERVER_IPV4[0]}:{SERVER_PORT}", f"stun:[{SERVER_IPV6[0]}]:{SERVER_PORT}"]

    @property
    def silent_url(self) -> str:
        """A server that never answers."""
        return f"stun:{SILENT_SERVER}:{SERVER_PORT}"

    @property
    def turn_urls(self) -> list[str]:
        """The same as a relay, for `TURN_USER`, over each address family and over UDP and TCP."""
        hosts = (SERVER_IPV4[0], f"[{SERVER_IPV6[0]}]")
        return [f"turn:{host}:{SERVER_PORT}?transport={transport}" for host in hosts for transport in ("udp", "tcp")]

    @property
    def tls_urls(self) -> list[str]:
        """And over TLS, for who trusts `PublicServer.certificate`."""
        return [f"turns:{host}:{TLS_PORT}" for host in (SERVER_IPV4[0], f"[{SERVER_IPV6[0]}]")]

    @property
    def servers(self) -> list[dict[str, Any]]:
        """All of them as ``iceServers``; first those that never answer."""
        relays = [f"turn:{SILENT_SERVER}:{SERVER_PORT}", *self.turn_urls, *self.tls_urls]
        user = {"username": TURN_USER[0], "credential": TURN_USER[1]}
        return [{"urls": [self.silent_url, *self.stun_urls]}, {"urls": relays, **user}]


def inside(namespace: Namespace, function: Callable[[], T]) -> T:
    """Call a function inside a namespace: what it opens stays there. (A thread may leave its process's namespace.)"""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            _enter(namespace.name)
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def open_socket(namespace: Namespace, host: str, port: int = 0) -> socket.socket:
    """A UDP socket inside a namespace that does not wait for long."""

    def make() -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, port))
        sock.settimeout(1.0)
        return sock

    return inside(namespace, make)


@contextmanager
def nat_lab(kinds: Sequence[SiteKind]) -> Iterator[NatLab]:
    """Build a public network and a site of each kind, and remove them at exit."""
    prefix = f"rtc{os.getpid()}w{next(_numbers)}"
    with ExitStack() as stack:
        public = _namespace(stack, f"{prefix}p", SERVER_IPV4[0], SERVER_IPV6[0])
        servers = [f"{host}/32" for host in SERVER_IPV4] + [f"{host}/128" for host in SERVER_IPV6]
        _ip(public, *(f"address add {address} dev lo" for address in servers), f"route add blackhole {SILENT_SERVER}")
        # A server on the internet has a route to everywhere, private addresses included: what it sends there is lost on
        # the way. Where sending fails at once, coturn 4.6 ends the session of the client that asked for it.
        _ip(public, "link add out type veth peer name nowhere", "link set nowhere up", "link set out arp off up")
        _ip(public, "route add 0.0.0.0/0 dev out", "route add ::/0 dev out")
        _nft(public, _NOWHERE)
        _forward(public)
        sites = [_site(stack, public, f"{prefix}s{number}", number, kind) for number, kind in enumerate(kinds)]
        dead = [f"site{number}" for number, kind in enumerate(kinds) if kind.ipv6 is Ipv6.DEAD]
        if dead:
            _nft(public, _BLACK_HOLE % {"devices": ", ".join(f'"{name}"' for name in dead)})
        yield NatLab(public, tuple(sites))


@dataclass(frozen=True, slots=True)
class PublicServer:
    """The server that is running: where its log is, and its certificate."""

    log: Path
    certificate: Path


@contextmanager
def public_server(lab: NatLab) -> Iterator[PublicServer]:
    """coturn on the public addresses: STUN with RFC 5780's discovery, and TURN over UDP, TCP, TLS and DTLS."""
    program = shutil.which("turnserver")
    if program is None:
        raise FileNotFoundError("turnserver is missing: apt-get install coturn")
    with tempfile.TemporaryDirectory(prefix="natlab") as directory_name:
        directory = Path(directory_name)
        log = directory / "turnserver.log"
        certificate, key = write_certificate(directory, "natlab.test", SERVER_IPV4 + SERVER_IPV6)
        configuration = directory / "turnserver.conf"
        lines = [f"listening-ip={host}" for host in SERVER_IPV4 + SERVER_IPV6]
        lines += [f"relay-ip={SERVER_IPV4[0]}", f"relay-ip={SERVER_IPV6[0]}", f"listening-port={SERVER_PORT}"]
        lines += ["realm=natlab.test", "lt-cred-mech", f"user={':'.join(TURN_USER)}", "relay-threads=1"]
        lines += [f"userdb={directory / 'turndb'}", f"pidfile={directory / 'turnserver.pid'}"]
        lines += [f"tls-listening-port={TLS_PORT}", f"cert={certificate}", f"pkey={key}"]
        lines += [f"log-file={log}", "simple-log", "no-cli"]
        configuration.write_text("\n".join(lines) + "\n", "utf-8")
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = lab.public.popen(program, "-c", str(configuration), **silent)
        try:
            _wait_for_server(lab.public, log)
            yield PublicServer(log, certificate)
        finally:
            process.kill()
            process.wait()


def _wait_for_server(public: Namespace, log: Path) -> None:
    """Until it answers a Binding request on every address: its listeners come up one after the other."""
    request = bytes.fromhex("000100002112a442") + os.urandom(12)
    deadline = time.monotonic() + 10
    for server in SERVER_IPV4 + SERVER_IPV6:
        answered = False
        while not answered:
            with open_socket(public, server) as sock:
                sock.settimeout(0.1)
                try:
                    sock.sendto(request, (server, SERVER_PORT))
                    answered = sock.recv(2048)[8:20] == request[8:20]
                except OSError as error:
                    if time.monotonic() > deadline:
                        text = log.read_text("utf-8", "replace") if log.exists() else "no log"
                        raise RuntimeError(f"coturn does not answer at {server}:\n{text}") from error


# What comes unasked is dropped before the router itself would take it: connection tracking would keep an entry for it,
# which takes the port away from the host's own flow, and the NAT would act as a symmetric one.
_NAT = """
table ip nat {
  set mapped { type inet_service; size 65535; flags dynamic,timeout; timeout 2m; }
  set allowed { type inet_service . ipv4_addr; size 65535; flags dynamic,timeout; timeout 2m; }
  chain forward { type filter hook forward priority filter;
    %(forward)s
  }
  chain prerouting { type nat hook prerouting priority dstnat;
    %(prerouting)s
  }
  chain postrouting { type nat hook postrouting priority srcnat;
    oifname "wan" masquerade %(masquerade)s
  }
  chain input { type filter hook input priority filter;
    iifname "wan" ct state new drop
  }
}
"""

# Masquerading keeps the host's port and lets in only who was sent to: it is port-restricted by itself. The more open
# kinds remember what went out, by port (which is the same on both sides), and hand in what is for it.
_RULES: dict[Nat, dict[str, str]] = {
    Nat.FULL_CONE: {
        "forward": 'iifname "lan" meta l4proto udp update @mapped { udp sport }',
        "prerouting": 'iifname "wan" udp dport @mapped dnat to %(inner)s',
    },
    Nat.ADDRESS_RESTRICTED: {
        "forward": 'iifname "lan" meta l4proto udp update @allowed { udp sport . ip daddr }',
        "prerouting": 'iifname "wan" meta l4proto udp udp dport . ip saddr @allowed dnat to %(inner)s',
    },
    Nat.PORT_RESTRICTED: {},
    Nat.SYMMETRIC: {"masquerade": "fully-random"},
    Nat.UDP_BLOCKED: {"forward": "meta l4proto udp drop"},
}

_NOWHERE = """
table inet nowhere {
  chain incoming { type filter hook prerouting priority filter;
    iifname "nowhere" drop
  }
}
"""

# Neighbours are still found, or sending would fail loudly.
_BLACK_HOLE = """
table ip6 hole {
  chain incoming { type filter hook prerouting priority filter;
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    iifname { %(devices)s } drop
  }
  chain outgoing { type filter hook forward priority filter;
    oifname { %(devices)s } drop
  }
}
"""


def _site(stack: ExitStack, public: Namespace, name: str, number: int, kind: SiteKind) -> Site:
    """A host, and the routers between it and its link to the public network."""
    if kind.nats and kind.ipv6 is not Ipv6.NONE:
        raise ValueError("the lab's routers know IPv4 alone")
    link_ipv4 = (f"203.0.113.{4 * number + 1}", f"203.0.113.{4 * number + 2}")
    link_ipv6 = (f"2001:db8:{number + 1:x}::1", f"2001:db8:{number + 1:x}::2")
    # From the outside in: each link has its outer and its inner end.
    inner_links = {0: [], 1: [(HOME_ROUTER, HOME_HOST)], 2: [(CARRIER_ROUTER, CARRIER_HOST), (HOME_ROUTER, HOME_HOST)]}
    links = [link_ipv4, *inner_links[len(kind.nats)]]
    host_ipv6 = "" if kind.ipv6 is Ipv6.NONE else link_ipv6[1]
    host = _namespace(stack, f"{name}h", links[-1][1] if kind.has_ipv4 else "", host_ipv6)
    routers = [_namespace(stack, f"{name}r{depth}", links[depth][1], "") for depth in range(len(kind.nats))]
    outer, device = public, f"site{number}"
    for (outer_end, inner_end), namespace in zip(links, [*routers, host], strict=True):
        inner_device = "eth0" if namespace is host else "wan"
        _ip(None, f"link add {inner_device} netns {namespace.name} type veth peer name {device} netns {outer.name}")
        if kind.has_ipv4:
            _connect(outer, device, namespace, inner_device, outer_end, inner_end, "30")
        outer, device = namespace, "lan"
    if host_ipv6:
        _connect(public, f"site{number}", host, "eth0", *link_ipv6, "64")
    for router, nat, (_, inner_end) in zip(routers, reversed(kind.nats), links[1:], strict=True):
        _forward(router)
        rules = {"forward": "", "prerouting": "", "masquerade": "", **_RULES[nat]}
        _nft(router, _NAT % {key: rule % {"inner": inner_end} for key, rule in rules.items()})
    return Site(kind, host, tuple(reversed(routers)), link_ipv4[1] if kind.has_ipv4 else "")


def _connect(
    outer: Namespace,
    outer_device: str,
    inner: Namespace,
    inner_device: str,
    outer_end: str,
    inner_end: str,
    prefix: str,
) -> None:
    """Number both ends of a link; the inner one's way to the world is the outer one."""
    nodad = " nodad" if ":" in outer_end else ""
    _ip(outer, f"link set {outer_device} up", f"address add {outer_end}/{prefix} dev {outer_device}{nodad}")
    _ip(
        inner,
        f"link set {inner_device} up",
        f"address add {inner_end}/{prefix} dev {inner_device}{nodad}",
        f"route add default via {outer_end}",
    )


def _namespace(stack: ExitStack, name: str, ipv4: str, ipv6: str) -> Namespace:
    namespace = Namespace(name, ipv4, ipv6)
    _ip(None, f"netns add {name}")
    stack.callback(_ip, None, f"netns delete {name}")
    stack.callback(namespace.end_processes)
    # The addresses of devices to come can be used at once.
    inside(namespace, lambda: Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0"))
    _ip(namespace, "link set lo up")
    return namespace


def _forward(namespace: Namespace) -> None:
    def switch_on() -> None:
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")

    inside(namespace, switch_on)


def _enter(name: str) -> None:
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace {name}")
    finally:
        os.close(descriptor)


def _ip(namespace: Namespace | None, *commands: str) -> None:
    where = ["-n", namespace.name] if namespace else []
    _run(["ip", *where, "-batch", "-"], "\n".join(commands) + "\n")


def _nft(namespace: Namespace, rules: str) -> None:
    _run(["ip", "netns", "exec", namespace.name, "nft", "-f", "-"], rules)


def _run(command: list[str], text: str) -> None:
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}\n{text}")
