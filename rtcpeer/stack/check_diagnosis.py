"""Why the connectivity checks have found no path (RFC 8445 section 7)."""

from collections.abc import Iterable, Sequence

from rtcpeer.ice.candidate import Candidate, CandidateType
from rtcpeer.ice.events import IceState
from rtcpeer.ice.pair import FailureReason, PairState
from rtcpeer.ice.statistics import PairStatistics
from rtcpeer.stack.facts import Facts
from rtcpeer.stack.findings import Finding, FindingCode, Severity
from rtcpeer.stack.nat_evidence import has_relay, is_udp_blocked, our_dependent_mappings, peers_dependent_mappings

__all__ = ["PATIENCE", "diagnose_checks", "diagnose_credentials", "outcome_of", "udp_blocked"]

# For so long what has not come yet may well come; no timer of any protocol hangs on it.
PATIENCE = 5.0
# Sent at 0, 0.5, 1.5 and 3.5 s: what three of four lost packets would explain, a firewall explains better.
_REQUESTS_BEFORE_DOUBT = 4
# RFC 8445 section 7.3.1.1: one settles a conflict, and two that cross each other may make it two.
_ROLE_CHANGES_BEFORE_DOUBT = 4

_GET_TURN = "Configure a TURN server on at least one side (iceServers with a turn: or turns: URL)."
_RETRY = "Negotiate anew with fresh descriptions, and make sure that each side gets the other's latest one."


def diagnose_checks(facts: Facts) -> list[Finding]:
    """Findings of a connection that has not had a path yet, the cause first; none where it has had one."""
    ice = facts.ice
    if ice.remote_parameters is None or ice.send_path is not None or ice.selected_pair_changes or ice.lost_paths:
        return []
    if not ice.remote_candidates:
        return [_without_candidates(facts)]
    if not ice.pairs:
        return _without_pairs(facts)
    if ice.role_changes >= _ROLE_CHANGES_BEFORE_DOUBT:
        return [
            Finding(
                FindingCode.ROLE_CONFLICT,
                Severity.PROBLEM,
                "The two sides do not agree on who chooses the pair: both insist on the same ICE role.",
                "One side has to be controlling, which is the one that made the offer; the peer does not give way.",
                (f"our role has changed {ice.role_changes} times",),
            )
        ]
    if ice.state is not IceState.FAILED and not all(_is_hopeless(pair) for pair in ice.pairs):
        return [_checking(facts)]
    return _refusals(facts) or [_unanswered(facts), *_unresolved(facts, Severity.WARNING)]


def outcome_of(pair: PairStatistics) -> str:
    """What has become of a pair, in a few words."""
    failure = pair.failure
    asked = _count(pair.requests_sent, "request")
    if failure is not None and failure.reason is FailureReason.ABANDONED:
        return f"no answer to {asked} until another was chosen"
    if failure is not None:
        code = f" {failure.error_code}" if failure.error_code is not None else ""
        detail = f" ({failure.detail})" if failure.detail else ""
        repeated = f" to {asked}" if failure.reason is FailureReason.NO_ANSWER else ""
        return f"{failure.reason.value}{code}{detail}{repeated}"
    if pair.state is PairState.IN_PROGRESS:
        return f"no answer yet to {asked}"
    return {PairState.SUCCEEDED: "works", PairState.WAITING: "waits for its turn"}.get(pair.state, "not tried yet")


def _is_hopeless(pair: PairStatistics) -> bool:
    is_ignored = pair.requests_sent >= _REQUESTS_BEFORE_DOUBT and not pair.responses_received
    return pair.state is PairState.FAILED or (pair.state is PairState.IN_PROGRESS and is_ignored)


def _without_candidates(facts: Facts) -> Finding:
    ice = facts.ice
    if ice.candidates_of_other_generations:
        return Finding(
            FindingCode.WRONG_GENERATION,
            Severity.PROBLEM,
            "The peer's candidates belong to another description than the one that was set, so they were dropped.",
            "Hand over candidates together with the description that they belong to: after a restart those of the old "
            "one are of no use.",
            (f"{_count(ice.candidates_of_other_generations, 'candidate')} with another ufrag than {_fragment(facts)}",),
        )
    if ice.is_remote_ended:
        return Finding(
            FindingCode.PEER_HAS_NO_CANDIDATES,
            Severity.PROBLEM,
            "The peer says that it has no candidate at all.",
            "Look at the peer: it has no network, its policy leaves nothing over (relay without a TURN server), or its "
            "description was sent before gathering was over and the candidates were not sent after it.",
        )
    if facts.signaling is not None and facts.signaling.can_trickle is False:
        return Finding(
            FindingCode.PEER_DOES_NOT_TRICKLE,
            Severity.PROBLEM,
            "The peer's description holds no candidate, and says nothing of sending some later.",
            "Let the peer wait for the end of its gathering before it sends its description, or let it trickle "
            "(a=ice-options:trickle).",
        )
    age = 0.0 if ice.checking_since is None else facts.now - ice.checking_since
    is_late = age > PATIENCE or ice.state is IceState.FAILED
    return Finding(
        FindingCode.NO_REMOTE_CANDIDATES,
        Severity.PROBLEM if is_late else Severity.WAITING,
        f"No candidate has come from the peer in {age:.0f} s."
        if is_late
        else "No candidate has come from the peer yet.",
        "Carry every icecandidate event of the peer to addIceCandidate() here." if is_late else "",
    )


