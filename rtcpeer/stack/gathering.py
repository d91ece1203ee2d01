"""Gathering (RFC 8445 section 5.1.1): bases in, questions to STUN servers out, candidates out.

The owner knows the interfaces and can resolve names; it hands both in as they become known, in any order and at any
time, and nothing here waits for anything else: a dead server costs nobody but itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.dtls import TrustStore
from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice.candidate import Candidate, CandidateType, candidate_priority, compute_foundation
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.relays import (
    CredentialsRefused,
    Relay,
    RelayLost,
    RelayOpened,
    RelayRefused,
    Relays,
    StreamUnneeded,
    StreamWanted,
)
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import MessageClass, Method, StunMessage
from rtcpeer.stun.transaction import Transaction
from rtcpeer.turn.settings import TurnSettings

__all__ = [
    "CandidateGathered",
    "Gatherer",
    "GatheringCompleted",
    "GatheringEvent",
    "GatheringState",
    "GatheringSufficient",
    "ServerFailed",
]

# W3C webrtc-pc section 4.8.2: the code for a server that could not be reached at all.
UNREACHABLE = 701

# Servers that still serve RFC 3489 add SOURCE-ADDRESS and CHANGED-ADDRESS, which RFC 8489 section 18.3.1 only reserves.
_KNOWN_IN_ANSWERS = (AttributeType.MAPPED_ADDRESS, AttributeType.XOR_MAPPED_ADDRESS, 0x0004, 0x0005)


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
class ServerFailed:
    """A server gave no candidate: an error of its own (300 to 699), or 701 when it can not be reached."""

    url: str
    error_code: int
    error_text: str
    base: TransportAddress | None = None  # from where it was asked


@dataclass(frozen=True, slots=True)
class GatheringSufficient:
    """Whoever can signal candidates only once should do so now: more will hardly come soon."""


@dataclass(frozen=True, slots=True)
class GatheringCompleted:
    """No candidate will follow."""


GatheringEvent = (
    CandidateGathered
    | ServerFailed
    | GatheringSufficient
    | GatheringCompleted
    | RelayLost
    | StreamUnneeded
    | StreamWanted
    | CredentialsRefused
)


class _Question:
    """A Binding request from one base to one server."""

    __slots__ = ("address", "asked_at", "base", "preference", "server", "transaction")

    def __init__(
        self,
        base: TransportAddress,
        preference: int,
        server: ServerUrl,
        address: TransportAddress,
        transaction: Transaction,
    ) -> None:
        self.base = base
        self.preference = preference
        self.server = server
        self.address = address
        self.transaction = transaction
        self.asked_at: float | None = None


class _Found(NamedTuple):
    """A server whose name is resolved."""

    server: ServerUrl
    addresses: list[TransportAddress]
    trust: TrustStore | None  # who may vouch for it, where it is asked over DTLS


class _Tally:
    """Which servers were asked, from how many places, and what came of it: there is one failure to tell for each."""

    def __init__(self) -> None:
        self.asked: set[str] = set()  # URLs
        self.answered: set[str] = set()
        self._open: dict[str, int] = {}  # of servers that have not answered
        self._failures: dict[str, ServerFailed] = {}

    def ask(self, url: str) -> None:
        self.asked.add(url)
        self._open[url] = self._open.get(url, 0) + 1

    def succeed(self, url: str) -> None:
        self._open.pop(url, None)
        self._failures.pop(url, None)
        self.answered.add(url)

    def fail(self, failure: ServerFailed) -> ServerFailed | None:
        """Count a question as lost; the first failure when that was the server's last and none was answered."""
        url = failure.url
        if url in self.answered:
            return None
        self._failures.setdefault(url, failure)
        self._open[url] -= 1
        if self._open[url]:
            return None
        del self._open[url]
        return self._failures.pop(url)


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
        self._wants_host = settings.transport_policy == "all"
        self._wants_reflexive = settings.transport_policy != "relay"
        self.state = GatheringState.NEW
        self.candidates: list[Candidate] = []
        self.is_sufficient = False
        self.dropped_responses = 0
        self.unusable_addresses = 0
        self._bases: list[tuple[TransportAddress, int]] = []
        self._servers: list[_Found] = []
        self._has_all_bases = False
        self._has_all_servers = False
        self._questions: dict[bytes, _Question] = {}  # by transaction id
        self._tally = _Tally()
        self._relay_count = 0
        self._started_at: float | None = None
        self._next_question_at = 0.0
        self._events: list[GatheringEvent] = []

    def receive(self, packet: Datagrams, now: float) -> None:  # noqa: ARG002 the contract's
        """Take responses; one that nobody waits for, or from elsewhere than was asked, is counted and dropped."""
        for payload in packet.payloads:
            try:
                response = StunMessage.parse(payload)
                self._take_response(response, packet.local, packet.remote)
            except MalformedPacketError:
                self.dropped_responses += 1
        self._look_around()

    def handle_timeout(self, now: float) -> None:
        """Give up on servers and on gathering as a whole, each in its time."""
        if self.state is not GatheringState.GATHERING or self._started_at is None:
            return
        for question in list(self._questions.values()):
            asked_at = question.asked_at
            if asked_at is not None and now >= asked_at + self._settings.stun_timeout:
                self._fail(question, UNREACHABLE, f"{question.server.host} did not answer at {question.address}")
        # Computed as in next_timeout(): a difference may be rounded to less, and the timer would spin.
        if now >= self._started_at + self._settings.gathering_timeout:
            for question in list(self._questions.values()):
                self._fail(question, UNREACHABLE, f"{question.server.host} did not answer before gathering ended")
            self.relays.stop_opening("did not answer before gathering ended")
            self._follow_relays()
            self._complete()
        elif now >= self._started_at + self._bulk_wait() and self._has_all_bases:
            self._suffice()
        self._look_around()

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """New questions, each a moment after the last (RFC 8445 section 14.1), and repeated ones."""
        packets: list[Datagrams] = []
        if self._started_at is None and self.state is GatheringState.GATHERING:
            self._started_at = now
        for question in self._questions.values():
            if question.asked_at is None:
                if now < self._next_question_at:
                    continue
                question.asked_at = now
                self._next_question_at = now + self._settings.gathering_interval
            request = question.transaction.poll(now)
            if request is not None:
                packets.append(Datagrams(question.base, question.address, [request]))
        return packets

    def poll_events(self) -> list[GatheringEvent]:
        """What happened, oldest first."""
        if self.relays.is_used and self._follow_relays():
            self._look_around()
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """When to ask (again), to give up, or to declare what is there sufficient."""
        if self.state is not GatheringState.GATHERING or self._started_at is None:
            return None
        deadlines = [self._started_at + self._settings.gathering_timeout]
        if not self.is_sufficient and self._has_all_bases:
            deadlines.append(self._started_at + self._bulk_wait())
        for question in self._questions.values():
            asked_at = question.asked_at
            if asked_at is None:
                deadlines.append(self._next_question_at)
            else:
                deadlines += (question.transaction.next_timeout(), asked_at + self._settings.stun_timeout)
        return min(deadlines)

    def start(self) -> None:
        """Begin; the clocks run from the next pull of packets on."""
        if self.state is GatheringState.NEW:
            self.state = GatheringState.GATHERING

    def add_host(self, candidate: Candidate) -> None:
        """A host candidate that no server is asked from, such as one over TCP."""
        if self._wants_host:
            self._gathered(candidate)

    def add_base(self, base: TransportAddress, preference: int) -> None:
        """A socket is bound: a host candidate, and a place to ask servers from; ``preference`` 0 is the best base."""
        self._bases.append((base, preference))
        if self._wants_host:
            self._gathered(_candidate(CandidateType.HOST, base, base, preference))
        for found in self._servers:
            self._ask_from(base, preference, found)

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
        for base, preference in self._bases:
            self._ask_from(base, preference, found)

    def add_stream(self, server: ServerUrl, local: TransportAddress, remote: TransportAddress) -> bool:
        """A TURN server is connected over TCP or TLS; False where nobody needs it any more."""
        if self.state is GatheringState.COMPLETE:
            return False
        self._tally.ask(server.url)
        self.relays.open(server, local, remote, preference=0)
        return True

    def fail_server(self, server: ServerUrl, reason: str) -> None:
        """A server is out of reach before anybody asked it, for instance because its name does not exist."""
        self._events.append(ServerFailed(server.url, UNREACHABLE, reason))

    def end_of_servers(self) -> None:
        """There are no more servers."""
        self._has_all_servers = True
        self._look_around()

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
        return payload[8:20] in self._questions

    def close(self) -> None:
        """Ask no more; no event follows."""
        self._questions.clear()
        self._events.clear()
        self.relays.close()
        self.state = GatheringState.COMPLETE
        self.is_sufficient = True

    def _ask_from(self, base: TransportAddress, preference: int, found: _Found) -> None:
        """Ask at the first address of the base's family: a server's addresses lead to the same server."""
        server, addresses, trust = found
        if not self._wants(server) or server.is_stream or self.state is GatheringState.COMPLETE:
            return
        for address in addresses:
            if (":" in address.host) == (":" in base.host):
                self._tally.asked.add(server.url)
                if not server.scheme.is_turn:
                    self._ask(base, preference, server, address)
                elif not self.relays.open(server, base, address, preference, trust):
                    return  # by another URL it is asked already
                self._tally.ask(server.url)
                return

    def _ask(self, base: TransportAddress, preference: int, server: ServerUrl, address: TransportAddress) -> None:
        request = StunMessage.request(Method.BINDING, self._entropy).serialize(fingerprint=True)
        transaction = Transaction(request, rto=self._settings.rto, max_requests=self._settings.max_requests)
        self._questions[transaction.transaction_id] = _Question(base, preference, server, address, transaction)

    def _wants(self, server: ServerUrl) -> bool:
        return self._wants_reflexive or server.scheme.is_turn

    def _take_response(self, response: StunMessage, local: TransportAddress, remote: TransportAddress) -> None:
        question = self._questions.get(response.transaction_id)
        if question is None or question.address != remote or question.base != local:
            self.dropped_responses += 1
        elif response.message_class is MessageClass.ERROR:
            code, text = response.error or (UNREACHABLE, "")
            self._fail(question, code, text or f"{question.server.host} refused with error {code}")
        elif response.message_class is MessageClass.SUCCESS:
            unknown = response.unknown_required(_KNOWN_IN_ANSWERS)
            mapped = response.mapped_address
            if mapped is None or unknown:
                self._fail(question, UNREACHABLE, f"{question.server.host} answered without our address")
            else:
                self._succeed(question, mapped)

    def _succeed(self, question: _Question, mapped: TransportAddress) -> None:
        del self._questions[question.transaction.transaction_id]
        self._tally.succeed(question.server.url)
        if mapped != question.base or not self._wants_host:
            self._gathered(
                _candidate(CandidateType.SERVER_REFLEXIVE, mapped, question.base, question.preference, question.server)
            )

    def _fail(self, question: _Question, code: int, text: str) -> None:
        del self._questions[question.transaction.transaction_id]
        self._failed(ServerFailed(question.server.url, code, text, question.base))

    def _failed(self, failure: ServerFailed) -> None:
        told = self._tally.fail(failure)
        if told is not None:
            self._events.append(told)

    def _follow_relays(self) -> bool:
        """Draw the conclusions of what has become of allocations; returns whether there was anything."""
        events = self.relays.poll_events()
        for event in events:
            match event:
                case RelayOpened():
                    self._relay_opened(event)
                case RelayRefused(relay, code, text):
                    self._failed(ServerFailed(relay.server.url, code, text, relay.local))
                case RelayLost() | StreamUnneeded() | StreamWanted() | CredentialsRefused():
                    self._events.append(event)
        return bool(events)

    def _relay_opened(self, opened: RelayOpened) -> None:
        relay, mapped = opened.relay, opened.allocated.mapped
        self._tally.succeed(relay.server.url)
        # RFC 8445 section 5.1.1.2: the allocation has answered the question for our address as well.
        if self._wants_reflexive and relay.local.protocol == "udp" and mapped != relay.local:
            self._gathered(
                _candidate(CandidateType.SERVER_REFLEXIVE, mapped, relay.local, relay.preference, relay.server)
            )
        # Where only relays may be seen, nobody is told what stands behind them (RFC 8839 section 5.1).
        related = mapped if self._wants_reflexive else _hidden(mapped)
        for address in relay.relayed:
            self._gathered(_relay_candidate(relay, address, related, self._relay_count))
            self._relay_count += 1

    def _gathered(self, candidate: Candidate) -> None:
        """Tell of a candidate, unless the same address from the same base is known (RFC 8445 section 5.1.3)."""
        for known in self.candidates:
            if (known.address, known.port, known.base) == (candidate.address, candidate.port, candidate.base):
                return
        self.candidates.append(candidate)
        self._events.append(CandidateGathered(candidate))

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
            if server.url not in self._tally.asked and self._wants(server) and not server.is_stream:
                self._tally.asked.add(server.url)
                self.fail_server(server, f"{server.host} has no address of a family that this host has")

    def _suffice(self) -> None:
        if not self.is_sufficient:
            self.is_sufficient = True
            self._events.append(GatheringSufficient())

    def _complete(self) -> None:
        if self.state is GatheringState.GATHERING:
            self._suffice()
            self.state = GatheringState.COMPLETE
            self._events.append(GatheringCompleted())

    def _bulk_wait(self) -> float:
        """How long bulk signalling waits: briefly once a server has answered, longer while none has."""
        return self._settings.bulk_wait if self._tally.answered else self._settings.bulk_patience


