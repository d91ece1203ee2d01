"""Names in ``.local`` that stand for the addresses of candidates (RFC 6762, draft-ietf-mmusic-mdns-ice-candidates).

`MdnsResolver` asks for the names of others, `MdnsResponder` answers for ours, `Mdns` is both on the same ports. A
*link* is an interface with one of its address families; packets carry its local address, so that a query goes out on
all of them and an answer on the one the query came in on.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice.dns import (
    DnsMessage,
    Question,
    Record,
    RecordType,
    address_record,
    is_response,
    nsec_record,
)

__all__ = [
    "GROUP_IPV4",
    "GROUP_IPV6",
    "PORT",
    "Mdns",
    "MdnsEvent",
    "MdnsResolver",
    "MdnsResponder",
    "MdnsStatistics",
    "NameResolved",
    "NameUnresolved",
    "generate_name",
    "is_resolvable",
]

PORT = 5353  # RFC 6762 section 3
GROUP_IPV4 = TransportAddress("224.0.0.251", PORT)
GROUP_IPV6 = TransportAddress("ff02::fb", PORT)

# Deviation: RFC 6762 section 5.2 asks again after a second at the earliest; a connection should not wait that long
# for one lost packet, and after the third question we are silent.
QUERY_TIMES = (0.0, 0.25, 0.75)
# Names come from peers, who may send many: no more than one new name in this time.
QUERY_INTERVAL = 0.005
MAX_NAMES = 1024

TTL = 120  # RFC 6762 section 10: for records with addresses
LEGACY_TTL = 10  # section 6.7
ANNOUNCEMENTS = 2  # section 8.3, a second apart
ANNOUNCEMENT_INTERVAL = 1.0
MULTICAST_INTERVAL = 1.0  # section 6: a record is multicast no more often than this on a link
MAX_PENDING_ANSWERS = 256

_NAME_RECORD_TYPES = frozenset({RecordType.A, RecordType.AAAA})


class NameResolved(NamedTuple):
    """A name has these addresses: one of each family at most."""

    name: str
    addresses: tuple[str, ...]


class NameUnresolved(NamedTuple):
    """Nobody has answered for a name in time."""

    name: str


MdnsEvent = NameResolved | NameUnresolved


@dataclass(frozen=True, slots=True)
class MdnsStatistics:
    """Counters since the start."""

    questions_sent: int
    names_resolved: int
    names_unresolved: int
    names_refused: int  # beyond the bound
    responses_ignored: int  # for names that were not asked, or not from port 5353
    answers_sent: int
    answers_dropped: int  # beyond the bound
    malformed_packets: int


def generate_name(entropy: Entropy) -> str:
    """A name that says nothing: a version 4 UUID in ``.local`` (draft section 3.1.1)."""
    data = bytearray(entropy(16))
    data[6] = data[6] & 0x0F | 0x40  # RFC 9562 section 5.4
    data[8] = data[8] & 0x3F | 0x80
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}.local"


def is_resolvable(address: str) -> bool:
    """Whether a candidate's address is to be asked for by mDNS: ``.local`` behind a single label (draft 3.2.1)."""
    label, _, domain = address.lower().partition(".")
    if domain != "local" or not address.isascii():
        return False
    return 0 < len(label) <= 63


class _Inquiry:
    """A name that is asked for."""

    __slots__ = ("asked", "name", "started_at", "timeout")

    def __init__(self, name: str, timeout: float) -> None:
        self.name = name
        self.timeout = timeout
        self.started_at: float | None = None
        self.asked = 0

    def next_timeout(self, started_at: float) -> float:
        """The next question, or the end."""
        end = started_at + self.timeout
        return min(end, started_at + QUERY_TIMES[self.asked]) if self.asked < len(QUERY_TIMES) else end


