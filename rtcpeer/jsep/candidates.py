"""Candidates in a local description, put in when it is read (RFC 9429 section 5.2.1, RFC 8839, RFC 8840)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from rtcpeer.jsep.facts import LocalTransport
from rtcpeer.sdp.model import Attribute, Connection, MediaSection, SessionDescription

__all__ = ["DISCARD_PORT", "bare", "with_candidates"]

DISCARD_PORT = 9
"""Stands in m= while there is no default candidate (RFC 8840 section 4.1.1)."""


class _DefaultCandidate(NamedTuple):
    address: str
    port: int


def bare(description: SessionDescription) -> SessionDescription:
    """The description as it was before any candidate was gathered."""
    return replace(description, media=tuple(_bare_section(section) for section in description.media))


def with_candidates(
    description: SessionDescription, transports: Iterable[LocalTransport], tagged: Mapping[int, int]
) -> SessionDescription:
    """The bare description with the candidates of the generation that it announces.

    They stand in the tagged section of each transport (RFC 9143 section 7.2), whose m-line index ``tagged`` knows by
    the transport's key.
    """
    media = list(description.media)
    for local in transports:
        index = tagged.get(local.key)
        if index is None or index >= len(media):
            continue
        fragment = media[index].attributes.first("ice-ufrag")
        if media[index].port and fragment is not None and fragment.value == local.username_fragment:
            media[index] = _filled_section(media[index], local)
    return replace(description, media=tuple(media))


def _bare_section(section: MediaSection) -> MediaSection:
    return replace(
        section,
        port=DISCARD_PORT if section.port else 0,
        connections=(Connection(),),
        attributes=section.attributes.without("candidate", "end-of-candidates"),
    )


def _filled_section(section: MediaSection, transport: LocalTransport) -> MediaSection:
    values = [candidate.removeprefix("a=").removeprefix("candidate:") for candidate in transport.candidates]
    attributes = section.attributes.plus(("candidate", value) for value in values)
    if transport.is_end_of_candidates:
        attributes = attributes.plus([Attribute("end-of-candidates")])
    default = _default_candidate(values)
    if default is None:
        return replace(section, attributes=attributes)
    address_type = "IP6" if ":" in default.address else "IP4"
    connection = Connection(address_type=address_type, address=default.address)
    return replace(section, port=default.port, connections=(connection,), attributes=attributes)


def _default_candidate(values: Sequence[str]) -> _DefaultCandidate | None:
    """The one most likely to work without ICE: relayed, reflexive, host, IPv4 first (RFC 8839 section 4.2.1.2)."""
    best: tuple[int, _DefaultCandidate] | None = None
    for value in values:
        fields = value.split()
        if len(fields) < 8 or fields[1] != "1" or fields[2].lower() != "udp":
            continue
        address, port, kind = fields[4], fields[5], fields[7]
        if not port.isdigit() or not (":" in address or address.replace(".", "").isdigit()):
            continue  # a name: RFC 8839 section 5.1 keeps it out of c=
        rank = {"relay": 4, "srflx": 2}.get(kind, 0) + (":" not in address)
        if best is None or rank > best[0]:
            best = rank, _DefaultCandidate(address, int(port))
    return best[1] if best else None
