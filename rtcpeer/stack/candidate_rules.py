"""What becomes of a local candidate before anybody hears of it: 1:1 NATs, unique priorities, the program's filter."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from rtcpeer.core import TransportAddress
from rtcpeer.ice.address_rewrite import AddressRewrite, rewrite_for
from rtcpeer.ice.candidate import Candidate, CandidateType
from rtcpeer.ice.choice import gathered_types
from rtcpeer.ice.events import FilterFailed
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.local_candidates import local_candidate

__all__ = ["CandidateRules"]

# The filter may change where a peer is to send to and how much it is wanted, not what the candidate is.
_FIXED = ("type", "protocol", "component")

_PREFERENCE_STEP = 1 << 8  # what a local preference counts for in a priority (RFC 8445 section 5.1.2.1)


class CandidateRules:
    """Applies the settings of one agent."""

    def __init__(self, settings: IceSettings) -> None:
        self.failures: list[FilterFailed] = []
        self._rewrites = settings.address_rewrites
        self._filter = settings.candidate_filter
        self._types = gathered_types(settings)
        self._known: set[tuple[str, int, TransportAddress]] = set()
        self._priorities: set[int] = set()

    def own_candidates(self, base: TransportAddress, preference: int) -> list[Candidate]:
        """What is known of a base without asking a server; `admit` has still to see them."""
        candidates = self.host_candidates(local_candidate(CandidateType.HOST, base, base, preference))
        if "srflx" in self._types:
            candidates += [
                local_candidate(CandidateType.SERVER_REFLEXIVE, address, base, preference)
                for address in _externals(self._rule(base, "srflx"), base)
            ]
        return candidates

    def host_candidates(self, candidate: Candidate) -> list[Candidate]:
        """What a host candidate becomes: itself, others at external addresses, or nothing."""
        if "host" not in self._types:
            return []
        rule = self._rule(candidate.base, "host")
        kept = [candidate] if rule is None or not rule.replaces else []
        return kept + [replace(candidate, address=each.host) for each in _externals(rule, candidate.base)]

    def asks_from(self, base: TransportAddress) -> bool:
        """Whether servers are still to be asked for reflexive addresses of that base."""
        rule = self._rule(base, "srflx")
        return rule is None or not rule.replaces

    def admit(self, candidate: Candidate) -> Candidate | None:
        """The candidate as it is to be signalled; None where it is redundant (RFC 8445 section 5.1.3) or unwanted."""
        key = (candidate.address, candidate.port, candidate.base)
        if key in self._known:
            return None
        self._known.add(key)
        candidate = self._with_unique_priority(candidate)
        return candidate if self._filter is None else self._filtered(candidate, self._filter)

    def _rule(self, base: TransportAddress, candidate_type: Literal["host", "srflx"]) -> AddressRewrite | None:
        return rewrite_for(base.host, candidate_type, self._rewrites) if self._rewrites else None

    def _with_unique_priority(self, candidate: Candidate) -> Candidate:
        """RFC 8445 section 5.1.2: each candidate has another one; what came later has the lower local preference."""
        priority = candidate.priority
        while priority in self._priorities and priority > _PREFERENCE_STEP:
            priority -= _PREFERENCE_STEP
        self._priorities.add(priority)
        return candidate if priority == candidate.priority else replace(candidate, priority=priority)

    def _filtered(self, candidate: Candidate, judge: Callable[[Candidate], Candidate | None]) -> Candidate | None:
        try:
            chosen = judge(candidate)
            if chosen is None:
                return None
            _check(candidate, chosen)
        except Exception as error:  # noqa: BLE001 it is the program's code
            self.failures.append(FilterFailed("candidate_filter", candidate.serialize(), error))
            return None
        # Where packets leave from is not for a filter to say; a copy at another address may have lost it.
        return chosen if chosen.base == candidate.base else replace(chosen, base=candidate.base)


def _externals(rule: AddressRewrite | None, base: TransportAddress) -> list[TransportAddress]:
    return [] if rule is None else [base._replace(host=host) for host in rule.externals_of(base.host)]


def _check(candidate: Candidate, chosen: Candidate) -> None:
    if not isinstance(chosen, Candidate):
        raise TypeError(f"candidate_filter must return a Candidate or None, not {type(chosen).__name__}")
    changed = [name for name in _FIXED if getattr(chosen, name) != getattr(candidate, name)]
    if changed:
        raise ValueError(f"candidate_filter must not change the {', '.join(changed)} of a candidate")
