"""Epoch 1: records protected with AES-GCM (RFC 5288, RFC 6347 section 4.1), without OpenSSL.

Everything that we send in epoch 1 is sealed here and numbered by one counter: application data, alerts, our Finished,
which is taken out of OpenSSL's record and sealed anew each time it is sent. OpenSSL's own epoch-1 records never reach
the wire. So the nonce, which is epoch and sequence number (RFC 5288 section 3 lets the sender choose), can not be used
twice under one key whatever OpenSSL chooses for its own, and a retransmission passes the peer's replay window.
"""

from struct import Struct
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rtcpeer.dtls.keys import RecordKeys
from rtcpeer.dtls.records import DTLS_1_2, EPOCH_1, HEADER_LENGTH, ContentType, Record
from rtcpeer.errors import OperationError

__all__ = ["AeadProtection", "ApplicationRecords", "ReplayWindow", "MAX_PLAINTEXT"]

# type(1) version(2) epoch and sequence_number(8) length(2) nonce_explicit(8)
PREFIX: Final = Struct(">BHQHQ")
# RFC 5246 section 6.2.3.3: seq_num(8), which is epoch and sequence_number, type(1) version(2) length(2)
ADDITIONAL_DATA: Final = Struct(">QBHH")
NONCE_LENGTH: Final = 8
TAG_LENGTH: Final = 16
OVERHEAD: Final = NONCE_LENGTH + TAG_LENGTH
CIPHERTEXT_OFFSET: Final = HEADER_LENGTH + NONCE_LENGTH

MAX_PLAINTEXT: Final = 1 << 14
APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
LAST_NUMBERS: Final = (EPOCH_1 << 1) - 1


class ApplicationRecords(Protocol):
    """What the endpoint needs of an established connection, whoever makes its records."""

    replayed: int
    unauthenticated: int

    def seal(self, data: bytes) -> bytes:
        """One application-data record."""

    def seal_many(self, payloads: list[bytes]) -> list[bytes]:
        """A record each, in order."""

    def open(self, datagram: bytes) -> bytes | None:
        """The data of a datagram that is one application-data record.

        None when the datagram is something else; empty when it was a record that had to be dropped, which is counted.
        """


class ReplayWindow:
    """Which records of an epoch were seen (RFC 6347 section 4.1.2.6); numbers include the epoch.

    In order, which is nearly always, only the next expected number moves; what was skipped is remembered as a set, so
    no bitmap is shifted for every packet.
    """

    __slots__ = ("_missing", "_size", "next")

    def __init__(self, size: int, first: int = EPOCH_1) -> None:
        self.next = first  # above all that was seen
        self._size = size
        self._missing: set[int] = set()

    def is_new(self, numbers: int) -> bool:
        """Whether it was not seen, as far as the window reaches; `note` it only once it is authentic."""
        return numbers >= self.next or (numbers in self._missing and numbers >= self.next - self._size)

    def note(self, numbers: int) -> None:
        """An authentic record with this number was accepted."""
        if numbers < self.next:
            self._missing.discard(numbers)
            return
        oldest = numbers + 1 - self._size
        if numbers > self.next:
            self._missing.update(range(max(self.next, oldest), numbers))
            if len(self._missing) > self._size:
                self._missing = {missing for missing in self._missing if missing >= oldest}
        self.next = numbers + 1


