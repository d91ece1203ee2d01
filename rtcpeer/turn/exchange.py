"""Requests on their way to one server: retransmission, authentication, verification (RFC 8489 sections 6 and 9.2)."""

from typing import NamedTuple

from rtcpeer.core import Entropy
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import AttributeType, ErrorCode, MessageClass, StunMessage, Transaction
from rtcpeer.turn.credentials import Authenticator, Challenge, Signature
from rtcpeer.turn.events import NO_ANSWER
from rtcpeer.turn.settings import TurnSettings
from rtcpeer.turn.tasks import Task, build_request

__all__ = ["Exchange", "Outcome"]

_CHALLENGES = frozenset({ErrorCode.UNAUTHENTICATED, ErrorCode.STALE_NONCE})
_MAX_TEXT = 255
_KNOWN = frozenset(number for number in AttributeType if number < 0x8000)


class Outcome(NamedTuple):
    """How a task ended: with a success response, or with a code and text."""

    task: Task
    response: StunMessage | None
    code: int = 0
    text: str = ""


class _Request:
    __slots__ = ("challenges", "signature", "task", "transaction", "unverified_error")

    def __init__(self, task: Task) -> None:
        self.task = task
        self.challenges = 0
        self.transaction: Transaction | None = None  # none before it is built
        self.signature: Signature | None = None
        self.unverified_error: tuple[int, str] | None = None


