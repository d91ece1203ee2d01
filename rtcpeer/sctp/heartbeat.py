"""Probing an idle path (RFC 9260 section 8.3)."""

from struct import Struct

from rtcpeer.core import Entropy
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.parameters import ParameterType, iterate_parameters, pack_parameter
from rtcpeer.sctp.timer import Timer

__all__ = ["Heartbeat"]

_INFO = Struct(">d8s")  # when it was sent, and a nonce so that nobody answers what was not asked


class Heartbeat:
    """Sends a probe after each interval without other traffic that would show whether the peer lives."""

    def __init__(self, interval: float, entropy: Entropy) -> None:
        self.timer = Timer()
        self._interval = interval
        self._entropy = entropy
        self._pending: bytes | None = None
        self.is_due = False  # `chunk_due` would give one

    def restart(self, now: float, timeout: float) -> None:
        """Wait for another interval, between half and one and a half of it, plus the timeout."""
        if self._interval:
            jitter = 0.5 + self._entropy(1)[0] / 255
            self.timer.start(now + self._interval * jitter + timeout)

    def handle_timeout(self, now: float, timeout: float, *, is_idle: bool) -> bool:
        """Probe when idle; returns whether an earlier probe went unanswered."""
        if not self.timer.expire(now):
            return False
        was_missed = self._pending is not None
        self._pending = None
        if not is_idle:
            self.restart(now, timeout)
            return False
        self._pending = _INFO.pack(now, self._entropy(8))
        self.is_due = True
        # Section 8.3: the next probe comes an interval later even when this one is lost, because probing faster would
        # declare a path dead after a few seconds of silence.
        self.restart(now, timeout)
        return was_missed

    def chunk_due(self) -> bytes:
        """The HEARTBEAT to send now, if any."""
        if not self.is_due or self._pending is None:
            return b""
        self.is_due = False
        return pack_chunk(ChunkType.HEARTBEAT, pack_parameter(ParameterType.HEARTBEAT_INFO, self._pending))

    def take_ack(self, value: bytes) -> float | None:
        """When the probe was sent that this answers; None when it answers none."""
        for kind, info in iterate_parameters(value):
            if kind == ParameterType.HEARTBEAT_INFO and info == self._pending:
                self._pending = None
                sent_at: float = _INFO.unpack(info)[0]
                return sent_at
        return None