def _without_pairs(facts: Facts) -> list[Finding]:
    ice = facts.ice
    unresolved = _unresolved(facts, Severity.PROBLEM)
    if unresolved:
        return unresolved
    if any(not candidate.is_numeric for candidate in ice.remote_candidates):
        return [
            Finding(FindingCode.CHECKING, Severity.WAITING, "The names of the peer's candidates are being resolved.")
        ]
    if not ice.local_candidates:
        return [Finding(FindingCode.CHECKING, Severity.WAITING, "We have no candidate of our own yet.")]
    return [
        Finding(
            FindingCode.NOTHING_TO_PAIR,
            Severity.PROBLEM,
            "No candidate of the peer fits one of ours: they are of another address family, scope or protocol.",
            "Let both sides have an address of the same family, or a TURN server that relays into the other one.",
            (f"ours: {_kinds(ice.local_candidates)}", f"the peer's: {_kinds(ice.remote_candidates)}"),
        )
    ]


def _unresolved(facts: Facts, severity: Severity) -> list[Finding]:
    named = [candidate.address for candidate in facts.ice.remote_candidates if not candidate.is_numeric]
    unresolved = [name for name in dict.fromkeys(named) if name.lower() not in facts.names_pending]
    if not unresolved:
        return []
    return [
        Finding(
            FindingCode.MDNS_UNRESOLVED,
            severity,
            "The peer hides its addresses behind mDNS names, and nobody answered for them.",
            "Names work within one network that lets multicast (port 5353) through; otherwise a STUN or TURN server is "
            "needed on the peer's side. Browsers show addresses once the page may use camera or microphone.",
            tuple(unresolved),
        )
    ]


def _checking(facts: Facts) -> Finding:
    ice = facts.ice
    since = "" if ice.checking_since is None else f" since {facts.now - ice.checking_since:.1f} s"
    return Finding(
        FindingCode.CHECKING,
        Severity.WAITING,
        f"{_count(len(ice.pairs), 'candidate pair')} being checked{since}; none has answered yet.",
        evidence=_show(ice.pairs),
    )


def _refusals(facts: Facts) -> list[Finding]:
    """What somebody has said, which explains more than silence does."""
    ice = facts.ice
    codes = {pair.failure.error_code for pair in ice.pairs if pair.failure is not None}
    findings: list[Finding] = []
    if codes & {400, 401} or _are_strangers(facts, 1):
        findings.append(_mismatch(facts))
    if codes - {None, 400, 401}:
        findings.append(
            Finding(
                FindingCode.CHECKS_REFUSED,
                Severity.PROBLEM,
                "The peer refuses our checks.",
                "Look at the peer's log for the reason.",
                _show(ice.pairs, FailureReason.ERROR_RESPONSE),
            )
        )
    return findings or _odd_ways(ice.pairs)


def _odd_ways(pairs: Sequence[PairStatistics]) -> list[Finding]:
    reasons = {pair.failure.reason for pair in pairs if pair.failure is not None}
    if reasons == {FailureReason.UNROUTABLE}:
        return [
            Finding(
                FindingCode.UNROUTABLE,
                Severity.PROBLEM,
                "This host itself does not send to any address of the peer.",
                "Look at the routes and at the firewall of this host (the errors are the operating system's).",
                _show(pairs),
            )
        ]
    heard = [pair for pair in pairs if pair.requests_received >= _REQUESTS_BEFORE_DOUBT and not pair.responses_received]
    if heard:
        return [
            Finding(
                FindingCode.ONE_WAY,
                Severity.PROBLEM,
                "The peer's checks reach us, but nothing that we send reaches the peer, or its answers are lost.",
                "Look for a firewall that drops packets in one direction, here (outgoing) or at the peer (incoming).",
                tuple(f"{_ends(pair)}: {_count(pair.requests_received, 'request')} of the peer came" for pair in heard),
            )
        ]
    if FailureReason.ASYMMETRIC in reasons:
        return [
            Finding(
                FindingCode.ASYMMETRIC_PATH,
                Severity.PROBLEM,
                "Answers come from another address than we asked, so that the path can not be trusted.",
                "A router between us rewrites one direction only; look for two gateways or a broken NAT.",
                _show(pairs, FailureReason.ASYMMETRIC),
            )
        ]
    return []


