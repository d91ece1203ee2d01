"""What the facts mean for calls, and what to do about them."""

from collections.abc import Iterator

from rtcpeer.cli.facts import Facts
from rtcpeer.cli.nat_kind import NatKind
from rtcpeer.cli.report import Finding, Status
from rtcpeer.cli.turn_probe import ServerResult
from rtcpeer.stack.gathering import UNREACHABLE
from rtcpeer.stack.servers import ServerUrl

__all__ = ["conclude"]

_OPEN_UDP = (
    "Allow outgoing UDP (to port 3478 and to the relay's ports, usually 49152 to 65535) and the answers to it. Until"
    " then give calls a TURN server over TLS on port 443: turns:HOST:443?transport=tcp."
)
_REFUSALS = {
    401: "Check --username and --credential. Time-limited credentials may have expired, and the clocks of both machines"
    " have to agree.",
    403: "The server's rules forbid it: look into its configuration for the user, and for denied peer addresses.",
    438: "The server takes back each nonce at once: look into its log, and at its clock.",
    441: "The credentials do not belong to this allocation: check --username and --credential.",
    442: "The server does not relay over this transport: use another ?transport=.",
    486: "The user has too many allocations: end others, wait until they expire, or raise the server's quota.",
    508: "The server has no ports or bandwidth left: give it more, or use another one.",
}


def conclude(facts: Facts) -> list[Finding]:
    """Problems first, each once."""
    findings = [*_local(facts), *_names(facts), *_udp(facts), *_relays(facts), *_nat(facts), *_comfort(facts)]
    return sorted(findings, key=lambda finding: finding.status is not Status.PROBLEM)


def _local(facts: Facts) -> Iterator[Finding]:
    if facts.is_offline:
        yield Finding(
            "no-network",
            Status.PROBLEM,
            "This machine has no network",
            "It can talk to itself only.",
            "Connect it: plug in the cable, join the Wi-Fi, or look why the interface got no address (ip address).",
        )


def _names(facts: Facts) -> Iterator[Finding]:
    failed = [result for result in facts.names.values() if result.error is not None]
    is_dns_broken = len(failed) > 1 and len(failed) == len(facts.names)
    for result in failed:
        yield Finding(
            "name-unresolved",
            Status.PROBLEM,
            f"The name {result.host} is not resolved",
            "Its server can not be used: calls go without what it gives (an own public address, a relay).",
            "No name was resolved: look at this machine's DNS settings and at its connection."
            if is_dns_broken
            else "Check the name for a typing error, and this machine's DNS settings.",
        )

    if facts.out_of_reach and len(facts.out_of_reach) == len(facts.servers):
        yield Finding(
            "no-common-family",
            Status.PROBLEM,
            "No server has an address of a kind that this machine has",
            "They have IPv4 alone or IPv6 alone, and this machine the other. Calls go without what the servers give.",
            "Use servers that have both, or get this machine an address of the other kind.",
        )


def _udp(facts: Facts) -> Iterator[Finding]:
    if not facts.is_udp_tested:
        return
    if not facts.is_udp_reached:
        yield _blocked(facts)
        return
    for one in facts.stun_servers():
        if not one.is_answered and not _is_consequence(facts, one.server):
            yield Finding(
                "server-silent",
                Status.PROBLEM,
                f"{one.server.url} gives no answer that is of use",
                "Calls do not learn their public address from it. UDP itself works.",
                f"Check host and port, and that the server is running and its firewall open ({one.error}).",
            )


def _blocked(facts: Facts) -> Finding:
    if not any(result.is_answered for result in facts.results):
        return Finding(
            "udp-unanswered",
            Status.PROBLEM,
            "No server answered over UDP",
            "Either UDP is blocked here, or none of the servers is running. If it is blocked no call to anybody outside"
            " succeeds without a relay over TCP or TLS.",
            f"Check that the servers are running and that their URLs are right. {_OPEN_UDP}",
        )
    stutter = "where a lost packet holds up all that follow: sound and picture will stutter"
    return Finding(
        "udp-blocked",
        Status.PROBLEM,
        "UDP is blocked",
        f"Calls take the relay over TCP or TLS, which works, but {stutter}."
        if facts.relays
        else f"Calls need a relay over TCP or TLS ({stutter}), and there is none that works.",
        _OPEN_UDP,
    )


