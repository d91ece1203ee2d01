"""Gathering (RFC 8445 section 5.1.1): bases in, questions to STUN servers out, candidates out.

The owner knows the interfaces and can resolve names; it hands both in as they become known, in any order and at any
time, and nothing here waits for anything else: a dead server costs nobody but itself.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.dtls import TrustStore
from rtcpeer.ice.candidate import Candidate, CandidateType
from rtcpeer.ice.choice import gathered_types
from rtcpeer.ice.events import FilterFailed
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.candidate_rules import CandidateRules
from rtcpeer.stack.local_candidates import hidden, local_candidate, relay_candidate
from rtcpeer.stack.relays import (
    CredentialsRefused,
    RelayLost,
    RelayOpened,
    RelayRefused,
    Relays,
    StreamUnneeded,
    StreamWanted,
)
from rtcpeer.stack.server_log import UNREACHABLE, ServerFailed, ServerLog
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stack.stun_questions import StunQuestion, StunQuestions
from rtcpeer.turn.settings import TurnSettings

__all__ = [
    "UNREACHABLE",
    "BaseUse",
    "BindFailed",
    "CandidateGathered",
    "Gatherer",
    "GatheringCompleted",
    "GatheringEvent",
    "GatheringState",
    "GatheringSufficient",
    "ServerFailed",
]


class GatheringState(Enum):
    """W3C webrtc-pc section 5.6.3."""

    NEW = "new"
    GATHERING = "gathering"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class CandidateGathered:
    """There is a new local candidate."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class BindFailed:
    """One of our addresses gave no socket, for instance because the range of ports is exhausted."""

    host: str
    error_text: str


@dataclass(frozen=True, slots=True)
class GatheringSufficient:
    """Whoever can signal candidates only once should do so now: more will hardly come soon."""


@dataclass(frozen=True, slots=True)
class GatheringCompleted:
    """No candidate will follow."""


GatheringEvent = (
    CandidateGathered
    | ServerFailed
    | BindFailed
    | FilterFailed
    | GatheringSufficient
    | GatheringCompleted
    | RelayLost
    | StreamUnneeded
    | StreamWanted
    | CredentialsRefused
)


class BaseUse(Enum):
    """What a base is for: a socket that connections share can hold no allocation, as a TURN server sees one client."""

    EVERYTHING = "everything"
    DIRECT = "direct"
    RELAYS = "relays"


class _Found(NamedTuple):
    """A server whose name is resolved."""

    server: ServerUrl
    addresses: list[TransportAddress]
    trust: TrustStore | None  # who may vouch for it, where it is asked over DTLS


