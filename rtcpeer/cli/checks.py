"""The doctor's lines: what each probe found, in words and as JSON."""

from collections.abc import Sequence

from rtcpeer.aio.interfaces import Interface, InterfaceAddress
from rtcpeer.cli.nat_kind import NatKind, possible
from rtcpeer.cli.probes import MdnsResult, NameResult, UdpResult, family_name
from rtcpeer.cli.report import Check, Json, Status
from rtcpeer.cli.turn_probe import ServerResult
from rtcpeer.core import TransportAddress
from rtcpeer.stack.gathering import UNREACHABLE
from rtcpeer.stack.nat_behavior import NatBehavior, ServerAnswer
from rtcpeer.stack.servers import ServerUrl

__all__ = [
    "interfaces_check",
    "ipv6_check",
    "mdns_check",
    "name_check",
    "nat_check",
    "out_of_reach_check",
    "server_check",
    "skipped",
    "stun_checks",
]

_NAT_WORDS = {
    NatKind.OPEN: "no NAT, and nothing is filtered",
    NatKind.FIREWALL: "no NAT, but a firewall that lets in only what was asked for",
    NatKind.FULL_CONE: "a full-cone NAT",
    NatKind.ADDRESS_RESTRICTED: "an address-restricted NAT",
    NatKind.PORT_RESTRICTED: "a port-restricted NAT",
    NatKind.ENDPOINT_INDEPENDENT: "a NAT with endpoint-independent mapping",
    NatKind.TRANSLATED: "a NAT",
    NatKind.SYMMETRIC: "a symmetric NAT",
    NatKind.UNKNOWN: "UDP works, but no server told where it saw us",
    NatKind.UDP_BLOCKED: "nothing came back",
}


def skipped(kind: str, reason: str) -> Check:
    """Something that could not be tested."""
    return Check(kind, "", Status.SKIPPED, reason)


def out_of_reach_check(server: ServerUrl, *, is_ipv6: bool) -> Check:
    """A server that has addresses, but none of a family that this machine has."""
    kind = "turn" if server.scheme.is_turn else "stun"
    reason = f"not tested: this machine has no {family_name(is_ipv6)} address"
    return Check(kind, server.url, Status.SKIPPED, server.url, (reason,), details={"url": server.url, "error": reason})


def interfaces_check(interfaces: Sequence[Interface], local_hosts: Sequence[str], *, is_offline: bool) -> Check:
    """What the machine has, and what of it would become a host candidate."""
    shown = [one for one in interfaces if any(entry.host in local_hosts for entry in one.addresses)]
    notes = tuple(_interface_line(one, local_hosts) for one in (shown or interfaces))
    details: dict[str, Json] = {
        "candidates": list(local_hosts),
        "interfaces": [
            {
                "name": one.name,
                "addresses": [
                    {
                        "address": entry.host,
                        "prefix": entry.prefix_length,
                        "temporary": entry.is_temporary,
                        "deprecated": entry.is_deprecated,
                        "tentative": entry.is_tentative,
                    }
                    for entry in one.addresses
                ],
            }
            for one in interfaces
        ],
    }
    if is_offline:
        return Check("interfaces", "", Status.PROBLEM, "no address but this machine's own", notes, details=details)
    count = f"{len(local_hosts)} address" + ("es" if len(local_hosts) != 1 else "")
    return Check("interfaces", "", Status.OK, f"{count} to gather from", notes, details=details)


def name_check(result: NameResult) -> Check:
    """One server's name."""
    details: dict[str, Json] = {"addresses": list(result.addresses), "error": result.error}
    status = Status.OK if result.error is None else Status.PROBLEM
    summary = f"{result.host}: {result.error or ', '.join(result.addresses)}"
    return Check("dns", result.host, status, summary, seconds=result.seconds, details=details)


def stun_checks(result: UdpResult, endpoints: dict[TransportAddress, ServerUrl]) -> list[Check]:
    """Who answered over UDP, one line each."""
    behavior = result.behavior
    return [] if behavior is None else [_answer_check(one, endpoints[one.server], behavior) for one in behavior.answers]


def nat_check(result: UdpResult, kind: NatKind | None) -> Check:
    """What NATs and firewalls do over one address family."""
    family, behavior = family_name(result.is_ipv6), result.behavior
    if behavior is None or kind is None:
        return Check("nat", family, Status.SKIPPED, f"{family}: no local address to ask from")
    words = _NAT_WORDS[kind] + (" behind another NAT" if result.is_double_nat else "")
    notes = [f"mapping {possible(behavior.mappings)}, filtering {possible(behavior.filterings)}"]
    if len({mapped.host for mapped in behavior.mapped}) > 1:
        seen = ", ".join(sorted({mapped.host for mapped in behavior.mapped}))
        notes.append(f"servers see different addresses: {seen}")
    if not behavior.mapped:
        notes = []
    if len(result.private_hops) > 1:
        notes.append(f"through routers with private addresses: {', '.join(result.private_hops)}")
    if result.unanswered:
        notes.append(f"no answer to {', '.join(result.unanswered)}")
    status = {NatKind.UDP_BLOCKED: Status.PROBLEM, NatKind.SYMMETRIC: Status.WARNING}.get(kind, Status.OK)
    if kind is NatKind.UDP_BLOCKED and result.is_ipv6:
        status = Status.WARNING
    details: dict[str, Json] = {
        "family": family.lower(),
        "kind": kind.value,
        "local": str(behavior.local),
        "mapped": [str(mapped) for mapped in behavior.mapped],
        "translated": behavior.is_translated if behavior.mapped else None,
        "mapping": behavior.mapping and behavior.mapping.value,
        "filtering": behavior.filtering and behavior.filtering.value,
        "possible_mappings": sorted(one.value for one in behavior.mappings),
        "possible_filterings": sorted(one.value for one in behavior.filterings),
        "unanswered": list(result.unanswered),
        "hops": list(result.hops),
        "double_nat": result.is_double_nat if result.hops else None,
    }
    return Check("nat", family, status, f"{family}: {words}", tuple(notes), result.seconds, details)