class AeadProtection:
    """Both directions of epoch 1 under an AES-GCM suite."""

    __slots__ = ("_decrypt", "_encrypt", "_own", "_read_salt", "_window", "_write_salt", "next_numbers", "replayed",
                 "unauthenticated")  # fmt: skip

    def __init__(self, write: RecordKeys, read: RecordKeys, replay_window: int) -> None:
        self._own = AESGCM(write.key)
        self._encrypt = self._own.encrypt
        self._write_salt = write.salt
        self._decrypt = AESGCM(read.key).decrypt
        self._read_salt = read.salt
        self._window = ReplayWindow(replay_window)
        self.next_numbers = EPOCH_1  # of the next record out: epoch << 48 | sequence_number
        self.replayed = 0
        self.unauthenticated = 0

    def seal(self, data: bytes) -> bytes:
        """One application-data record; `ValueError` above 16384 bytes."""
        return self.seal_many([data])[0]

    def seal_many(self, payloads: list[bytes]) -> list[bytes]:
        """A record each, in order (hot path: no call for each)."""
        records = []
        encrypt, salt = self._encrypt, self._write_salt
        for data in payloads:
            numbers = self.next_numbers
            length = len(data)
            if length > MAX_PLAINTEXT or numbers > LAST_NUMBERS:
                self._refuse(length)
            self.next_numbers = numbers + 1
            prefix = PREFIX.pack(APPLICATION_DATA, DTLS_1_2, numbers, length + OVERHEAD, numbers)
            additional = ADDITIONAL_DATA.pack(numbers, APPLICATION_DATA, DTLS_1_2, length)
            records.append(prefix + encrypt(salt + prefix[HEADER_LENGTH:], data, additional))
        return records

    def seal_record(self, content_type: int, body: bytes) -> bytes:
        """A record of any type: our Finished, an alert."""
        numbers = self.next_numbers
        self.next_numbers = numbers + 1
        nonce = self._write_salt + numbers.to_bytes(8, "big")
        prefix = PREFIX.pack(content_type, DTLS_1_2, numbers, len(body) + OVERHEAD, numbers)
        return prefix + self._encrypt(nonce, body, ADDITIONAL_DATA.pack(numbers, content_type, DTLS_1_2, len(body)))

    def open(self, datagram: bytes) -> bytes | None:
        """See `ApplicationRecords.open` (hot path)."""
        if len(datagram) < HEADER_LENGTH + OVERHEAD:
            return None
        content_type, version, numbers, length, _ = PREFIX.unpack_from(datagram)
        if (
            content_type != APPLICATION_DATA
            or numbers < EPOCH_1
            or version != DTLS_1_2
            or length != len(datagram) - HEADER_LENGTH
        ):
            return None
        window = self._window
        expected = window.next
        if numbers != expected and not window.is_new(numbers):
            self.replayed += 1
            return b""
        try:
            data = self._decrypt(
                self._read_salt + datagram[HEADER_LENGTH:CIPHERTEXT_OFFSET],
                datagram[CIPHERTEXT_OFFSET:],
                ADDITIONAL_DATA.pack(numbers, APPLICATION_DATA, DTLS_1_2, length - OVERHEAD),
            )
        except InvalidTag:
            self.unauthenticated += 1
            return b""
        if numbers == expected:
            window.next = expected + 1
        else:
            window.note(numbers)
        return data

    def open_record(self, record: Record) -> bytes | None:
        """The plaintext of a record of any type; None when it is dropped, which is counted."""
        raw = record.raw
        if len(raw) < HEADER_LENGTH + OVERHEAD or record.epoch != 1:
            self.unauthenticated += 1
            return None
        if not self._window.is_new(record.numbers):
            self.replayed += 1
            return None
        plain = self._decrypted(self._decrypt, self._read_salt, record)
        if plain is None:
            self.unauthenticated += 1
            return None
        self._window.note(record.numbers)
        return plain

    def open_own(self, record: Record) -> bytes | None:
        """The plaintext of a record that OpenSSL made for the peer, so that it can be sealed under our numbers."""
        return self._decrypted(self._own.decrypt, self._write_salt, record)

    def _decrypted(self, decrypt: "Decrypt", salt: bytes, record: Record) -> bytes | None:
        raw = record.raw
        length = len(raw) - HEADER_LENGTH - OVERHEAD
        additional = ADDITIONAL_DATA.pack(record.numbers, record.content_type, DTLS_1_2, length)
        try:
            return decrypt(salt + raw[HEADER_LENGTH:CIPHERTEXT_OFFSET], raw[CIPHERTEXT_OFFSET:], additional)
        except InvalidTag:
            return None

    def _refuse(self, length: int) -> None:
        if length > MAX_PLAINTEXT:
            raise ValueError(f"a record carries at most {MAX_PLAINTEXT} bytes, not {length}")
        # RFC 6347 section 4.1: sequence numbers must not wrap, and we do not rekey; 2^48 records last for years.
        raise OperationError("the connection has used all its record numbers; make a new one")


class Decrypt(Protocol):
    """`AESGCM.decrypt`."""

    def __call__(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Raise `InvalidTag` when the data is not authentic."""
