"""What mappings tell of the NATs in between (RFC 4787 section 4.1), and of UDP that is blocked altogether."""

from collections.abc import Iterable

from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate import Candidate, CandidateType
from rtcpeer.ice.statistics import PairStatistics
from rtcpeer.stack.facts import Facts
from rtcpeer.stack.server_log import Mapping, ServerOutcome

__all__ = ["has_relay", "hears_nothing", "is_udp_blocked", "our_dependent_mappings", "peers_dependent_mappings"]


def our_dependent_mappings(mappings: Iterable[Mapping]) -> tuple[str, ...]:
    """Where two servers see one socket at different places, the sentences that say so; empty where none do.

    Such a NAT maps by destination (RFC 4787 calls it address-dependent, most people symmetric), so that the address a
    server has told is of no use to the peer.
    """
    by_base: dict[TransportAddress, list[Mapping]] = {}
    for mapping in mappings:
        by_base.setdefault(mapping.base, []).append(mapping)
    return tuple(
        f"our {mapping.base} is {mapping.mapped} for {mapping.url}"
        for group in by_base.values()
        if len({mapping.mapped for mapping in group}) > 1
        for mapping in group
    )


def peers_dependent_mappings(candidates: Iterable[Candidate]) -> tuple[str, ...]:
    """The same of the peer's NAT, where it has told what is behind its reflexive candidates."""
    by_related: dict[tuple[str, int], list[Candidate]] = {}
    for candidate in candidates:
        # Port 9 stands for a port that the peer hides (RFC 8839 section 5.1).
        if candidate.type is CandidateType.SERVER_REFLEXIVE and candidate.related_port not in {None, 0, 9}:
            by_related.setdefault((candidate.related_address or "", candidate.related_port or 0), []).append(candidate)
    return tuple(
        f"the peer's {TransportAddress(*related)} is {candidate.transport_address} for one of its servers"
        for related, group in by_related.items()
        if len({candidate.transport_address for candidate in group}) > 1
        for candidate in group
    )


def has_relay(candidates: Iterable[Candidate]) -> bool:
    """Whether there is a relayed candidate."""
    return any(candidate.type is CandidateType.RELAYED for candidate in candidates)


def hears_nothing(pairs: Iterable[PairStatistics]) -> bool:
    """Whether nothing at all has come from the peer on the way that does not lead over a relay."""
    direct = (pair for pair in pairs if pair.local.type is not CandidateType.RELAYED)
    return all(pair.requests_received == pair.responses_received == 0 for pair in direct)


def is_udp_blocked(facts: Facts) -> bool:
    """Whether UDP has brought nothing from anybody: no answer from any server, and nothing from the peer."""
    over_udp = [report for report in facts.gathering.servers if not report.server.is_stream]
    if any(report.outcome in {ServerOutcome.ANSWERED, ServerOutcome.LOST} for report in over_udp):
        return False
    return any(report.is_silent for report in over_udp) and hears_nothing(facts.ice.pairs)