class Gatherer:
    """Core[Datagrams, GatheringEvent]; feeds and reads `relays`, whose packets go by way of its owner."""

    def __init__(self, settings: IceSettings, entropy: Entropy, turn_settings: TurnSettings | None = None) -> None:
        self.relays = Relays(
            turn_settings or TurnSettings(),
            entropy,
            timeout=settings.turn_timeout,
            interval=settings.gathering_interval,
        )
        self._settings = settings
        self._entropy = entropy
        self._types = gathered_types(settings)
        self._wants_host = "host" in self._types
        self._wants_reflexive = "srflx" in self._types
        self._is_continual = settings.gathering_policy == "continually"
        self.is_resting = False  # continual: nothing is asked until there is another base
        self._rules = CandidateRules(settings)
        self.state = GatheringState.NEW
        self.candidates: list[Candidate] = []
        self.is_sufficient = False
        self.unusable_addresses = 0
        self._bases: list[tuple[TransportAddress, int, BaseUse]] = []
        self._servers: list[_Found] = []
        self._has_all_bases = False
        self._has_all_servers = False
        self._questions = StunQuestions(settings, entropy, self._succeed, self._fail)
        self.log = ServerLog()
        self.places: set[TransportAddress] = set()  # ours to ask from: bases, and our ends of streams
        self._relay_count = 0
        self._started_at: float | None = None
        self.events: list[GatheringEvent] = []  # for `poll_events`; mostly there are none, as its owner sees here

    def receive(self, packet: Datagrams, now: float) -> None:  # noqa: ARG002 the contract's
        """Take responses; one that nobody waits for, or from elsewhere than was asked, is counted and dropped."""
        self._questions.receive(packet)
        self._look_around()

    def handle_timeout(self, now: float) -> None:
        """Give up on servers and on gathering as a whole, each in its time."""
        if self.state is not GatheringState.GATHERING or self._started_at is None:
            return
        self._questions.expire(now)
        # Computed as in next_timeout(): a difference may be rounded to less, and the timer would spin.
        if now >= self._started_at + self._settings.gathering_timeout:
            self._questions.give_up()
            self.relays.stop_opening("did not answer before gathering ended")
            self._follow_relays()
            self._complete()
        elif now >= self._started_at + self._bulk_wait() and self._has_all_bases:
            self._suffice()
        self._look_around()

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """New questions, each a moment after the last (RFC 8445 section 14.1), and repeated ones."""
        if self._started_at is None and self.state is GatheringState.GATHERING and not self.is_resting:
            self._started_at = now
        return self._questions.packets_to_send(now)

    def poll_events(self) -> list[GatheringEvent]:
        """What happened, oldest first."""
        if self.relays.is_used and self._follow_relays():
            self._look_around()
        events, self.events = self.events, []
        return events

    def next_timeout(self) -> float | None:
        """When to ask (again), to give up, or to declare what is there sufficient."""
        if self.state is not GatheringState.GATHERING or self._started_at is None:
            return None
        deadlines = [self._started_at + self._settings.gathering_timeout]
        if not self.is_sufficient and self._has_all_bases:
            deadlines.append(self._started_at + self._bulk_wait())
        return min([*deadlines, *self._questions.deadlines()])

    def successor(self, settings: IceSettings) -> "Gatherer":
        """A gatherer for the next generation (RFC 8445 section 9); relays are the same for all, this one rests."""
        made = Gatherer(settings, self._entropy)
        made.relays = self.relays
        return made

    def start(self) -> None:
        """Begin; the clocks run from the next pull of packets on."""
        if self.state is GatheringState.NEW:
            self.state = GatheringState.GATHERING

    def add_host(self, candidate: Candidate) -> None:
        """A host candidate that no server is asked from, such as one over TCP."""
        for each in self._rules.host_candidates(candidate):
            self._gathered(each)

    def add_base(self, base: TransportAddress, preference: int, use: BaseUse = BaseUse.EVERYTHING) -> None:
        """A socket is bound: a host candidate, and a place to ask servers from; ``preference`` 0 is the best base."""
        self.is_resting = False
        self._bases.append((base, preference, use))
        self.places.add(base)
        if use is not BaseUse.RELAYS:
            for candidate in self._rules.own_candidates(base, preference):
                self._gathered(candidate)
        for found in self._servers:
            self._ask_from(base, preference, use, found)

    def drop_bases(self, bases: Collection[TransportAddress]) -> None:
        """These are of no use any more, and neither are their candidates."""
        self._bases = [each for each in self._bases if each[0] not in bases]
        self.candidates = [candidate for candidate in self.candidates if candidate.base not in bases]
        self.places.difference_update(bases)

    def fail_base(self, host: str, reason: str) -> None:
        """No socket could be bound to one of our addresses."""
        self.unusable_addresses += 1
        self.events.append(BindFailed(host, reason))

    def end_of_bases(self) -> None:
        """There are no more bases."""
        self._has_all_bases = True
        self._look_around()

    def add_server(
        self, server: ServerUrl, addresses: Sequence[TransportAddress], trust: TrustStore | None = None
    ) -> None:
        """A server's name is resolved: ask it from every base of the same address family.

        One that takes a stream is asked over that, once `add_stream` brings it; one that takes DTLS needs ``trust``.
        """
        found = _Found(server, list(addresses), trust)
        self._servers.append(found)
        for base, preference, use in self._bases:
            self._ask_from(base, preference, use, found)

    def add_stream(self, server: ServerUrl, local: TransportAddress, remote: TransportAddress) -> bool:
        """A TURN server is connected over TCP or TLS; False where nobody needs it any more."""
        if self.state is GatheringState.COMPLETE:
            return False
        self.log.ask(server.url)
        self.places.add(local)
        self.relays.open(server, local, remote, preference=0)
        return True

    def fail_server(self, server: ServerUrl, reason: str) -> None:
        """A server is out of reach before anybody asked it, for instance because its name does not exist."""
        self.events.append(self.log.give_up(ServerFailed(server.url, UNREACHABLE, reason)))

    def note_unroutable(self, local: TransportAddress, remote: TransportAddress, detail: str) -> None:
        """Our own host can not send from this base to this server."""
        for server in self._questions.note_unroutable(local, remote, detail):
            self.log.note_unroutable(server.url)
        self.log.note_unroutable(self.relays.note_unroutable(local, remote, detail))
        self._look_around()

    def end_of_servers(self) -> None:
        """There are no more servers."""
        self._has_all_servers = True
        self._look_around()

    def wants(self, server: ServerUrl) -> bool:
        """Whether a server can give us any candidate that we may use."""
        return ("relay" if server.scheme.is_turn else "srflx") in self._types

    @property
    def bases(self) -> list[TransportAddress]:
        """Our sockets' addresses; relayed ones are bases of their candidates only."""
        return [base for base, *_ in self._bases]

    @property
    def dropped_responses(self) -> int:
        """From elsewhere than was asked, or broken."""
        return self._questions.dropped_responses

    @property
    def is_asking(self) -> bool:
        """Whether there are questions without an answer."""
        return bool(self._questions)

    @property
    def is_complete(self) -> bool:
        """Whether no candidate will follow."""
        return self.state is GatheringState.COMPLETE

    def is_awaiting(self, payload: bytes) -> bool:
        """Whether a STUN message answers one of our questions."""
        return self._questions.is_awaiting(payload)

    def close(self) -> None:
        """Ask no more; no event follows."""
        self._questions.clear()
        self.events.clear()
        self.relays.close()
        self.state = GatheringState.COMPLETE
        self.is_sufficient = True

    def _ask_from(self, base: TransportAddress, preference: int, use: BaseUse, found: _Found) -> None:
        """Ask at the first address of the base's family: a server's addresses lead to the same server."""
        server, addresses, trust = found
        if not self.wants(server) or server.is_stream or self.state is GatheringState.COMPLETE:
            return
        if use is (BaseUse.DIRECT if server.scheme.is_turn else BaseUse.RELAYS):
            return
        for address in addresses:
            if (":" in address.host) == (":" in base.host):
                if server.scheme.is_turn:
                    if not self.relays.open(server, base, address, preference, trust):
                        self.log.skip(server.url)
                        return
                elif self._rules.asks_from(base):
                    self._questions.ask(base, preference, server, address)
                self.log.ask(server.url)
                return

    def _succeed(self, question: StunQuestion, mapped: TransportAddress) -> None:
        self.log.succeed(question.server.url, question.base, question.address, mapped)
        if mapped != question.base or not self._wants_host:
            self._gathered(
                local_candidate(
                    CandidateType.SERVER_REFLEXIVE, mapped, question.base, question.preference, question.server
                )
            )

    def _fail(self, question: StunQuestion, code: int, text: str) -> None:
        self._failed(ServerFailed(question.server.url, code, text, question.base))

    def _failed(self, failure: ServerFailed) -> None:
        told = self.log.fail(failure)
        if told is not None:
            self.events.append(told)

    def _follow_relays(self) -> bool:
        """Draw the conclusions of what has become of allocations; returns whether there was anything."""
        events = self.relays.poll_events()
        for event in events:
            match event:
                case RelayOpened(relay) | RelayRefused(relay) if relay.place not in self.places:
                    self.relays.end(relay)  # an earlier generation's, which rests
                case RelayOpened():
                    self._relay_opened(event)
                case RelayRefused(relay, code, text):
                    self._failed(ServerFailed(relay.server.url, code, text, relay.local))
                case RelayLost() | StreamUnneeded() | StreamWanted() | CredentialsRefused():
                    self.events.append(event)
        return bool(events)

    def _relay_opened(self, opened: RelayOpened) -> None:
        relay, mapped = opened.relay, opened.allocated.mapped
        self.log.succeed(relay.server.url, relay.local, relay.remote, mapped)
        # RFC 8445 section 5.1.1.2: the allocation has answered the question for our address as well.
        is_base = any(base == relay.local and use is BaseUse.EVERYTHING for base, _, use in self._bases)
        if self._wants_reflexive and is_base and mapped != relay.local and self._rules.asks_from(relay.local):
            self._gathered(
                local_candidate(CandidateType.SERVER_REFLEXIVE, mapped, relay.local, relay.preference, relay.server)
            )
        # Where only relays may be seen, nobody is told what stands behind them (RFC 8839 section 5.1).
        related = mapped if self._wants_reflexive else hidden(mapped)
        for address in relay.relayed:
            self._gathered(relay_candidate(relay, address, related, self._relay_count))
            self._relay_count += 1

    def _gathered(self, candidate: Candidate) -> None:
        """Tell of a candidate, unless it is redundant or unwanted."""
        admitted = self._rules.admit(candidate)
        self.events += self._rules.failures
        self._rules.failures.clear()
        if admitted is not None:
            self.candidates.append(admitted)
            self.events.append(CandidateGathered(admitted))

    def _look_around(self) -> None:
        """Notice when there is nothing left to wait for."""
        if self._has_all_bases and self._has_all_servers and not self._questions and not self.relays.opening:
            self._fail_unasked()
            self._complete()

    def _fail_unasked(self) -> None:
        """A server that has no address of any base's family is out of reach."""
        if self.state is not GatheringState.GATHERING:
            return
        for server, *_ in self._servers:
            if not self.log.is_known(server.url) and self.wants(server) and not server.is_stream:
                self.fail_server(server, f"{server.host} has no address of a family that this host has")

    def _suffice(self) -> None:
        if not self.is_sufficient:
            self.is_sufficient = True
            self.events.append(GatheringSufficient())

    def _complete(self) -> None:
        if self.state is GatheringState.GATHERING:
            self._suffice()
            if self._is_continual:
                self.is_resting, self._started_at = True, None
                return
            self.state = GatheringState.COMPLETE
            self.events.append(GatheringCompleted())

    def _bulk_wait(self) -> float:
        """How long bulk signalling waits: briefly once a server has answered, longer while none has."""
        return self._settings.bulk_wait if self.log.has_answers else self._settings.bulk_patience
