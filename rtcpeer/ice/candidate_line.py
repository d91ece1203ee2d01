"""The candidate attribute of SDP (RFC 8839 section 5.1), with the extensions that browsers write."""

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["CandidateLine", "parse_candidate_line", "serialize_candidate_line"]

_PREFIX = "candidate:"
_NUMBERS = frozenset({"rport", "generation", "network-id", "network-cost"})
_KNOWN = frozenset({"raddr", "rport", "tcptype", "generation", "ufrag", "network-id", "network-cost"})


class CandidateLine(NamedTuple):
    """The fields of a line, in the order in which it has them."""

    foundation: str
    component: int
    protocol: str
    priority: int
    address: str
    port: int
    type: str
    related_address: str | None = None
    related_port: int | None = None
    tcp_type: str | None = None
    username_fragment: str | None = None
    generation: int | None = None
    network_id: int | None = None
    network_cost: int | None = None
    extensions: tuple[tuple[str, str], ...] = ()


def parse_candidate_line(text: str) -> CandidateLine:
    """Read a line with or without its prefixes; `ValueError` says what is wrong with it."""
    fields = text.strip().removeprefix("a=").removeprefix(_PREFIX).split()
    if len(fields) < 8 or fields[6].lower() != "typ":
        raise ValueError(
            f"candidate line {text!r}: foundation, component, protocol, priority, address, port, typ expected"
        )
    foundation, component, protocol, priority, address, port, _, candidate_type = fields[:8]
    if len(foundation) > 32:
        raise ValueError(f"candidate line {text!r}: a foundation has at most 32 characters")
    if protocol.lower() not in {"udp", "tcp"}:
        raise ValueError(f"candidate line {text!r}: unknown transport protocol {protocol!r}")
    extensions = tuple(_extension_pairs(fields[8:], text))
    known = {name: value for name, value in reversed(extensions) if name in _KNOWN}
    numbers = {name: _number(known[name], 0xFFFFFFFF, text) for name in _NUMBERS & known.keys()}
    return CandidateLine(
        foundation, _number(component, 256, text), protocol.lower(), _number(priority, 0xFFFFFFFF, text), address,
        _number(port, 0xFFFF, text), candidate_type.lower(), known.get("raddr"), numbers.get("rport"),
        known.get("tcptype"), known.get("ufrag"), numbers.get("generation"), numbers.get("network-id"),
        numbers.get("network-cost"), tuple(pair for pair in extensions if pair[0] not in _KNOWN),
    )  # fmt: skip


def serialize_candidate_line(line: CandidateLine) -> str:
    """The line as browsers write it, beginning with ``candidate:``."""
    fields = [
        f"{_PREFIX}{line.foundation}", str(line.component), line.protocol, str(line.priority), line.address,
        str(line.port), "typ", line.type,
    ]  # fmt: skip
    named: tuple[tuple[str, str | int | None], ...] = (
        ("raddr", line.related_address), ("rport", line.related_port), ("tcptype", line.tcp_type),
        ("generation", line.generation), ("ufrag", line.username_fragment), ("network-id", line.network_id),
        ("network-cost", line.network_cost), *line.extensions,
    )  # fmt: skip
    for name, value in named:
        if value is not None:
            fields += (name, str(value))
    return " ".join(fields)


def _extension_pairs(fields: list[str], text: str) -> Iterator[tuple[str, str]]:
    if len(fields) % 2:
        raise ValueError(f"candidate line {text!r}: extension {fields[-1]!r} has no value")
    yield from zip(fields[::2], fields[1::2], strict=True)


def _number(field: str, highest: int, text: str) -> int:
    # str.isdigit takes the digits of every script, and int would take a sign or underscores.
    if not (field.isascii() and field.isdigit() and len(field) <= 10 and int(field) <= highest):
        raise ValueError(f"candidate line {text!r}: {field!r} is not a number up to {highest}")
    return int(field)
