"""What was sent, until feedback says what became of it (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""

from collections.abc import Iterable
from typing import NamedTuple

from rtcpeer.rtp.timestamps import Unwrapper

__all__ = ["PacketResult", "SentPackets"]

# A feedback message covers up to 65,535 packets, but what is older than this no controller can use.
MAX_PACKETS = 8192
MAX_AGE = 10.0
CARE_INTERVAL = 64  # packets between two looks at what is too old
# A named tuple without the Python function that its constructor is.
make_tuple = tuple.__new__
# Times that the wire format can say fit easily (2^24 times 64 ms); what does not is no time.
MAX_ARRIVAL_TIME = 1e10


class PacketResult(NamedTuple):
    """One packet that we sent, with what the peer says of it."""

    sequence_number: int  # unwrapped
    sent_at: float  # on our clock
    arrived_at: float | None  # on the peer's clock; None: lost
    size: int  # bytes
    probe_id: int | None = None  # of the `ProbeRequested` it was sent for


class _Sent(NamedTuple):
    sent_at: float
    size: int
    probe_id: int | None


class SentPackets:
    """Numbers what is sent, and turns the peer's feedback into results: each packet arrives once and is lost once.

    So nobody can make us believe in packets that we never sent, and memory is bounded by what we send.
    """

    def __init__(self) -> None:
        self.unknown = 0  # packets in feedback that nobody waits for, or with a time that is none
        self._next = 0
        self._unwrapper = Unwrapper()
        self._packets: dict[int, _Sent] = {}  # in the order of sending
        self._lost: set[int] = set()

    def __len__(self) -> int:
        return len(self._packets)

    def add(self, size: int, now: float, probe_id: int | None = None) -> int:
        """A packet leaves now; returns the transport-wide sequence number to write into it (16 bits)."""
        number = self._next
        self._next += 1
        packets = self._packets
        packets[number] = make_tuple(_Sent, (now, size, probe_id))
        self._unwrapper.newest = number
        if len(packets) > MAX_PACKETS or not number % CARE_INTERVAL:
            while len(packets) > MAX_PACKETS or self._oldest_sent_at < now - MAX_AGE:
                self._forget(next(iter(packets)))
        return number & 0xFFFF

    def resolve(self, feedback: Iterable[tuple[int, float | None]]) -> list[PacketResult]:
        """Results for (sequence number of 16 bits, time of arrival on the peer's clock or None), as they were sent."""
        results = []
        for wrapped, arrived_at in feedback:
            number = self._unwrapper.peek(wrapped)
            sent = self._packets.get(number)
            is_time = arrived_at is None or -MAX_ARRIVAL_TIME < arrived_at < MAX_ARRIVAL_TIME
            if sent is None or not is_time or (arrived_at is None and number in self._lost):
                self.unknown += 1
                continue
            sent_at, size, probe_id = sent
            results.append(make_tuple(PacketResult, (number, sent_at, arrived_at, size, probe_id)))
            if arrived_at is None:
                # It may have been overtaken only, and arrive in the next feedback.
                self._lost.add(number)
            else:
                self._forget(number)
        results.sort(key=lambda packet: packet.sequence_number)
        return results

    @property
    def _oldest_sent_at(self) -> float:
        return next(iter(self._packets.values())).sent_at

    def _forget(self, number: int) -> None:
        del self._packets[number]
        self._lost.discard(number)