def ipv6_check(local_hosts: Sequence[str], *, is_tested: bool, is_reached: bool) -> Check:
    """Whether IPv6 leads anywhere."""
    hosts = [host for host in local_hosts if ":" in host]
    details: dict[str, Json] = {"addresses": list(hosts), "tested": is_tested, "reached": is_reached}
    if not hosts:
        return Check("ipv6", "", Status.SKIPPED, "this machine has no IPv6 address", details=details)
    if not is_tested:
        return Check("ipv6", "", Status.SKIPPED, "no server with an IPv6 address to try", details=details)
    if is_reached:
        return Check("ipv6", "", Status.OK, "works", details=details)
    return Check("ipv6", "", Status.WARNING, f"{hosts[0]} reaches no server", details=details)


def server_check(result: ServerResult) -> Check:
    """One TURN server, or a STUN server over TLS, by one URL."""
    relayed = result.relayed
    details: dict[str, Json] = {
        "url": result.server.url,
        "protocol": result.protocol or None,
        "addresses": [str(address) for address in result.addresses],
        "answered_after": result.answered_after,
        "error": None if result.error is None else {"code": result.error[0], "text": result.error[1]},
        "relayed": None
        if relayed is None
        else {"sent": relayed.sent, "received": relayed.received, "round_trip": relayed.round_trip},
    }
    kind = "turn" if result.server.scheme.is_turn else "stun"
    status, outcome = _server_outcome(result)
    word = "relays at" if kind == "turn" else "sees us at"
    notes = (outcome, *([f"{word} {', '.join(map(str, result.addresses))}"] if result.addresses else []))
    return Check(kind, result.server.url, status, result.server.url, notes, result.seconds, details)


def mdns_check(result: MdnsResult) -> Check:
    """Names in .local."""
    if not result.is_supported:
        return skipped("mdns", "nothing to test it on")
    details: dict[str, Json] = {"error": result.error}
    if result.error is not None:
        return Check("mdns", "", Status.WARNING, result.error, seconds=result.seconds, details=details)
    return Check("mdns", "", Status.OK, "our own name was found again", seconds=result.seconds, details=details)


def _interface_line(interface: Interface, local_hosts: Sequence[str]) -> str:
    return f"{interface.name}: " + ", ".join(_address_words(entry, local_hosts) for entry in interface.addresses)


def _address_words(entry: InterfaceAddress, local_hosts: Sequence[str]) -> str:
    flags = [
        word
        for word, is_set in (
            ("temporary", entry.is_temporary),
            ("deprecated", entry.is_deprecated),
            ("tentative", entry.is_tentative),
        )
        if is_set
    ]
    if entry.host not in local_hosts and not flags:
        flags.append("not used")
    return f"{entry.host} ({', '.join(flags)})" if flags else entry.host


def _answer_check(answer: ServerAnswer, server: ServerUrl, behavior: NatBehavior) -> Check:
    details: dict[str, Json] = {
        "url": server.url,
        "address": str(answer.server),
        "mapped": None if answer.mapped is None else str(answer.mapped),
        "round_trip": answer.round_trip,
        "nat_discovery": answer.offers_discovery,
        "error": answer.error,
    }
    where = server.url if server.host == answer.server.host else f"{server.url} at {answer.server}"
    if answer.mapped is None:
        # A relay may want credentials even for this; whether it relays is another check.
        status = Status.SKIPPED if server.scheme.is_turn and answer.is_refusal else Status.PROBLEM
        summary = f"{where}: {answer.error}"
    else:
        at = "our own address" if answer.mapped == behavior.local else str(answer.mapped)
        summary, status = f"{where} sees us at {at}", Status.OK
    return Check("stun", server.url, status, summary, seconds=answer.round_trip, details=details)


def _server_outcome(result: ServerResult) -> tuple[Status, str]:
    if not result.is_answered:
        code, text = result.error or (0, "nothing came of it")
        return Status.PROBLEM, f"error {code}: {text}" if code and code != UNREACHABLE else text
    after = "" if result.answered_after is None else f" after {_milliseconds(result.answered_after)}"
    if not result.server.scheme.is_turn:
        return Status.OK, f"answered{after}"
    allocated = f"allocated over {result.protocol.upper()}{after}"
    relayed = result.relayed
    if relayed is None or not relayed.received or relayed.round_trip is None:
        return Status.WARNING, f"{allocated}, but no data came back through it"
    trip = _milliseconds(relayed.round_trip)
    if relayed.received < relayed.sent:
        return Status.WARNING, f"{allocated}; {relayed.received} of {relayed.sent} packets came back, round trip {trip}"
    return Status.OK, f"{allocated}; data relayed, round trip {trip}"


def _milliseconds(seconds: float) -> str:
    """A duration as people read it."""
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