class MdnsResolver:
    """Core[Datagrams, MdnsEvent]: asks each name three times on every link and takes the first answer."""

    def __init__(self) -> None:
        self.links: list[TransportAddress] = []
        self.prefers_unicast = True  # to be switched off where other programs share the port
        self.questions_sent = 0
        self.names_resolved = 0
        self.names_unresolved = 0
        self.names_refused = 0
        self.responses_ignored = 0
        self.malformed_packets = 0
        self._inquiries: dict[str, _Inquiry] = {}  # oldest first, so that those not begun come last
        self._next_start = 0.0
        self._events: list[MdnsEvent] = []

    def receive(self, packet: Datagrams, now: float) -> None:  # noqa: ARG002 the contract's
        """Take responses; what else comes is the responder's, and malformed packets are counted and dropped."""
        for payload in packet.payloads:
            if not is_response(payload):
                continue
            if not self._inquiries:  # the whole link's answers come by while our own names are published
                self.responses_ignored += 1
                continue
            try:
                message = DnsMessage.parse(payload)
            except MalformedPacketError:
                self.malformed_packets += 1
                continue
            # Section 6: a response from another port is no mDNS.
            if packet.remote.port != PORT or not self._take(message):
                self.responses_ignored += 1

    def handle_timeout(self, now: float) -> None:
        """Give names up."""
        for inquiry in list(self._inquiries.values()):
            if inquiry.started_at is None:
                break
            if now >= inquiry.started_at + inquiry.timeout:
                self._give_up(inquiry.name)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """Questions that are due."""
        packets: list[Datagrams] = []
        for inquiry in self._inquiries.values():
            if inquiry.started_at is None:
                if now < self._next_start:
                    break
                self._next_start = now + QUERY_INTERVAL
                inquiry.started_at = now
            payloads: list[bytes] = []
            while inquiry.asked < len(QUERY_TIMES) and now >= inquiry.started_at + QUERY_TIMES[inquiry.asked]:
                # Only what was due last: after a blocked loop nobody needs the same question twice.
                payloads = _questions(inquiry.name, wants_unicast=self.prefers_unicast and not inquiry.asked)
                inquiry.asked += 1
            if payloads:
                self.questions_sent += len(payloads) * len(self.links)
                packets += [Datagrams(link, group_of(link), payloads) for link in self.links]
        return packets

    def poll_events(self) -> list[MdnsEvent]:
        """What became of the names, oldest first."""
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """The next question or the end of a name; minus infinity: at once."""
        deadlines: list[float] = []
        for inquiry in self._inquiries.values():
            if inquiry.started_at is None:
                # What waits behind this one begins later still.
                deadlines.append(self._next_start)
                break
            deadlines.append(inquiry.next_timeout(inquiry.started_at))
        return min(deadlines, default=None)

    def resolve(self, name: str, timeout: float) -> None:
        """Ask for a name; one of the events tells the outcome. A name that is being asked for gets the longer time."""
        name = name.lower()
        inquiry = self._inquiries.get(name)
        if inquiry is not None:
            inquiry.timeout = max(inquiry.timeout, timeout)
        elif not is_resolvable(name) or len(self._inquiries) >= MAX_NAMES:
            self.names_refused += 1
            self._events.append(NameUnresolved(name))
        else:
            self._inquiries[name] = _Inquiry(name, timeout)

    def cancel(self, name: str) -> None:
        """Nobody wants to know any more; no event follows."""
        self._inquiries.pop(name.lower(), None)

    def _take(self, message: DnsMessage) -> bool:
        """Whether one of our names was answered."""
        found: dict[str, dict[int, str]] = {}
        for record in (*message.answers, *message.additional):
            address = record.address
            # Section 10.1: with a TTL of 0 the name is given back. NSEC and all else is not for us.
            if record.name in self._inquiries and address is not None and record.ttl:
                found.setdefault(record.name, {}).setdefault(record.type, address)
        for name, by_type in found.items():
            del self._inquiries[name]
            self.names_resolved += 1
            self._events.append(NameResolved(name, tuple(by_type.values())))
        return bool(found)

    def _give_up(self, name: str) -> None:
        del self._inquiries[name]
        self.names_unresolved += 1
        self._events.append(NameUnresolved(name))