class Exchange:
    """Asks one server. Requests are built when pulled, so that they carry the newest nonce."""

    def __init__(
        self, settings: TurnSettings, authenticator: Authenticator, entropy: Entropy, *, is_reliable: bool
    ) -> None:
        self.authenticator = authenticator
        self.requests_sent = 0  # retransmissions included
        self.responses_received = 0
        self.unsolicited_responses = 0
        self.unverified_responses = 0
        self.challenges_received = 0
        self._settings = settings
        self._entropy = entropy
        self._is_reliable = is_reliable
        self._unbuilt: list[_Request] = []
        self._sent: dict[bytes, _Request] = {}  # by transaction id

    def ask(self, task: Task) -> None:
        """Send a request for the task with the next pull."""
        self._unbuilt.append(_Request(task))

    def clear(self) -> None:
        """Forget what was asked; late answers are unsolicited."""
        self._unbuilt.clear()
        self._sent.clear()

    @property
    def has_signed(self) -> bool:
        """Whether a request with credentials is on its way: the server may have acted on it."""
        return any(request.signature is not None for request in self._sent.values())

    def packets_to_send(self, now: float) -> list[bytes]:
        """New requests, and those that are due again."""
        for request in self._unbuilt:
            self._build(request)
        self._unbuilt.clear()
        packets: list[bytes] = []
        for request in self._sent.values():
            assert request.transaction is not None
            packet = request.transaction.poll(now)
            if packet is not None:
                packets.append(packet)
        self.requests_sent += len(packets)
        return packets

    def next_timeout(self) -> float | None:
        """When a request is to be repeated or given up."""
        if not self._sent:
            return None
        return min(request.transaction.next_timeout() for request in self._sent.values() if request.transaction)

    def expire(self, now: float) -> list[Outcome]:
        """The tasks that remained without an answer."""
        outcomes: list[Outcome] = []
        for transaction_id, request in list(self._sent.items()):
            if request.transaction is not None and request.transaction.is_expired(now):
                del self._sent[transaction_id]
                outcomes.append(_unanswered(request))
        return outcomes

    def take(self, response: StunMessage) -> Outcome | None:
        """What a response means; None where it means nothing, or that the request goes out once more."""
        request = self._sent.get(response.transaction_id)
        if request is None:
            self.unsolicited_responses += 1
            return None
        if response.message_class is MessageClass.ERROR:
            return self._take_error(request, response)
        if request.signature is not None and not request.signature.verifies(response):
            return self._discard_unverified(request, None)
        return self._conclude(request, response, None)

    def _take_error(self, request: _Request, response: StunMessage) -> Outcome | None:
        if response.error is None:
            raise MalformedPacketError("an error response without ERROR-CODE")
        code, text = response.error
        # Some servers count the padding into the text, and text is for people anyway.
        error = (code, text.rstrip("\x00 ")[:_MAX_TEXT])
        # These two can not be signed (RFC 8489 section 9.2.4), whoever sent them.
        if error[0] in _CHALLENGES:
            return self._take_challenge(request, response, error)
        if code == ErrorCode.WRONG_CREDENTIALS and self._may_fall_back(request):
            self._repeat(request, response)
            return None
        if request.signature is not None and not request.signature.verifies(response):
            return self._discard_unverified(request, error)
        return self._conclude(request, response, error)

    def _may_fall_back(self, request: _Request) -> bool:
        """Whether the request was signed with newer credentials than the allocation was made with."""
        # Deviation: RFC 8489 section 9.2.5 discards an unsigned 441, but coturn signs none. All that whoever sends it
        # can bring about is that we return to the first credentials.
        signature, authenticator = request.signature, self.authenticator
        if signature is None or request.challenges >= self._settings.max_challenges:
            return False
        return signature.credentials != authenticator.credentials or authenticator.fall_back()

    def _take_challenge(self, request: _Request, response: StunMessage, error: tuple[int, str]) -> Outcome | None:
        """Ask again with what the server wants, unless that has been tried (RFC 8489 section 9.2.5)."""
        self.challenges_received += 1
        authenticator, signature = self.authenticator, request.signature
        if authenticator.credentials is None or request.challenges >= self._settings.max_challenges:
            return self._conclude(request, response, error)
        known = signature.challenge.realm if signature is not None else None
        try:
            challenge = Challenge.parse(response, known)
        except MalformedPacketError as problem:
            return self._conclude(request, response, (error[0], f"{error[1]} ({problem})"))
        is_refusal = (
            error[0] == ErrorCode.UNAUTHENTICATED
            and signature is not None
            and signature.credentials == authenticator.credentials
            and signature.challenge.realm == challenge.realm
        )
        if is_refusal:
            return self._conclude(request, response, error)
        authenticator.challenge = challenge
        self._repeat(request, response)
        return None

    def _repeat(self, request: _Request, response: StunMessage) -> None:
        """Build it anew, since it is to be signed otherwise."""
        self.responses_received += 1
        del self._sent[response.transaction_id]
        request.challenges += 1
        self._unbuilt.append(request)

    def _discard_unverified(self, request: _Request, error: tuple[int, str] | None) -> Outcome | None:
        """RFC 8489 section 9.2.5: as if it had never come, or over a stream the end of the transaction."""
        self.unverified_responses += 1
        if error is not None and request.unverified_error is None:
            request.unverified_error = error
        if not self._is_reliable:
            return None
        assert request.transaction is not None
        del self._sent[request.transaction.transaction_id]
        return _unanswered(request, "the server's answer has no valid MESSAGE-INTEGRITY")

    def _conclude(self, request: _Request, response: StunMessage, error: tuple[int, str] | None) -> Outcome:
        del self._sent[response.transaction_id]
        self.responses_received += 1
        if error is not None:
            return Outcome(request.task, response, error[0], error[1])
        unknown = response.unknown_required(_KNOWN)
        if unknown:
            names = ", ".join(f"{number:#06x}" for number in unknown)
            return Outcome(
                request.task, None, NO_ANSWER, f"the server's answer needs attributes we do not know: {names}"
            )
        return Outcome(request.task, response)

    def _build(self, request: _Request) -> None:
        settings = self._settings
        message = build_request(request.task, self._entropy)
        if settings.software is not None:
            message.add_text(AttributeType.SOFTWARE, settings.software)
        packet, request.signature = self.authenticator.serialize(message, fingerprint=settings.fingerprint)
        if self._is_reliable:
            transaction = Transaction(packet, rto=settings.reliable_timeout, max_requests=1, last_wait_factor=1)
        else:
            transaction = Transaction(
                packet, rto=settings.rto, max_requests=settings.max_requests, last_wait_factor=settings.last_wait_factor
            )
        request.transaction = transaction
        self._sent[transaction.transaction_id] = request


def _unanswered(request: _Request, text: str = "the server did not answer") -> Outcome:
    if request.unverified_error is None:
        return Outcome(request.task, None, NO_ANSWER, text)
    # Nobody vouches for it, but it is the best that people can be told.
    code, reason = request.unverified_error
    return Outcome(request.task, None, NO_ANSWER, f"{text}; without a signature somebody said {code} {reason}".rstrip())
