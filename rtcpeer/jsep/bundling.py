"""Which sections share a transport (RFC 9143 sections 7.2 to 7.5, RFC 9429 section 4.1.1).

A transport has a key, which stays while the section that tags it may come and go. A section that an answer has given
a transport keeps it, unless the peer takes it out of its group.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, count

from rtcpeer.jsep.facts import Section, Session
from rtcpeer.jsep.settings import NegotiationSettings

__all__ = ["Placement", "carried", "fresh_keys", "living_transports", "tagged"]


def carried(sections: Iterable[Section]) -> dict[int, list[int]]:
    """The m-line indices of the living sections of each transport, by its key, in the order of the sections."""
    found: dict[int, list[int]] = {}
    for index, section in enumerate(sections):
        if not section.is_rejected:
            found.setdefault(section.transport, []).append(index)
    return found


def tagged(sections: Iterable[Section]) -> dict[int, int]:
    """The m-line index of the section that tags each transport, by its key."""
    return {key: indices[0] for key, indices in carried(sections).items()}


def living_transports(session: Session) -> dict[str, int]:
    """The key of the transport of each living section, by mid."""
    return {section.mid: section.transport for section in session.sections if not section.is_rejected}


def fresh_keys(before: Session, taken: Iterable[int] = ()) -> Iterator[int]:
    """Keys for new transports. Where all sections have ended, the next goes on with the transport that they had."""
    living = living_transports(before).values()
    known = [each.key for each in before.transports]
    taken = {*taken, *living}
    spare = [] if living else [key for key in known[:1] if key not in taken]
    return chain(spare, count(max((*known, *taken), default=-1) + 1))


@dataclass(frozen=True, slots=True)
class Placement:
    """Finds the transports for the sections of a remote description, from its BUNDLE groups (their tagged mid first).

    ``before`` is what the last answer has settled. Sections ``bundle_only`` live in a transport with others or not at
    all.
    """

    before: Session
    groups: Sequence[Sequence[str]]
    settings: NegotiationSettings
    bundle_only: AbstractSet[str] = frozenset()

    def of_offer(self, sections: Sequence[Section]) -> tuple[Section, ...]:
        """The sections of an offer with their transports; those that can have none are rejected."""
        return self._placed(sections, {}, fresh_keys(self.before))

    def of_answer(self, sections: Sequence[Section]) -> tuple[Section, ...]:
        """The sections of an answer, with what is left of the transports of our offer."""
        proposed = {section.mid: section.transport for section in sections}
        return self._placed(sections, proposed, fresh_keys(self.before, proposed.values()))

    def _placed(
        self, sections: Sequence[Section], proposed: Mapping[str, int], fresh: Iterator[int]
    ) -> tuple[Section, ...]:
        settled = living_transports(self.before)
        placed: dict[str, Section] = {}
        taken: set[int] = set()
        for group, members in self._units(sections):
            kept = {mid: settled[mid] for mid in members if mid in settled and settled[mid] not in taken}
            # RFC 9143 section 7.3.1: new members join a transport that is there, else that of the offerer's tag.
            key = next(iter(kept.values()), None)
            if key is None:
                wanted = next((proposed[mid] for mid in proposed if mid in members), None)
                is_parted = wanted in taken
                key = next(fresh) if wanted is None or is_parted else wanted
                if is_parted and not self.settings.can_part_transports:
                    continue
            for mid in members:
                own = kept.get(mid, key)
                placed[mid] = replace(members[mid], transport=own, group=own if group else None)
            taken.update(kept.values(), [key])
        alive = self._permitted(placed, settled)
        return tuple(alive.get(section.mid) or replace(section, is_rejected=True, remote=None) for section in sections)

    def _units(self, sections: Sequence[Section]) -> Iterator[tuple[bool, dict[str, Section]]]:
        """What lives and is to share a transport, and whether that is a group."""
        living = {section.mid: section for section in sections if not section.is_rejected}
        told: set[str] = set()
        for mid in living:
            if mid not in told:
                group = next((group for group in self.groups if mid in group), None)
                members = {each: living[each] for each in group or [mid] if each in living}
                told.update(members)
                yield group is not None, members

    def _permitted(self, placed: Mapping[str, Section], settled: Mapping[str, int]) -> dict[str, Section]:
        """Those that may live where they are."""
        known = set(settled.values())
        fresh = [
            key
            for key in dict.fromkeys(
                section.transport for mid, section in placed.items() if mid not in self.bundle_only
            )
            if key not in known
        ]
        # RFC 9429 section 4.1.1 of "max-bundle": where a peer does not bundle, one transport's sections are negotiated.
        most = 1 if self.settings.bundle_policy == "max-bundle" else self.settings.max_transports
        permitted = known.union(fresh[: max(0, most - len(known))])
        has_association = self.before.data_channel is not None
        return {
            mid: section
            for mid, section in placed.items()
            if section.transport in permitted
            # An SCTP association can not go over to another transport (RFC 8841 section 9.3).
            and not (section.is_data_channel and has_association and settled.get(mid) not in {None, section.transport})
        }
