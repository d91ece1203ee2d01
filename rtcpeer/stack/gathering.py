"""Gathering (RFC 8445 section 5.1.1): bases in, questions to STUN servers out, candidates out.

The owner knows the interfaces and can resolve names; it hands both in as they become known, in any order and at any
time, and nothing here waits for anything else: a dead server costs nobody but itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice.candidate import Candidate, CandidateType, candidate_priority, compute_foundation
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import MessageClass, Method, StunMessage
from rtcpeer.stun.transaction import Transaction

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


GatheringEvent = CandidateGathered | ServerFailed | GatheringSufficient | GatheringCompleted


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


class Gatherer:
    """Core[Datagrams, GatheringEvent]."""

    def __init__(self, settings: IceSettings, entropy: Entropy) -> None:
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
        self._servers: list[tuple[ServerUrl, list[TransportAddress]]] = []
        self._has_all_bases = False
        self._has_all_servers = False
        self._asked: set[str] = set()  # URLs
        self._questions: dict[bytes, _Question] = {}  # by transaction id
        self._open_questions: dict[str, int] = {}  # by URL, for servers that have not answered
        self._failures: dict[str, ServerFailed] = {}  # by URL, told when nobody of that server answered
        self._answered: set[str] = set()  # URLs
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

    def add_base(self, base: TransportAddress, preference: int) -> None:
        """A socket is bound: a host candidate, and a place to ask servers from; ``preference`` 0 is the best base."""
        self._bases.append((base, preference))
        if self._wants_host:
            self._gathered(_candidate(CandidateType.HOST, base, base, preference))
        for server, addresses in self._servers:
            self._ask(base, preference, server, addresses)

    def end_of_bases(self) -> None:
        """There are no more bases."""
        self._has_all_bases = True
        self._look_around()

    def add_server(self, server: ServerUrl, addresses: Sequence[TransportAddress]) -> None:
        """A server's name is resolved: ask it from every base of the same address family."""
        if server.scheme.is_turn or server.scheme.is_secure:
            self.fail_server(server, f"{server.scheme.value}: servers can not be used yet; only stun: can")
            return
        self._servers.append((server, list(addresses)))
        for base, preference in self._bases:
            self._ask(base, preference, server, addresses)

    def fail_server(self, server: ServerUrl, reason: str) -> None:
        """A server is out of reach before anybody asked it, for instance because its name does not exist."""
        self._events.append(ServerFailed(server.url, UNREACHABLE, reason))

    def end_of_servers(self) -> None:
        """There are no more servers."""
        self._has_all_servers = True
        self._look_around()

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
        self.state = GatheringState.COMPLETE
        self.is_sufficient = True

    def _ask(
        self, base: TransportAddress, preference: int, server: ServerUrl, addresses: Sequence[TransportAddress]
    ) -> None:
        """One question for the first address of the base's family: a server's addresses lead to the same server."""
        if not self._wants_reflexive or self.state is GatheringState.COMPLETE:
            return
        for address in addresses:
            if (":" in address.host) == (":" in base.host):
                request = StunMessage.request(Method.BINDING, self._entropy).serialize(fingerprint=True)
                transaction = Transaction(request, rto=self._settings.rto, max_requests=self._settings.max_requests)
                question = _Question(base, preference, server, address, transaction)
                self._questions[transaction.transaction_id] = question
                self._asked.add(server.url)
                self._open_questions[server.url] = self._open_questions.get(server.url, 0) + 1
                return

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
        self._open_questions.pop(question.server.url, None)
        self._failures.pop(question.server.url, None)
        self._answered.add(question.server.url)
        if mapped != question.base or not self._wants_host:
            self._gathered(
                _candidate(CandidateType.SERVER_REFLEXIVE, mapped, question.base, question.preference, question.server)
            )

    def _fail(self, question: _Question, code: int, text: str) -> None:
        """Count the question as lost; the server has failed when that was its last and none was answered."""
        del self._questions[question.transaction.transaction_id]
        url = question.server.url
        if url in self._answered:
            return  # from another base
        self._failures.setdefault(url, ServerFailed(url, code, text, question.base))
        self._open_questions[url] -= 1
        if not self._open_questions[url]:
            del self._open_questions[url]
            self._events.append(self._failures.pop(url))

    def _gathered(self, candidate: Candidate) -> None:
        """Tell of a candidate, unless the same address from the same base is known (RFC 8445 section 5.1.3)."""
        for known in self.candidates:
            if (known.address, known.port, known.base) == (candidate.address, candidate.port, candidate.base):
                return
        self.candidates.append(candidate)
        self._events.append(CandidateGathered(candidate))

    def _look_around(self) -> None:
        """Notice when there is nothing left to wait for."""
        if self._has_all_bases and self._has_all_servers and not self._questions:
            self._fail_unasked()
            self._complete()

    def _fail_unasked(self) -> None:
        """A server that has no address of any base's family is out of reach."""
        if not self._wants_reflexive or self.state is not GatheringState.GATHERING:
            return
        for server, _ in self._servers:
            if server.url not in self._asked:
                self._asked.add(server.url)
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
        return self._settings.bulk_wait if self._answered else self._settings.bulk_patience


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
