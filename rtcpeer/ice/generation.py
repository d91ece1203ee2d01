"""One generation of a session: both sides' credentials and candidates, and the pairs made of them.

An ICE restart (RFC 8445 section 9) starts another generation beside the one that still carries data.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate import Candidate, CandidateType, TcpType, can_pair, compute_foundation, reflexive_priority
from rtcpeer.ice.checklist import Checklist
from rtcpeer.ice.choice import gathered_types
from rtcpeer.ice.pair import CandidatePair, FailureReason, PairState, Path, pair_priority
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.responder import PeerCheck
from rtcpeer.ice.role import Role
from rtcpeer.ice.settings import IceSettings

__all__ = ["Generation"]

_MAX_LOCAL_REFLEXIVE = 16  # a peer that lies about our address makes us remember no more than that


class Generation:
    """What belongs to one pair of credentials."""

    def __init__(self, local: IceParameters, role: Role, settings: IceSettings) -> None:
        self.local = local
        self.remote: IceParameters | None = None
        self.local_candidates: list[Candidate] = []
        self.remote_candidates: list[Candidate] = []
        self.local_ended = False
        self.remote_ended = False
        self.checklist = Checklist(settings.max_pairs)
        self.early_checks: list[PeerCheck] = []
        self.candidates_refused = 0
        self.candidates_of_other_generations = 0
        self.candidates_excluded = 0
        self.remotes_seen = 0  # grows with every address that a pair was made with
        self._role = role
        self._settings = settings
        self._types: frozenset[str] = gathered_types(settings)
        self.is_pairing = True  # until a pair is selected, and while that one is in doubt
        self._bases: dict[
            TransportAddress, Candidate
        ] = {}  # the best candidate of each: it stands for the base in pairs
        self._remotes: dict[TransportAddress, Candidate] = {}
        self._reflexive_count = 0
        self._remote_reflexive_count = 0

    def add_local(self, candidate: Candidate) -> bool:
        """Take a local candidate; False where it is redundant (section 5.1.3) or the settings exclude it."""
        if candidate.type.value not in self._types:
            self.candidates_excluded += 1
            return False
        address = candidate.transport_address
        for index, known in enumerate(self.local_candidates):
            if known.transport_address == address and known.base == candidate.base:
                is_news = known.type is CandidateType.PEER_REFLEXIVE and candidate.type is not known.type
                if is_news:
                    # The peer's answer was faster than the server's: now the candidate can be signalled.
                    self.local_candidates[index] = candidate
                return is_news
        self.local_candidates.append(candidate)
        standing = self._bases.get(candidate.base)
        if standing is None or standing.priority < candidate.priority:
            self._bases[candidate.base] = candidate
            if standing is None:
                for remote in self.remote_candidates:
                    self._form_pair(candidate, remote)
        return True

    def learn_local(self, pair: CandidatePair, mapped: TransportAddress) -> Candidate | None:
        """The peer sees us at this address (section 7.2.5.3.1); the candidate where that is news."""
        if any(known.transport_address == mapped for known in self.local_candidates):
            return None
        if self._reflexive_count >= _MAX_LOCAL_REFLEXIVE:
            self.candidates_refused += 1
            return None
        self._reflexive_count += 1
        base = pair.local
        candidate = replace(
            base,
            foundation=compute_foundation(CandidateType.PEER_REFLEXIVE, base.base.host, base.protocol),
            priority=reflexive_priority(base),
            address=mapped.host,
            port=mapped.port,
            type=CandidateType.PEER_REFLEXIVE,
            related_address=base.base.host,
            related_port=base.base.port,
            url=None,
        )
        self.local_candidates.append(candidate)
        return candidate

    def set_remote(self, remote: IceParameters) -> None:
        """The peer's credentials are known: candidates that waited for them count now, in order."""
        self.remote = remote
        waiting, self.remote_candidates = self.remote_candidates, []
        self._remotes.clear()
        for candidate in waiting:
            self.add_remote(candidate)

    def add_remote(self, candidate: Candidate) -> None:
        """Take a candidate that was signalled; duplicates and those of another generation are dropped."""
        ufrag = candidate.username_fragment
        if self.remote is not None and ufrag is not None and ufrag != self.remote.username_fragment:
            self.candidates_refused += 1
            self.candidates_of_other_generations += 1
            return
        address = candidate.transport_address
        known = self._remotes.get(address)
        if known is not None:
            if known.type is CandidateType.PEER_REFLEXIVE and candidate.type is not CandidateType.PEER_REFLEXIVE:
                self._replace_remote(known, candidate)
            return
        # Active TCP candidates share port 9, so that they are told apart by the whole of them.
        if candidate.is_pairable or candidate not in self.remote_candidates:
            self._append_remote(candidate)

    def resolve_remote(self, named: Candidate, addresses: Sequence[str]) -> None:
        """The name of a candidate was resolved: candidates with its addresses take its place."""
        if addresses and named in self.remote_candidates:
            self.remote_candidates.remove(named)
            for address in addresses:
                self.add_remote(named.with_address(address))

    def learn_remote(self, address: TransportAddress, check: PeerCheck) -> Candidate | None:
        """A check came from an address that was not signalled (section 7.3.1.3); None where no more are taken."""
        self._remote_reflexive_count += 1
        candidate = Candidate(
            foundation=f"prflx{self._remote_reflexive_count}",
            component=1,
            protocol=address.protocol,
            priority=check.priority,
            address=address.host,
            port=address.port,
            type=CandidateType.PEER_REFLEXIVE,
            username_fragment=check.username_fragment or None,
            tcp_type=self._tcp_type_behind(check.path),
        )
        return candidate if self._append_remote(candidate) else None

    def pair_of(self, path: Path) -> CandidatePair | None:
        """The pair for packets that come this way, made where both of its ends are known; None where they are not."""
        pair = self.checklist.find(path)
        if pair is not None:
            return pair
        local, remote = self._bases.get(path[0]), self._remotes.get(path[1])
        if local is None or remote is None:
            return None
        self._form_pair(local, remote, force=True)
        return self.checklist.find(path)

    def drop_bases(self, bases: Collection[TransportAddress]) -> list[CandidatePair]:
        """Nothing can be sent from there any more; their pairs, which are of no use now."""
        for base in bases:
            self._bases.pop(base, None)
        return [pair for pair in self.checklist if pair.path[0] in bases]

    @property
    def may_check(self) -> bool:
        """Whether checks can be sent: the peer is known, and we are not lite."""
        return self.remote is not None and not self._settings.lite

    @property
    def remote_addresses(self) -> list[TransportAddress]:
        """Where checks are sent."""
        return list(self._remotes)

    def knows_base(self, base: TransportAddress) -> bool:
        """Whether packets may arrive there at all."""
        return base in self._bases

    def knows_remote(self, address: TransportAddress) -> bool:
        """Whether there is a candidate with that address."""
        return address in self._remotes

    def recompute_priorities(self) -> None:
        """The role has changed, and with it whose priority counts for more (section 6.1.2.3)."""
        for pair in self.checklist:
            pair.priority = self._priority(pair.local, pair.remote)
        self.checklist.sort()

    def stop_pairing(self) -> None:
        """A pair was selected: candidates that come later are listed, and paired only when the peer checks them."""
        settings = self._settings
        if settings.lite or settings.automatic_renomination or settings.gathering_policy == "continually":
            return  # a pair costs the first nothing, the second means to find a better one, the third to have others
        self.is_pairing = False
        self.checklist.drop_untried()

    def resume_pairing(self) -> None:
        """The selected pair is gone or in doubt: try also what its selection spared us."""
        self.is_pairing = True
        for pair in self.checklist:
            # To a passive base of ours the peer comes again, if it wants to.
            is_ours_to_try = pair.local.tcp_type is not TcpType.PASSIVE
            if is_ours_to_try and pair.failure is not None and pair.failure.reason is FailureReason.ABANDONED:
                pair.state, pair.failure = PairState.WAITING, None
        for local in self._bases.values():
            for remote in self.remote_candidates:
                self._form_pair(local, remote)

    def _append_remote(self, candidate: Candidate) -> bool:
        if len(self.remote_candidates) >= self._settings.max_remote_candidates:
            self.candidates_refused += 1
            return False
        self.remote_candidates.append(candidate)
        # Names, active TCP and port 0 are listed, so that a program sees them, and wait for somebody who can use them.
        if candidate.is_pairable:
            self._remotes[candidate.transport_address] = candidate
            self.remotes_seen += 1
            for local in self._bases.values():
                self._form_pair(local, candidate)
        return True

    def _replace_remote(self, known: Candidate, candidate: Candidate) -> None:
        """Signalling caught up with a check: the candidate is not peer reflexive after all (RFC 8838 section 11)."""
        self.remote_candidates[self.remote_candidates.index(known)] = candidate
        self._remotes[candidate.transport_address] = candidate
        for pair in self.checklist:
            if pair.remote is known:
                pair.remote = candidate
                pair.priority = self._priority(pair.local, candidate)
        self.checklist.sort()
        for local in self._bases.values():
            self._form_pair(local, candidate)

    def _form_pair(self, local: Candidate, remote: Candidate, *, force: bool = False) -> None:
        """Section 6.1.2.2; that a base stands for its reflexive candidates makes the pruning of 6.1.2.4 unnecessary."""
        if self.remote is None or not (self.is_pairing or force) or not remote.is_pairable:
            return
        if remote.type is CandidateType.PEER_REFLEXIVE and not force:
            return  # section 7.3.1.3: it is of use only where the peer's check came in
        if not can_pair(local, remote):
            return
        pair = CandidatePair(local, remote, self._priority(local, remote))
        if self.checklist.find(pair.path) is not None:
            return
        relatives = [other for other in self.checklist if other.foundation == pair.foundation]
        # RFC 8838 section 12: the best of each foundation is tried at once, and all where one has succeeded.
        is_best = all(other.priority < pair.priority for other in relatives)
        if is_best or any(other.is_valid for other in relatives):
            pair.state = PairState.WAITING
        self.checklist.add(pair)

    def _tcp_type_behind(self, path: Path) -> TcpType | None:
        """What the peer is at the other end of a connection: who came to a passive base has opened it."""
        base = self._bases.get(path[0])
        if base is None or base.tcp_type is None:
            return None
        return TcpType.ACTIVE if base.tcp_type is TcpType.PASSIVE else base.tcp_type

    def _priority(self, local: Candidate, remote: Candidate) -> int:
        if self._role.is_controlling:
            return pair_priority(local.priority, remote.priority)
        return pair_priority(remote.priority, local.priority)