class MdnsResponder:
    """Core[Datagrams, MdnsEvent], without events: announces our names and answers for them.

    Names are not probed for (RFC 6762 section 8.1): the draft's section 3.1.1 lets them be taken as unique, being 122
    random bits, and three probes would hold the first candidate back by 750 ms.
    """

    def __init__(self) -> None:
        self.links: list[TransportAddress] = []
        self.answers_sent = 0
        self.answers_dropped = 0
        self.malformed_packets = 0
        self._names: dict[str, list[str]] = {}  # addresses; one that was published twice stands there twice
        self._announcements: dict[str, tuple[int, float | None]] = {}  # how many are left, and when the next is due
        self._outgoing: deque[Datagrams] = deque()
        self._multicast_at: dict[tuple[TransportAddress, str], float] = {}

    def receive(self, packet: Datagrams, now: float) -> None:
        """Answer queries for our names."""
        for payload in packet.payloads:
            if is_response(payload) or not self._names:
                continue
            try:
                message = DnsMessage.parse(payload)
            except MalformedPacketError:
                self.malformed_packets += 1
                continue
            if packet.remote.port == PORT:
                self._answer(message, packet, now)
            else:
                self._answer_legacy(message, packet)

    def handle_timeout(self, now: float) -> None:
        """Nothing happens but by sending."""

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """Answers, then announcements that are due."""
        packets = list(self._outgoing)
        self._outgoing.clear()
        for name, (left, due) in list(self._announcements.items()):
            if due is not None and now < due:
                continue
            if left > 1:
                self._announcements[name] = (left - 1, now + ANNOUNCEMENT_INTERVAL)
            else:
                del self._announcements[name]
            payload = _response(name, self._names[name])
            for link in self.links:
                if self._may_multicast(link, name, now):
                    self._multicast_at[link, name] = now
                    packets.append(Datagrams(link, group_of(link), [payload]))
        self.answers_sent += len(packets)
        return packets

    def poll_events(self) -> list[MdnsEvent]:
        """There are none."""
        return []

    def next_timeout(self) -> float | None:
        """The next announcement, or at once (minus infinity) while answers wait."""
        if self._outgoing:
            return float("-inf")
        dues = (due for _, due in self._announcements.values())
        return min((float("-inf") if due is None else due for due in dues), default=None)

    def publish(self, name: str, address: str) -> None:
        """Answer for a name with this address, and others it already has.

        Raises:
            ValueError: ``name`` is not a single label in ``.local``, or ``address`` no IP address.
        """
        if not is_resolvable(name):
            raise ValueError(f"{name!r} is not a single label in .local")
        address_record(name, address, TTL)
        name = name.lower()
        addresses = self._names.setdefault(name, [])
        if address not in addresses:
            self._announcements[name] = (ANNOUNCEMENTS, None)
            self._forget_multicasts(name)  # this is another record
        addresses.append(address)

    def withdraw(self, name: str, address: str) -> None:
        """Take one `publish` back; others are told when a name is gone (section 10.1)."""
        name = name.lower()
        addresses = self._names.get(name, [])
        if address not in addresses:
            return
        addresses.remove(address)
        if address in addresses:
            return
        goodbye = _response(name, [address], ttl=0)
        self._outgoing.extend(Datagrams(link, group_of(link), [goodbye]) for link in self.links)
        if not addresses:
            del self._names[name]
            self._announcements.pop(name, None)
            self._forget_multicasts(name)

    @property
    def names(self) -> list[str]:
        """What is answered for."""
        return list(self._names)

    def _answer(self, message: DnsMessage, packet: Datagrams, now: float) -> None:
        for name in dict.fromkeys(question.name for question in message.questions if self._is_ours(question)):
            addresses = self._names[name]
            if _is_known(message, name, addresses):
                continue
            # Deviation: section 5.4 would answer a question that prefers unicast by unicast. Programs share port 5353,
            # and of those only one gets a unicast packet, maybe not the one that asked. So an answer is multicast; who
            # asks within the second in which section 6 forbids that gets it by unicast, and by multicast afterwards.
            if self._may_multicast(packet.local, name, now):
                self._multicast_at[packet.local, name] = now
                destination = group_of(packet.local)
            else:
                destination = packet.remote
                due = self._multicast_at[packet.local, name] + MULTICAST_INTERVAL
                self._announcements.setdefault(name, (1, due))
            self._send(Datagrams(packet.local, destination, [_response(name, addresses)]))

    def _answer_legacy(self, message: DnsMessage, packet: Datagrams) -> None:
        """A simple resolver asks, and wants what a unicast server would give it (section 6.7)."""
        # Such resolvers ask one question; answers to many would make of us an amplifier.
        question = next(filter(self._is_ours, message.questions), None)
        if question is None:
            return
        records = _records(question.name, self._names[question.name], LEGACY_TTL)
        answers = tuple(
            record._replace(is_flush=False) for record in records if question.type in {record.type, RecordType.ANY}
        )
        response = DnsMessage(True, (question._replace(wants_unicast=False),), answers, id=message.id)
        self._send(Datagrams(packet.local, packet.remote, [response.serialize()]))

    def _is_ours(self, question: Question) -> bool:
        return question.name in self._names

    def _may_multicast(self, link: TransportAddress, name: str, now: float) -> bool:
        last = self._multicast_at.get((link, name))
        return last is None or now >= last + MULTICAST_INTERVAL

    def _forget_multicasts(self, name: str) -> None:
        for key in [key for key in self._multicast_at if key[1] == name]:
            del self._multicast_at[key]

    def _send(self, packet: Datagrams) -> None:
        if len(self._outgoing) < MAX_PENDING_ANSWERS:
            self._outgoing.append(packet)
        else:
            self.answers_dropped += 1


