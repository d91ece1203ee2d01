"""When packets came, for the sender's bandwidth estimate (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""

from dataclasses import replace
from typing import Final

from rtcpeer.rtp.rtcp.transport_wide import Arrival, TransportWideFeedback
from rtcpeer.rtp.timestamps import Unwrapper

__all__ = ["ArrivalLog"]

TICKS: Final = 4000  # of 250 µs, a second
# What one packet reports: its size stays below 1,200 bytes, whatever its symbols are.
MAX_REPORTED: Final = 400
MAX_SPAN: Final = 32000  # ticks: what one packet can say is 8 s
MAX_GAP: Final = 2000  # packets; who jumps by more has started again, and none of them were lost
MAX_KEPT: Final = 20_000


class ArrivalLog:
    """Note each packet by its transport-wide number; pull feedback every so often."""

    def __init__(self) -> None:
        self._unwrapper = Unwrapper()
        self._arrived: dict[int, int] = {}
        self._next: int | None = None  # the first number that no feedback has covered
        self._feedback_count = 0

    def __len__(self) -> int:
        return len(self._arrived)

    def add(self, sequence_number: int, now: float) -> None:
        """A packet came (hot path)."""
        if len(self._arrived) < MAX_KEPT:
            self._arrived.setdefault(self._unwrapper.unwrap(sequence_number), int(now * TICKS))

    def feedback(self, sender_ssrc: int, media_ssrc: int) -> list[TransportWideFeedback]:
        """Feedback on all that came since the last call; what is missing among it counts as lost."""
        numbers = sorted(self._arrived)
        packets = []
        start = 0
        while start < len(numbers):
            end = self._end_of_packet(numbers, start)
            arrivals = [Arrival(number & 0xFFFF, self._arrived[number]) for number in numbers[start:end]]
            packets.append(self._packet(sender_ssrc, media_ssrc, arrivals, numbers[start]))
            self._next = max(self._next or 0, numbers[end - 1] + 1)
            start = end
        self._arrived.clear()
        return packets

    def _end_of_packet(self, numbers: list[int], start: int) -> int:
        first = numbers[start]
        earliest = latest = self._arrived[first]
        for index in range(start + 1, len(numbers)):
            number = numbers[index]
            time = self._arrived[number]
            earliest, latest = min(earliest, time), max(latest, time)
            if number - first >= MAX_REPORTED or latest - earliest > MAX_SPAN:
                return index
        return len(numbers)

    def _packet(self, sender_ssrc: int, media_ssrc: int, arrivals: list[Arrival], first: int) -> TransportWideFeedback:
        packet = TransportWideFeedback.of(sender_ssrc, media_ssrc, self._feedback_count, arrivals)
        self._feedback_count += 1
        if self._next is None or not 0 < first - self._next <= MAX_GAP:
            return packet
        # What was lost before the first that came is reported with it.
        lost = first - self._next
        return replace(
            packet,
            base_sequence_number=(packet.base_sequence_number - lost) & 0xFFFF,
            status_count=packet.status_count + lost,
        )
