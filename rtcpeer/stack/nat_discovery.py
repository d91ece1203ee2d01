"""NAT behaviour discovery (RFC 5780) as a sans-I/O core: which servers answer over UDP, and what NATs do on the way.

Two sockets ask at once. One asks every endpoint that there is, and what each of them sees of it tells the mapping
(section 4.3). The other asks one endpoint for answers from elsewhere, and what comes tells the filtering (section 4.4);
it must not have sent to where these come from, hence the second socket (section 4.5).

Servers are not believed more than needed: an answer counts only from where it was to come, another address only if it
could be one, and silence only as the NAT's where the server has shown that it would have spoken.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stack.nat_behavior import (
    Dependence,
    NatBehavior,
    Observed,
    ServerAnswer,
    possible_filterings,
    possible_mappings,
)
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import MessageClass, Method, StunMessage
from rtcpeer.stun.transaction import Transaction

__all__ = ["NatBehaviorDiscovered", "NatDiscovery", "NatDiscoveryEvent", "NatDiscoverySettings", "ServerAsked"]

# Flags of CHANGE-REQUEST (RFC 5780 section 7.2).
CHANGE_ADDRESS = 0x04
CHANGE_PORT = 0x02
_ELSEWHERE = CHANGE_ADDRESS | CHANGE_PORT

# Servers of RFC 3489 add SOURCE-ADDRESS and CHANGED-ADDRESS, which RFC 8489 section 18.3.1 reserves.
_KNOWN_IN_ANSWERS = (AttributeType.MAPPED_ADDRESS, AttributeType.XOR_MAPPED_ADDRESS, 0x0004, 0x0005)


@dataclass(frozen=True, slots=True)
class NatDiscoverySettings:
    """How long silence is listened to; requests are repeated after ``rto``, twice that, and so on."""

    rto: float = 0.5  # RFC 8489 section 6.2.1
    max_requests: int = 4  # of a question that should be answered
    answer_timeout: float = 5.0  # for such a question, from its first transmission
    silence_requests: int = 3  # of a question whose answer a NAT may keep
    silence_timeout: float = 3.0  # for such a question
    max_servers: int = 8  # more are not asked
    interval: float = 0.005  # between new questions (RFC 8445 section 14.1)

    def __post_init__(self) -> None:
        """Refuse what can not work, naming the field."""
        for name in ("rto", "answer_timeout", "silence_timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0")
        for name in ("max_requests", "silence_requests", "max_servers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.interval < 0:
            raise ValueError("interval must not be negative")


@dataclass(frozen=True, slots=True)
class ServerAsked:
    """A server has answered, or will not any more."""

    answer: ServerAnswer


@dataclass(frozen=True, slots=True)
class NatBehaviorDiscovered:
    """All that can be found out is known; the last event."""

    behavior: NatBehavior


NatDiscoveryEvent = ServerAsked | NatBehaviorDiscovered


class _Purpose(Enum):
    REACH = auto()  # does the server answer, where does it see us?
    MAPPING = auto()  # where do its other endpoints see us?
    FILTERING = auto()  # does an answer from elsewhere get in?
    CONTROL = auto()  # does it get in where we have sent to elsewhere before, so that no filter keeps it?


@dataclass(slots=True)
class _Question:
    purpose: _Purpose
    base: TransportAddress
    server: TransportAddress
    change: int
    transaction: Transaction
    timeout: float
    asked_at: float | None = None


@dataclass(slots=True)
class _Verdicts:
    """What became of the questions for answers from elsewhere, by what was to change."""

    filtering: dict[int, Observed] = field(default_factory=dict)
    control: dict[int, Observed] = field(default_factory=dict)


class NatDiscovery:
    """Core[Datagrams, NatDiscoveryEvent] for one address family; begins with the first pull of packets.

    Both bases are sockets on the same local address that have sent nothing yet. ``servers`` are endpoints that answer
    STUN requests over UDP, each once.
    """

    def __init__(
        self,
        mapping_base: TransportAddress,
        filtering_base: TransportAddress,
        servers: Sequence[TransportAddress],
        settings: NatDiscoverySettings,
        entropy: Entropy,
    ) -> None:
        self.dropped_packets = 0
        self._mapping_base = mapping_base
        self._filtering_base = filtering_base
        self._settings = settings
        self._entropy = entropy
        self._questions: dict[bytes, _Question] = {}
        self._answers: dict[TransportAddress, ServerAnswer] = {}
        self._seen: dict[TransportAddress, TransportAddress] = {}
        # Who says that it has other addresses, and those; the first one is the server that discovery is done with.
        self._offers: list[tuple[TransportAddress, TransportAddress]] = []
        self._is_discovering = False
        self._verdicts = _Verdicts()
        self._has_asked_control = False
        self._is_done = False
        self._next_question_at = 0.0
        self._events: list[NatDiscoveryEvent] = []
        self._servers = list(dict.fromkeys(servers))[: settings.max_servers]
        for server in self._servers:
            self._ask(_Purpose.REACH, mapping_base, server)

    def receive(self, packet: Datagrams, now: float) -> None:
        """Take answers; what nobody asked for, or from elsewhere than it should come, is counted and dropped."""
        for payload in packet.payloads:
            try:
                self._take(StunMessage.parse(payload), packet.local, packet.remote, now)
            except MalformedPacketError:
                self.dropped_packets += 1
        self._look_around()

    def handle_timeout(self, now: float) -> None:
        """Give up on questions whose time is over."""
        for question in list(self._questions.values()):
            if question.asked_at is not None and now >= question.asked_at + question.timeout:
                self._close(question)
                self._note_silence(question)
        self._look_around()

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """New questions, each a moment after the last, and repeated ones."""
        packets: list[Datagrams] = []
        for question in self._questions.values():
            if question.asked_at is None:
                if now < self._next_question_at:
                    continue
                question.asked_at = now
                self._next_question_at = now + self._settings.interval
            request = question.transaction.poll(now)
            if request is not None:
                packets.append(Datagrams(question.base, question.server, [request]))
        self._look_around()
        return packets

    def poll_events(self) -> list[NatDiscoveryEvent]:
        """What happened, oldest first."""
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """When to ask (again) or to give up."""
        deadlines: list[float] = []
        for question in self._questions.values():
            if question.asked_at is None:
                deadlines.append(self._next_question_at)
                continue
            deadlines.append(question.asked_at + question.timeout)
            if question.transaction.is_sending:
                deadlines.append(question.transaction.next_timeout())
        return min(deadlines, default=None)

    def _ask(self, purpose: _Purpose, base: TransportAddress, server: TransportAddress, change: int = 0) -> None:
        request = StunMessage.request(Method.BINDING, self._entropy)
        if change:
            request.add_uint32(AttributeType.CHANGE_REQUEST, change)
        settings = self._settings
        is_silence_likely = purpose in {_Purpose.FILTERING, _Purpose.CONTROL}
        requests = settings.silence_requests if is_silence_likely else settings.max_requests
        timeout = settings.silence_timeout if is_silence_likely else settings.answer_timeout
        transaction = Transaction(request.serialize(fingerprint=True), rto=settings.rto, max_requests=requests)
        question = _Question(purpose, base, server, change, transaction, timeout)
        self._questions[transaction.transaction_id] = question

    def _close(self, question: _Question) -> None:
        del self._questions[question.transaction.transaction_id]

    def _take(self, response: StunMessage, local: TransportAddress, remote: TransportAddress, now: float) -> None:
        question = self._questions.get(response.transaction_id)
        if question is None or question.base != local:
            self.dropped_packets += 1
        elif question.change:
            self._take_from_elsewhere(question, response, remote)
        elif question.server != remote:
            self.dropped_packets += 1
        elif response.message_class is MessageClass.ERROR:
            code, text = response.error or (0, "")
            self._fail(question, f"it refused with error {code} {text}".rstrip())
        elif response.message_class is MessageClass.SUCCESS:
            self._take_mapped(question, response, now)
        else:
            self.dropped_packets += 1

    def _take_mapped(self, question: _Question, response: StunMessage, now: float) -> None:
        mapped = response.mapped_address
        if mapped is None or response.unknown_required(_KNOWN_IN_ANSWERS) or not _is_plausible(mapped, question.base):
            self._fail(question, "its answer does not hold our address")
            return
        alternate = self._alternate_in(response, question.server)
        self._close(question)
        self._seen[question.server] = mapped
        if question.purpose is _Purpose.REACH:
            round_trip = now - (question.asked_at if question.asked_at is not None else now)
            self._answered(ServerAnswer(question.server, mapped, round_trip, offers_discovery=alternate is not None))
            if alternate is not None:
                self._offers.append((question.server, alternate))

    def _alternate_in(self, response: StunMessage, server: TransportAddress) -> TransportAddress | None:
        """The server's other address and port, where what it says can be true and of use (RFC 5780 section 7.4)."""
        try:
            alternate = response.address(AttributeType.OTHER_ADDRESS)
        except MalformedPacketError:
            return None  # the rest of the answer is good
        if alternate is None or alternate.host == server.host or alternate.port in {0, server.port}:
            return None
        return alternate if _is_plausible(alternate, server) else None

    def _discover(self) -> None:
        """Ask one server's four endpoints for the mapping, and its first one for answers from elsewhere."""
        primary, _ = self._offers[0]
        for endpoint in self._others():
            if endpoint not in self._answers and not self._is_asked(endpoint):
                self._ask(_Purpose.MAPPING, self._mapping_base, endpoint)
        for change in (_ELSEWHERE, CHANGE_PORT):
            self._ask(_Purpose.FILTERING, self._filtering_base, primary, change)

    def _others(self) -> list[TransportAddress]:
        """The endpoints of the server that discovery is done with, besides the one that was given."""
        primary, alternate = self._offers[0]
        return [primary._replace(port=alternate.port), alternate._replace(port=primary.port), alternate]

    def _is_asked(self, endpoint: TransportAddress) -> bool:
        return any(each.server == endpoint and not each.change for each in self._questions.values())

    def _take_from_elsewhere(self, question: _Question, response: StunMessage, remote: TransportAddress) -> None:
        verdicts = self._verdicts.filtering if question.purpose is _Purpose.FILTERING else self._verdicts.control
        if response.message_class is MessageClass.SUCCESS and remote == self._origin(question.change):
            verdicts[question.change] = Observed.ARRIVED
        elif remote == question.server:
            # It refuses, or does not know CHANGE-REQUEST and answered as if there were none.
            verdicts[question.change] = Observed.UNKNOWN
        else:
            self.dropped_packets += 1
            return
        self._close(question)

    def _origin(self, change: int) -> TransportAddress:
        """Where the answer to the primary endpoint's question is to come from (RFC 5780 section 6.1)."""
        primary, alternate = self._offers[0]
        return alternate if change == _ELSEWHERE else primary._replace(port=alternate.port)

    def _fail(self, question: _Question, reason: str) -> None:
        self._close(question)
        if question.purpose is _Purpose.REACH:
            self._answered(ServerAnswer(question.server, error=reason, is_refusal=True))

    def _note_silence(self, question: _Question) -> None:
        match question.purpose:
            case _Purpose.REACH:
                self._answered(ServerAnswer(question.server, error=f"no answer within {question.timeout:g} s"))
            case _Purpose.FILTERING:
                self._verdicts.filtering[question.change] = Observed.LOST
            case _Purpose.CONTROL:
                self._verdicts.control[question.change] = Observed.LOST
            case _Purpose.MAPPING:
                pass

    def _answered(self, answer: ServerAnswer) -> None:
        self._answers[answer.server] = answer
        self._events.append(ServerAsked(answer))

    def _look_around(self) -> None:
        """Begin to discover, go on to the control once the mapping is known, and end when nothing is open."""
        if self._offers and not self._is_discovering:
            self._is_discovering = True
            self._discover()
        elif self._offers and not self._has_asked_control and not self._is_open(_Purpose.MAPPING):
            if len(self._offers) > 1 and not any(endpoint in self._seen for endpoint in self._others()):
                self._take_next_offer()
            else:
                self._has_asked_control = True
                self._ask_control()
        if not self._questions and not self._is_done:
            self._is_done = True
            self._events.append(NatBehaviorDiscovered(self._behavior()))

    def _is_open(self, purpose: _Purpose) -> bool:
        return any(question.purpose is purpose for question in self._questions.values())

    def _take_next_offer(self) -> None:
        """Nobody is at the other addresses that the server named: try another server's."""
        for question in list(self._questions.values()):
            if question.purpose is _Purpose.FILTERING:
                self._close(question)
        del self._offers[0]
        self._verdicts = _Verdicts()
        self._discover()

    def _ask_control(self) -> None:
        """Where the mapping depends on the remote endpoint the control would be filtered as well."""
        if possible_mappings(self._seen) == {Dependence.ENDPOINT_INDEPENDENT}:
            for change in (_ELSEWHERE, CHANGE_PORT):
                self._ask(_Purpose.CONTROL, self._mapping_base, self._offers[0][0], change)

    def _behavior(self) -> NatBehavior:
        answers = tuple(self._answers[server] for server in self._servers)
        filterings = possible_filterings(self._observed(_ELSEWHERE), self._observed(CHANGE_PORT))
        return NatBehavior(self._mapping_base, answers, possible_mappings(self._seen), filterings)

    def _observed(self, change: int) -> Observed:
        """What silence means: the NAT's only where the answer is known to have been sent."""
        observed = self._verdicts.filtering.get(change, Observed.UNKNOWN)
        if observed is not Observed.LOST:
            return observed
        if self._origin(change) not in self._seen:
            return Observed.UNKNOWN  # perhaps there is nothing at that address
        control = self._verdicts.control.get(change)
        return observed if control in {None, Observed.ARRIVED} else Observed.UNKNOWN


def _is_plausible(address: TransportAddress, beside: TransportAddress) -> bool:
    """Whether a server may have told the truth: an address of the right family that packets can come from."""
    ip, other = ipaddress.ip_address(address.host), ipaddress.ip_address(beside.host)
    if ip.version != other.version or address.port == 0 or ip.is_unspecified or ip.is_multicast:
        return False
    return not ip.is_loopback or other.is_loopback
