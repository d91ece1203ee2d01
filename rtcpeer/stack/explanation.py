"""The answer to "why is it where it is?": data for programs, and a text for people."""

import textwrap
from dataclasses import dataclass

from rtcpeer.ice.candidate import Candidate, CandidateType
from rtcpeer.ice.pair import FailureReason, PairState
from rtcpeer.ice.statistics import PairStatistics
from rtcpeer.stack.check_diagnosis import outcome_of
from rtcpeer.stack.diagnosis import diagnose
from rtcpeer.stack.facts import Facts
from rtcpeer.stack.findings import Finding, FindingCode, Severity
from rtcpeer.stack.server_log import ServerOutcome, ServerReport

__all__ = ["Explanation", "PathReport", "explain"]

_WIDTH = 100
_MAX_PAIRS_SHOWN = 12
_MARKS = {Severity.PROBLEM: "x", Severity.WARNING: "!", Severity.WAITING: "...", Severity.NOTE: "-"}


@dataclass(frozen=True, slots=True)
class PathReport:
    """The path in use, and why it is this one."""

    local: Candidate
    remote: Candidate
    round_trip_time: float | None  # seconds, as measured last
    is_selected: bool  # False: the best that works until both sides have agreed on one
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `explain()` returns; ``str()`` makes a text of it."""

    state: str
    findings: tuple[Finding, ...]  # the most serious first
    path: PathReport | None
    servers: tuple[ServerReport, ...]
    pairs: tuple[PairStatistics, ...]
    local_candidates: tuple[Candidate, ...]
    remote_candidates: tuple[Candidate, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What keeps the connection from being where it is wanted, the cause first; empty where nothing does."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.PROBLEM)

    @property
    def codes(self) -> tuple[FindingCode, ...]:
        """Of all findings."""
        return tuple(finding.code for finding in self.findings)

    def __str__(self) -> str:
        lines = [self._headline()]
        for finding in self.findings:
            lines += ["", *_finding_lines(finding)]
        if self.path is not None:
            lines += ["", "Path in use:", *_path_lines(self.path)]
        lines += _table("Servers", [_server_row(report) for report in self.servers])
        # Once there is a path, what is left of the others is of no interest unless it was tried.
        lines += _table("Candidate pairs, best first", [_pair_row(pair) for pair in self.pairs[:_MAX_PAIRS_SHOWN]])
        if len(self.pairs) > _MAX_PAIRS_SHOWN:
            lines.append(f"  and {len(self.pairs) - _MAX_PAIRS_SHOWN} more")
        if not self.pairs:
            lines += _table("Our candidates", [_candidate_row(each) for each in self.local_candidates])
            lines += _table("The peer's candidates", [_candidate_row(each) for each in self.remote_candidates])
        return "\n".join(line.rstrip() for line in lines)

    def _headline(self) -> str:
        state, count = self.state.capitalize(), len(self.problems)
        if count:
            return f"{state}: {count} problem{'' if count == 1 else 's'} found."
        return f"{state}." if self.state == "closed" else f"{state}: no problems found."


def explain(facts: Facts, state: str) -> Explanation:
    """The whole answer; ``state`` is what the owner calls the state of the whole."""
    ice = facts.ice
    return Explanation(
        state=state,
        findings=diagnose(facts),
        path=_path(facts),
        servers=facts.gathering.servers,
        pairs=ice.pairs,
        local_candidates=ice.local_candidates,
        remote_candidates=ice.remote_candidates,
    )


def _path(facts: Facts) -> PathReport | None:
    ice = facts.ice
    pair = next((pair for pair in ice.pairs if pair.path == ice.send_path), None)
    if pair is None:
        return None
    return PathReport(
        pair.local, pair.remote, pair.current_round_trip_time, pair.is_selected, _why_this_one(facts, pair)
    )


def _why_this_one(facts: Facts, pair: PairStatistics) -> str:
    ice = facts.ice
    if not pair.is_selected:
        if ice.selected_pair_changes:
            return "it stands in for the chosen pair, which is in doubt"
        return "it is the best that works so far; the two sides have not agreed on one yet"
    better = [other for other in ice.pairs if other.priority > pair.priority]
    if ice.lost_paths:
        return f"it took over when {ice.lost_paths[-1].path[0]} -> {ice.lost_paths[-1].path[1]} fell silent"
    if not better:
        return "it is the best pair of all" if len(ice.pairs) > 1 else "it is the only pair there is"
    working = [other for other in better if other.state is PairState.SUCCEEDED]
    if working:
        who = "we" if ice.is_controlling else "the peer"
        return f"{who} chose it before a better one was found to work"
    reasons = sorted({_in_short(other) for other in better})
    count = f"{len(better)} better pair{'' if len(better) == 1 else 's'}"
    policy = ' (iceTransportPolicy is "relay")' if facts.gathering.transport_policy == "relay" else ""
    return f"{count} did not work: {', '.join(reasons)}{policy}"


def _in_short(pair: PairStatistics) -> str:
    failure = pair.failure
    if failure is None or failure.reason in {FailureReason.NO_ANSWER, FailureReason.ABANDONED}:
        return "no answer"
    return str(failure.reason.value)


def _finding_lines(finding: Finding) -> list[str]:
    mark = _MARKS[finding.severity]
    lines = _wrap(f"{finding.code}: {finding.sentence}", f"{mark:<4}", "    ")
    for one in finding.evidence:
        lines += _wrap(one, "      * ", "        ")
    if finding.advice:
        lines += _wrap(finding.advice, "    => ", "       ")
    return lines


def _path_lines(path: PathReport) -> list[str]:
    round_trip = "" if path.round_trip_time is None else f", {path.round_trip_time * 1000:.0f} ms there and back"
    ends = f"{_describe(path.local)} -> {_describe(path.remote)}{round_trip}"
    return [f"  {ends}", *_wrap(f"because {path.reason}", "  ", "  ")]


def _server_row(report: ServerReport) -> tuple[str, str]:
    outcome = report.outcome.value
    if report.outcome is ServerOutcome.FAILED:
        outcome = f"{outcome}: {report.error_code}"
    if report.reason:
        outcome = f"{outcome} {report.reason}"
    return report.server.url, textwrap.shorten(outcome, _WIDTH // 2, placeholder=" ...")


def _pair_row(pair: PairStatistics) -> tuple[str, str]:
    chosen = ", chosen" if pair.is_selected else ""
    return f"{_describe(pair.local)} -> {_describe(pair.remote)}", f"{outcome_of(pair)}{chosen}"


def _candidate_row(candidate: Candidate) -> tuple[str, str]:
    server = f"by {candidate.url}" if candidate.url else ""
    return _describe(candidate), server


def _describe(candidate: Candidate) -> str:
    # A base stands for its reflexive candidates in pairs, so that it is the base that packets leave from.
    is_own_base = candidate.type in {CandidateType.HOST, CandidateType.RELAYED}
    place = candidate.transport_address if is_own_base or candidate.url is None else candidate.base
    return f"{candidate.type.value} {place}"


def _table(title: str, rows: list[tuple[str, str]]) -> list[str]:
    if not rows:
        return []
    width = min(max(len(first) for first, _ in rows), 60)
    return ["", f"{title}:", *(f"  {first:<{width}}  {second}" for first, second in rows)]


def _wrap(text: str, first: str, following: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=following, break_long_words=False, break_on_hyphens=False
    )
