"""Messages that have not been sent yet, and whose turn it is."""

from collections import deque
from collections.abc import Iterable

__all__ = ["LimitedMessage", "Message", "OutgoingStream", "SendQueue"]


class OutgoingStream:
    """One outgoing stream: its messages, its sequence number, its share of what is buffered."""

    __slots__ = ("buffered", "held_back", "is_paused", "low_threshold", "messages", "next_ssn", "stream_id")

    def __init__(self, stream_id: int) -> None:
        self.stream_id = stream_id
        self.next_ssn = 0
        self.buffered = 0  # bytes not sent for the first time
        self.low_threshold = 0  # -1: nobody wants to know
        self.messages: deque[Message] = deque()
        self.is_paused = False  # from the wish to reset it until the peer has answered
        self.held_back: list[Message] = []  # came after that wish


class Message:
    """A message on its way out; ``offset`` bytes have been sent."""

    __slots__ = ("data", "offset", "ppid", "ssn", "stream", "unordered")

    is_limited = False

    def __init__(self, stream: OutgoingStream, ppid: int, data: bytes, unordered: int) -> None:
        self.stream = stream
        self.ppid = ppid
        self.data = data
        self.unordered = unordered  # FLAG_UNORDERED or 0
        self.offset = 0
        self.ssn = 0


class LimitedMessage(Message):
    """A message that may be given up (RFC 3758): after some retransmissions, or some time."""

    __slots__ = ("expires_at", "is_abandoned", "lifetime", "max_retransmits", "sequences")

    is_limited = True

    def __init__(
        self,
        stream: OutgoingStream,
        ppid: int,
        data: bytes,
        unordered: int,
        max_retransmits: int | None,
        lifetime: float | None,
    ) -> None:
        super().__init__(stream, ppid, data, unordered)
        self.max_retransmits = max_retransmits
        self.lifetime = lifetime
        self.expires_at: float | None = None  # set at the first pull, the first time the queue is told the time
        self.is_abandoned = False
        self.sequences: list[int] = []  # of its fragments that have been sent

    def is_expired(self, now: float) -> bool:
        """Whether its lifetime is over."""
        return self.expires_at is not None and now >= self.expires_at


class SendQueue:
    """A queue per stream, served message by message in turn, so that none starves behind a busy one.

    Fragments of one message need consecutive TSNs (RFC 9260 section 6.9), so that a turn is a whole message.
    """

    __slots__ = ("drained", "fallen", "ring", "streams", "unstamped")

    def __init__(self) -> None:
        self.streams: dict[int, OutgoingStream] = {}
        self.ring: deque[OutgoingStream] = deque()  # streams with messages; the first one's turn
        self.drained: list[int] = []  # paused streams whose last message has gone out
        self.fallen: list[int] = []  # streams that fell to their threshold, or below, until the owner takes them
        self.unstamped: list[LimitedMessage] = []  # queued since the last `stamp`

    def stream(self, stream_id: int) -> OutgoingStream:
        """The stream, made on first use."""
        stream = self.streams.get(stream_id)
        if stream is None:
            stream = self.streams[stream_id] = OutgoingStream(stream_id)
        return stream

    def push(self, message: Message) -> None:
        """Queue a message behind the others of its stream."""
        stream = message.stream
        stream.buffered += len(message.data)
        if message.is_limited:
            assert isinstance(message, LimitedMessage)
            if message.lifetime is not None:
                self.unstamped.append(message)
        if stream.is_paused:
            stream.held_back.append(message)
            return
        if not stream.messages:
            self.ring.append(stream)
        stream.messages.append(message)

    def stamp(self, now: float) -> None:
        """Start the lifetimes of what was queued since the last call."""
        for message in self.unstamped:
            assert message.lifetime is not None
            message.expires_at = now + message.lifetime
        self.unstamped = []

    def finish(self) -> None:
        """The message whose turn it is has gone out, or was given up: the next stream's turn."""
        ring = self.ring
        stream = ring[0]
        messages = stream.messages
        messages.popleft()
        if not messages:
            ring.popleft()
            if stream.is_paused:
                self.drained.append(stream.stream_id)
        elif len(ring) > 1:
            ring.rotate(-1)

    def account(self, stream: OutgoingStream, size: int) -> None:
        """``size`` bytes of a stream are no longer buffered."""
        before = stream.buffered
        stream.buffered = before - size
        if before > stream.low_threshold >= stream.buffered:
            self.fallen.append(stream.stream_id)

    def take_fallen(self) -> list[int]:
        """The streams that fell to their threshold since the last call."""
        fallen, self.fallen = self.fallen, []
        return fallen

    def refuse_from(self, limit: int) -> tuple[int, ...]:
        """Drop what is queued on streams from ``limit`` on; returns those that had something."""
        refused = [stream_id for stream_id in self.streams if stream_id >= limit]
        had = tuple(stream_id for stream_id in refused if self.streams[stream_id].buffered)
        for stream_id in refused:
            del self.streams[stream_id]
        if refused:
            self.ring = deque(stream for stream in self.ring if stream.stream_id < limit)
            self.drained = [stream_id for stream_id in self.drained if stream_id < limit]
        return had

    def pause(self, stream_ids: Iterable[int]) -> None:
        """Hold back what comes from now on; the streams turn up in ``drained`` once all before has gone out."""
        for stream_id in stream_ids:
            stream = self.stream(stream_id)
            if stream.is_paused:
                continue
            stream.is_paused = True
            if not stream.messages:
                self.drained.append(stream_id)

    def resume(self, stream_ids: Iterable[int], *, is_reset: bool) -> None:
        """Let the streams go on, from sequence number 0 when they were reset."""
        for stream_id in stream_ids:
            stream = self.stream(stream_id)
            stream.is_paused = False
            if is_reset:
                stream.next_ssn = 0
            if stream.held_back:
                self.ring.append(stream)
                stream.messages.extend(stream.held_back)
                stream.held_back.clear()

    def clear(self) -> None:
        """Drop everything: the association has ended."""
        self.ring.clear()
        self.streams.clear()
        self.drained.clear()
        self.unstamped.clear()
        self.fallen.clear()
