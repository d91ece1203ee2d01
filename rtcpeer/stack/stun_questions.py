"""Binding requests to STUN servers (RFC 8489), paced as RFC 8445 section 14.1 wants it: where do you see us?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.server_log import UNREACHABLE
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import MessageClass, Method, StunMessage
from rtcpeer.stun.transaction import Transaction

__all__ = ["StunQuestion", "StunQuestions"]

# Servers that still serve RFC 3489 add SOURCE-ADDRESS and CHANGED-ADDRESS, which RFC 8489 section 18.3.1 only reserves.
_KNOWN_IN_ANSWERS = (AttributeType.MAPPED_ADDRESS, AttributeType.XOR_MAPPED_ADDRESS, 0x0004, 0x0005)


@dataclass(slots=True, eq=False)
class StunQuestion:
    """A Binding request from one base to one server."""

    base: TransportAddress
    preference: int
    server: ServerUrl
    address: TransportAddress
    transaction: Transaction
    asked_at: float | None = None


class StunQuestions:
    """Those without an answer; each ends in one call of ``succeed`` (with our address) or ``fail`` (code and text)."""

    def __init__(
        self,
        settings: IceSettings,
        entropy: Entropy,
        succeed: Callable[[StunQuestion, TransportAddress], None],
        fail: Callable[[StunQuestion, int, str], None],
    ) -> None:
        self.dropped_responses = 0
        self._settings = settings
        self._entropy = entropy
        self._succeed = succeed
        self._fail = fail
        self._open: dict[bytes, StunQuestion] = {}  # by transaction id
        self._next_at = 0.0

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, base: TransportAddress, preference: int, server: ServerUrl, address: TransportAddress) -> None:
        """Ask when its turn comes."""
        request = StunMessage.request(Method.BINDING, self._entropy).serialize(fingerprint=True)
        transaction = Transaction(request, rto=self._settings.rto, max_requests=self._settings.max_requests)
        self._open[transaction.transaction_id] = StunQuestion(base, preference, server, address, transaction)

    def is_awaiting(self, payload: bytes) -> bool:
        """Whether a STUN message has the transaction id of a question."""
        return payload[8:20] in self._open

    def receive(self, packet: Datagrams) -> None:
        """Take responses; one that nobody waits for, or from elsewhere than was asked, is counted and dropped."""
        for payload in packet.payloads:
            try:
                self._take(StunMessage.parse(payload), packet.local, packet.remote)
            except MalformedPacketError:
                self.dropped_responses += 1

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """New questions, each a moment after the last, and repeated ones."""
        packets: list[Datagrams] = []
        for question in self._open.values():
            if question.asked_at is None:
                if now < self._next_at:
                    continue
                question.asked_at = now
                self._next_at = now + self._settings.gathering_interval
            request = question.transaction.poll(now)
            if request is not None:
                packets.append(Datagrams(question.base, question.address, [request]))
        return packets

    def deadlines(self) -> Iterator[float]:
        """When to ask, to ask again, and to give up."""
        for question in self._open.values():
            if question.asked_at is None:
                yield self._next_at
            else:
                yield question.transaction.next_timeout()
                yield question.asked_at + self._settings.stun_timeout

    def expire(self, now: float) -> None:
        """Give up on what was asked too long ago."""
        for question in list(self._open.values()):
            # Computed as in `deadlines`: a difference may be rounded to less, and the timer would spin.
            if question.asked_at is not None and now >= question.asked_at + self._settings.stun_timeout:
                self._end(question, f"did not answer at {question.address}")

    def give_up(self) -> None:
        """Gathering is over."""
        for question in list(self._open.values()):
            self._end(question, "did not answer before gathering ended")

    def note_unroutable(self, local: TransportAddress, remote: TransportAddress, detail: str) -> list[ServerUrl]:
        """Our own host can not send there: the servers whose questions have failed for that."""
        failed = [each for each in self._open.values() if (each.base, each.address) == (local, remote)]
        for question in failed:
            self._end(question, f"can not be reached at {remote}: {detail}")
        return [question.server for question in failed]

    def clear(self) -> None:
        """Forget all, without a word."""
        self._open.clear()

    def _take(self, response: StunMessage, local: TransportAddress, remote: TransportAddress) -> None:
        question = self._open.get(response.transaction_id)
        if question is None or question.address != remote or question.base != local:
            self.dropped_responses += 1
        elif response.message_class is MessageClass.ERROR:
            code, text = response.error or (UNREACHABLE, "")
            del self._open[response.transaction_id]
            self._fail(question, code, text or f"{question.server.host} refused with error {code}")
        elif response.message_class is MessageClass.SUCCESS:
            mapped = response.mapped_address
            if mapped is None or response.unknown_required(_KNOWN_IN_ANSWERS):
                self._end(question, "answered without our address")
            else:
                del self._open[response.transaction_id]
                self._succeed(question, mapped)

    def _end(self, question: StunQuestion, what_it_did: str) -> None:
        del self._open[question.transaction.transaction_id]
        self._fail(question, UNREACHABLE, f"{question.server.host} {what_it_did}")