def _relay_candidate(relay: Relay, address: TransportAddress, related: TransportAddress, index: int) -> Candidate:
    """The candidate of a relayed address, which is its own base (RFC 8445 section 5.1.1.2)."""
    # Unique, and by the preference of the base first: relays are told apart by little else.
    # The base stands in the foundation as a number, for a checksum of its address would be guessed.
    preference = max(65535 - (relay.preference << 6) - min(index, 63), 0)
    return Candidate(
        foundation=compute_foundation(
            CandidateType.RELAYED, f"{relay.preference} {address.host}", relay.protocol, relay.server.host
        ),
        component=1,
        protocol="udp",
        priority=candidate_priority(CandidateType.RELAYED, preference, relay_protocol=relay.protocol),
        address=address.host,
        port=address.port,
        type=CandidateType.RELAYED,
        related_address=related.host,
        related_port=related.port,
        base=address,
        url=relay.server.url,
        relay_protocol=relay.protocol,
    )


def _hidden(address: TransportAddress) -> TransportAddress:
    return TransportAddress("::" if ":" in address.host else "0.0.0.0", 9)  # noqa: S104 no address at all


def _candidate(
    candidate_type: CandidateType,
    address: TransportAddress,
    base: TransportAddress,
    preference: int,
    server: ServerUrl | None = None,
) -> Candidate:
    related = None if address is base else base
    return Candidate(
        foundation=compute_foundation(candidate_type, base.host, base.protocol, server.host if server else ""),
        component=1,
        protocol=address.protocol,
        priority=candidate_priority(candidate_type, 65535 - preference),
        address=address.host,
        port=address.port,
        type=candidate_type,
        related_address=related and related.host,
        related_port=related and related.port,
        base=base,
        url=server.url if server else None,
    )
