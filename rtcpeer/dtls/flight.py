"""Flights: what one side sends at one go, and sends again until it is answered (RFC 6347 section 4.2.4)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from rtcpeer.core import Entropy
from rtcpeer.dtls.protection import AeadProtection
from rtcpeer.dtls.records import DTLS_1_2, HEADER, ContentType, MessageType, first_message
from rtcpeer.dtls.settings import DtlsSettings

__all__ = ["Flight", "FlightRecord", "RetransmissionTimer", "Sender", "pack_datagrams"]

# What a person calls the flight that begins with this message.
NAMES: Final = {
    MessageType.CLIENT_HELLO: "ClientHello",
    MessageType.SERVER_HELLO: "ServerHello, certificate and key exchange",
    MessageType.CERTIFICATE: "certificate, key exchange and Finished",
}


class FlightRecord(NamedTuple):
    """A record without its number, which it gets when it is sent."""

    content_type: int
    body: bytes  # plaintext
    is_protected: bool  # epoch 1
    verbatim: bytes = b""  # the record as OpenSSL made it, where we do not have its keys

    @property
    def message_sequence(self) -> int:
        """The message_seq of its handshake message; -1 when there is none to be seen."""
        message = first_message(self.body) if self.content_type == ContentType.HANDSHAKE else None
        return -1 if message is None else message.sequence


class Flight:
    """The records of one flight, in order."""

    __slots__ = ("records", "sent_at", "transmissions")

    def __init__(self, records: list[FlightRecord]) -> None:
        self.records = records
        self.sent_at: float | None = None
        self.transmissions = 0

    @property
    def name(self) -> str:
        """What a person calls it."""
        message = first_message(self.records[0].body)
        message_type = None if message is None else message.message_type
        return next((name for kind, name in NAMES.items() if kind == message_type), "Finished")


class Sender:
    """Numbers and protects what leaves during the handshake.

    Epoch 0 has neither MAC nor encryption, so its records can be numbered anew each time they are sent; the peer's
    replay window would drop a verbatim copy (RFC 6347 section 4.2.4: a retransmission gets a new sequence number).
    """

    def __init__(self) -> None:
        self.protection: AeadProtection | None = None
        self.has_sent_protected = False
        self._next = 0

    def record(self, content_type: int, body: bytes, *, is_protected: bool) -> bytes:
        """One record, ready to be sent."""
        if is_protected:
            assert self.protection is not None, "epoch 1 has keys"
            self.has_sent_protected = True
            return self.protection.seal_record(content_type, body)
        number = self._next
        self._next = number + 1
        return HEADER.pack(content_type, DTLS_1_2, number, len(body)) + body

    def flight(self, flight: Flight) -> list[bytes]:
        """The records of one (re)transmission."""
        records = []
        for record in flight.records:
            if record.verbatim:
                self.has_sent_protected = True
                records.append(record.verbatim)
            else:
                records.append(self.record(record.content_type, record.body, is_protected=record.is_protected))
        return records


class RetransmissionTimer:
    """Doubles from `DtlsSettings.retransmit_initial` (RFC 6347 section 4.2.4.1)."""

    def __init__(self, settings: DtlsSettings, entropy: Entropy) -> None:
        self._settings = settings
        # Up to 5 % more, once per connection: two sides that lost a packet each must not collide for ever.
        self._stretch = 1 + entropy(1)[0] / 255 / 20
        self._interval = settings.retransmit_initial
        self.deadline: float | None = None

    def restart(self) -> None:
        """A new flight begins: patience starts over."""
        self._interval = self._settings.retransmit_initial
        self.deadline = None

    def sent(self, now: float) -> None:
        """The flight left; it is due again after the current interval, and then after twice that."""
        self.deadline = now + self._interval * self._stretch
        self._interval = min(self._interval * 2, self._settings.retransmit_max)

    def stop(self) -> None:
        """Nothing is waited for."""
        self.deadline = None


def pack_datagrams(records: Iterable[bytes], mtu: int) -> list[bytes]:
    """Put as many records into each datagram as fit, in order (RFC 6347 section 4.1.1)."""
    datagrams: list[bytes] = []
    current: list[bytes] = []
    size = 0
    for record in records:
        if current and size + len(record) > mtu:
            datagrams.append(b"".join(current))
            current, size = [], 0
        current.append(record)
        size += len(record)
    if current:
        datagrams.append(b"".join(current))
    return datagrams