def _relays(facts: Facts) -> Iterator[Finding]:
    for result in facts.results:
        if not result.is_answered:
            is_silent = result.error is None or result.error[0] == UNREACHABLE
            if not (is_silent and _is_consequence(facts, result.server)):
                yield _refused(result)
        elif result.server.scheme.is_turn and not (result.relayed and result.relayed.received):
            yield Finding(
                "relay-unusable",
                Status.WARNING,
                f"{result.server.url} allocates, but no data came back through it",
                "Calls that need the relay may fail. A server may also just refuse to relay to itself, which is all"
                " that can be tried from one machine.",
                "Look whether the server's relay ports are open in its firewall, whether it knows its public address"
                " (coturn: external-ip), and which peers it denies.",
            )
        elif result.relayed is not None and result.relayed.received < result.relayed.sent:
            yield Finding(
                "relay-lossy",
                Status.WARNING,
                f"{result.server.url} loses packets",
                f"{result.relayed.sent - result.relayed.received} of {result.relayed.sent} did not come back: calls"
                " through this relay will sound and look bad.",
                "Look at the load of the server and of the connection here; try again, and from another network.",
            )


def _is_consequence(facts: Facts, server: ServerUrl) -> bool:
    """Whether a server can not be reached for a reason that is told already."""
    if not server.is_stream and facts.is_udp_tested and not facts.is_udp_reached:
        return True
    families = {":" in address for address in facts.names[server.host].addresses}
    return all(facts.is_dead(is_ipv6=is_ipv6) for is_ipv6 in families)


def _refused(result: ServerResult) -> Finding:
    code, text = result.error or (0, "")
    advice = _REFUSALS.get(
        code, "Check host, port and transport, and that the server is running and its firewall open."
    )
    is_turn = result.server.scheme.is_turn
    return Finding(
        "relay-refused" if is_turn else "server-silent",
        Status.PROBLEM,
        f"{result.server.url} gives no {'relay' if is_turn else 'answer'}",
        (f"Error {code}: {text}. " if code and code != UNREACHABLE else f"{text}. " if text else "")
        + ("Calls that no direct path serves fail." if is_turn else "It is of no use to calls."),
        advice,
    )


def _nat(facts: Facts) -> Iterator[Finding]:
    if facts.kind is NatKind.SYMMETRIC:
        has_relay = bool(facts.relays)
        yield Finding(
            "nat-symmetric",
            Status.WARNING if has_relay else Status.PROBLEM,
            "The NAT here is symmetric",
            "It shows each peer another address, so that the one a STUN server saw is of no use. Calls to peers behind"
            " a symmetric or a port-restricted NAT need a relay"
            + (", which there is." if has_relay else ", and there is none."),
            "Nothing has to be done; a NAT with endpoint-independent mapping would save the detour."
            if has_relay
            else "Give calls a TURN server, or replace or reconfigure the router (RFC 4787 calls for"
            " endpoint-independent mapping).",
        )
    if facts.is_dead(is_ipv6=False):
        yield Finding(
            "ipv4-dead",
            Status.WARNING if facts.relays else Status.PROBLEM,
            "UDP over IPv4 leads nowhere",
            "No server answered over UDP and IPv4, although over IPv6. Calls to peers that have IPv4 alone need a relay"
            + (", which there is." if facts.relays else ", and there is none."),
            _OPEN_UDP,
        )
    for result in facts.udp.values():
        if result.behavior is not None and result.behavior.is_reached and not result.behavior.mappings:
            yield Finding(
                "servers-contradict",
                Status.WARNING,
                "What the servers see of us contradicts itself",
                "A server tells an untruth, or the NAT has several public addresses and changes between them within a"
                " call. Direct calls may fail.",
                "Leave servers out one by one to find the one that disagrees; if it is none of them, ask who runs the"
                " NAT for paired address pooling (RFC 4787 section 4.1).",
            )


def _comfort(facts: Facts) -> Iterator[Finding]:
    """What costs time or convenience, not calls."""
    if facts.is_dead(is_ipv6=True):
        yield Finding(
            "ipv6-dead",
            Status.WARNING,
            "IPv6 leads nowhere",
            "This machine has an IPv6 address, but nothing that it sent was answered. Calls go over IPv4; other"
            " programs may hang for seconds.",
            "Look at the router's IPv6 settings and the provider's status, or turn IPv6 off here until it works. If"
            " other places on the Internet are reached over IPv6, look at that of the servers.",
        )
    if facts.mdns is not None and facts.mdns.error is not None:
        yield Finding(
            "mdns-broken",
            Status.WARNING,
            "Multicast DNS does not work",
            "Browsers hide their addresses behind .local names. Peers in the same network will not find each other"
            " directly, and take the way through the router or a relay.",
            "Allow UDP port 5353 to 224.0.0.251 and ff02::fb in this machine's firewall, and multicast on the Wi-Fi.",
        )