def diagnose_credentials(facts: Facts) -> list[Finding]:
    """Whether the peer checks for somebody else than us all the time, though our own checks may have found a path."""
    return [_mismatch(facts)] if _are_strangers(facts, _REQUESTS_BEFORE_DOUBT) else []


def _are_strangers(facts: Facts, requests: int) -> bool:
    ice = facts.ice
    return ice.requests_refused >= requests and not any(pair.requests_received for pair in ice.pairs)


def _mismatch(facts: Facts) -> Finding:
    ice = facts.ice
    evidence = _show(ice.pairs, FailureReason.ERROR_RESPONSE)
    if ice.requests_refused:
        evidence += (f"we refused {_count(ice.requests_refused, 'request')} that bore other credentials than ours",)
    return Finding(
        FindingCode.CREDENTIALS_MISMATCH,
        Severity.PROBLEM,
        "The two sides do not know each other's credentials: one of them has set a description that is not the other's "
        "latest one, or that of another connection.",
        _RETRY,
        evidence,
    )


def _unanswered(facts: Facts) -> Finding:
    ice = facts.ice
    if is_udp_blocked(facts):
        return udp_blocked(facts, Severity.PROBLEM)
    if not has_relay(ice.local_candidates) and not has_relay(ice.remote_candidates):
        ours = our_dependent_mappings(facts.gathering.mappings)
        theirs = peers_dependent_mappings(ice.remote_candidates)
        if ours or theirs:
            who = "Both sides are" if ours and theirs else "We are" if ours else "The peer is"
            return Finding(
                FindingCode.RELAY_NEEDED,
                Severity.PROBLEM,
                f"{who} behind a NAT that gives every destination another port (a symmetric one), and neither side has "
                "a relay.",
                _turn_advice(facts),
                ours + theirs,
            )
        if any(_is_reflexive(candidate) for candidate in (*ice.local_candidates, *ice.remote_candidates)):
            return Finding(
                FindingCode.NO_DIRECT_PATH,
                Severity.PROBLEM,
                "No direct path works: the NATs or firewalls between the two sides let nothing through, and neither "
                "side has a relay.",
                f"{_turn_advice(facts)} If the peer should be reachable, see what explain() says there.",
                _show(ice.pairs),
            )
    over = ", not even through a relay" if has_relay(ice.local_candidates) else ""
    return Finding(
        FindingCode.NO_ANSWER,
        Severity.PROBLEM,
        f"The peer answers none of our checks{over}, and none of its own has come.",
        "Make sure that the peer still runs and has our description and candidates; then look for firewalls. "
        + (
            ""
            if facts.gathering.servers
            else "Without STUN and TURN servers only peers in one network find each other."
        ),
        _show(ice.pairs),
    )


def _turn_advice(facts: Facts) -> str:
    has_turn = any(report.server.scheme.is_turn for report in facts.gathering.servers)
    return "Mend the TURN server, or use another one." if has_turn else _GET_TURN


def udp_blocked(facts: Facts, severity: Severity) -> Finding:
    """UDP leads nowhere."""
    silent = [report.server.url for report in facts.gathering.servers if report.is_silent]
    return Finding(
        FindingCode.UDP_BLOCKED,
        severity,
        "UDP seems to be blocked: no server has answered over it, and nothing has come from the peer.",
        "Let UDP out through the firewall, or use a TURN server over TCP or TLS (turns:...?transport=tcp, best on port "
        "443).",
        (*(f"no answer from {url}" for url in silent), *_show(facts.ice.pairs)),
    )


def _is_reflexive(candidate: Candidate) -> bool:
    return candidate.type is CandidateType.SERVER_REFLEXIVE


def _kinds(candidates: Iterable[Candidate]) -> str:
    kinds = (
        f"{candidate.protocol}/{'name' if not candidate.is_numeric else 'IPv6' if ':' in candidate.address else 'IPv4'}"
        for candidate in candidates
    )
    return ", ".join(sorted(set(kinds))) or "none"


def _fragment(facts: Facts) -> str:
    remote = facts.ice.remote_parameters
    return "ours" if remote is None else repr(remote.username_fragment)


def _ends(pair: PairStatistics) -> str:
    return f"{pair.path[0]} -> {pair.path[1]}"


def _show(pairs: Iterable[PairStatistics], reason: FailureReason | None = None) -> tuple[str, ...]:
    shown = [pair for pair in pairs if reason is None or (pair.failure is not None and pair.failure.reason is reason)]
    lines = [f"{_ends(pair)}: {outcome_of(pair)}" for pair in shown[:8]]
    return (*lines, f"and {len(shown) - 8} more") if len(shown) > 8 else tuple(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
