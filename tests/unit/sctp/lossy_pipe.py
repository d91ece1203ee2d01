"""Two associations over a seeded link in virtual time: loss, delay, reordering, duplication."""

import heapq
import random
from collections.abc import Callable, Iterable

from rtcpeer.sctp import Association, SctpSettings
from rtcpeer.sctp.events import MessageReceived, SctpEvent


class LossyPipe:
    def __init__(
        self,
        seed: int = 0,
        *,
        loss: float = 0.0,
        reorder: float = 0.0,
        duplicate: float = 0.0,
        delay: float = 0.02,
        settings: SctpSettings | None = None,
        right_settings: SctpSettings | None = None,
    ) -> None:
        self.random = random.Random(seed)
        settings = settings or SctpSettings()
        self.ends = [
            Association(settings, self.random.randbytes),
            Association(right_settings or settings, self.random.randbytes),
        ]
        self.left, self.right = self.ends
        self.loss, self.reorder, self.duplicate, self.delay = loss, reorder, duplicate, delay
        self.now = 100.0
        self.events: list[list[SctpEvent]] = [[], []]
        self.polls = [True, True]
        self.filter: Callable[[int, bytes], bool] | None = None  # (from, packet) -> deliver?
        self.packets: list[list[bytes]] = [[], []]  # what each end sent, if recorded
        self.is_recording = False
        self._flying: list[tuple[float, int, int, bytes]] = []
        self._count = 0

    def connect(self) -> "LossyPipe":
        self.left.connect()
        self.right.connect()
        return self

    def flush(self) -> bool:
        is_busy = False
        for index, end in enumerate(self.ends):
            if self.polls[index]:
                self.events[index] += end.poll_events()
            while packets := end.packets_to_send(self.now):
                is_busy = True
                for packet in packets:
                    self._launch(index, packet)
            if self.polls[index]:
                self.events[index] += end.poll_events()
        return is_busy

    def _launch(self, index: int, packet: bytes) -> None:
        if self.is_recording:
            self.packets[index].append(packet)
        if self.filter is not None and not self.filter(index, packet):
            return
        if self.random.random() < self.loss:
            return
        for _ in range(2 if self.random.random() < self.duplicate else 1):
            extra = self.random.random() * 2 * self.delay if self.random.random() < self.reorder else 0.0
            self._count += 1
            heapq.heappush(self._flying, (self.now + self.delay + extra, self._count, 1 - index, packet))

    def step(self) -> bool:
        """Deliver what is due next or let a timer run out; False when nothing will ever happen again."""
        self.flush()
        times = [end.next_timeout() for end in self.ends]
        due = [t for t in times if t is not None]
        if self._flying:
            due.append(self._flying[0][0])
        if not due:
            return False
        self.now = max(self.now, min(due))
        while self._flying and self._flying[0][0] <= self.now:
            _, _, index, packet = heapq.heappop(self._flying)
            self.ends[index].receive(packet, self.now)
        for end in self.ends:
            end.handle_timeout(self.now)
        self.flush()
        return True

    def run(self, until: Callable[[], bool] | None = None, *, duration: float = 600.0) -> bool:
        """Run until the condition holds (True) or the virtual time is over (False)."""
        deadline = self.now + duration
        while self.now < deadline:
            if until is not None and until():
                return True
            if not self.step():
                break
        return until is not None and until()

    def established(self) -> "LossyPipe":
        self.connect()
        assert self.run(lambda: all(end.state.value == "established" for end in self.ends))
        return self

    def messages(self, index: int) -> list[MessageReceived]:
        return [event for event in self.events[index] if isinstance(event, MessageReceived)]

    def of_type(self, index: int, kind: type | Iterable[type]) -> list[SctpEvent]:
        kinds = kind if isinstance(kind, type) else tuple(kind)
        return [event for event in self.events[index] if isinstance(event, kinds)]