class Mdns:
    """Core[Datagrams, MdnsEvent]: the resolver and the responder of a host."""

    def __init__(self) -> None:
        self.resolver = MdnsResolver()
        self.responder = MdnsResponder()

    def receive(self, packet: Datagrams, now: float) -> None:
        """Each takes what is for it: responses the one, queries the other."""
        self.resolver.receive(packet, now)
        self.responder.receive(packet, now)

    def handle_timeout(self, now: float) -> None:
        """Give names up."""
        self.resolver.handle_timeout(now)
        self.responder.handle_timeout(now)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """Answers and questions."""
        return self.responder.packets_to_send(now) + self.resolver.packets_to_send(now)

    def poll_events(self) -> list[MdnsEvent]:
        """What became of the names that were asked for."""
        return self.resolver.poll_events()

    def next_timeout(self) -> float | None:
        """The earlier deadline of the two."""
        deadlines = (self.resolver.next_timeout(), self.responder.next_timeout())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def set_links(self, links: Sequence[TransportAddress]) -> None:
        """The local addresses of the ports there are now."""
        self.resolver.links = list(links)
        self.responder.links = list(links)

    def statistics(self) -> MdnsStatistics:
        """A snapshot of the counters."""
        resolver, responder = self.resolver, self.responder
        return MdnsStatistics(
            questions_sent=resolver.questions_sent,
            names_resolved=resolver.names_resolved,
            names_unresolved=resolver.names_unresolved,
            names_refused=resolver.names_refused,
            responses_ignored=resolver.responses_ignored,
            answers_sent=responder.answers_sent,
            answers_dropped=responder.answers_dropped,
            malformed_packets=resolver.malformed_packets + responder.malformed_packets,
        )


def group_of(link: TransportAddress) -> TransportAddress:
    """The multicast group of a link's address family."""
    return GROUP_IPV6 if ":" in link.host else GROUP_IPV4


def _questions(name: str, *, wants_unicast: bool) -> list[bytes]:
    """A message for each family: Chromium ignores messages with two questions.

    The draft's section 3.2.1 wants unicast answers, and RFC 6762 section 5.4 wants them for the first question of a
    series only, so that the later ones reach us where a unicast answer went to another program on the port.
    """
    return [
        DnsMessage(questions=(Question(name, kind, wants_unicast=wants_unicast),)).serialize()
        for kind in (RecordType.A, RecordType.AAAA)
    ]


def _records(name: str, addresses: Sequence[str], ttl: int) -> list[Record]:
    return [address_record(name, address, ttl) for address in dict.fromkeys(addresses)]


def _response(name: str, addresses: Sequence[str], ttl: int = TTL) -> bytes:
    """All addresses of a name and, so that nobody waits for those of the other family, that there are no others."""
    answers = _records(name, addresses, ttl)
    additional = (nsec_record(name, {record.type for record in answers}, ttl),) if ttl else ()
    return DnsMessage(True, answers=tuple(answers), additional=additional).serialize()


def _is_known(query: DnsMessage, name: str, addresses: Sequence[str]) -> bool:
    """Whether the asker has all that we would say, for long enough (section 7.1)."""
    known = {record.address for record in query.answers if record.name == name and record.ttl >= TTL / 2}
    return known.issuperset(addresses)
