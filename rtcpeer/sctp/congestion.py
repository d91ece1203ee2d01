"""Congestion control as a strategy, and RFC 9260's own as the default (section 7.2)."""

from typing import Protocol

__all__ = ["CongestionController", "LossBasedController"]

# Section 7.2.1 recommends L = 1 and allows more. Deviation: one SACK answers a whole batch here, so that L = 1 would
# let the window grow by one packet a batch instead of one a packet.
SLOW_START_LIMIT_PACKETS = 64


class CongestionController(Protocol):
    """Decides how many bytes may be in flight."""

    # Deviation: sizes are whole DATA chunks with header and padding, where section 6.2.1 counts user data only. So a
    # flood of tiny messages fills no more of the path than bulk does; of the peer's window it uses less than it may.

    window: int  # bytes that may be in flight
    slow_start_threshold: int

    def on_acknowledged(self, size: int, flight_before: int, now: float) -> None:
        """``size`` bytes were newly acknowledged while ``flight_before`` were in flight."""

    def on_round_trip(self, round_trip_time: float, now: float) -> None:
        """A round trip was measured."""

    def on_loss(self, now: float) -> None:
        """Packets are missing; called once per recovery."""

    def on_recovered(self, now: float) -> None:
        """All that was in flight at the last loss has been acknowledged."""

    def on_timeout(self, now: float) -> None:
        """The retransmission timer ran out."""

    def on_idle(self) -> None:
        """Nothing was sent for a whole retransmission timeout."""


class LossBasedController:
    """Slow start, congestion avoidance and fast recovery of RFC 9260 section 7.2."""

    __slots__ = ("_acked", "_initial", "_is_recovering", "_packet", "slow_start_threshold", "window")

    def __init__(self, packet_size: int, initial_packets: int, peer_window: int) -> None:
        self._packet = packet_size
        self._initial = packet_size * initial_packets
        self.window = self._initial
        # Section 7.2.1: the threshold may be arbitrarily high, such as the peer's window. Never below the first
        # window though, or a peer that opens with little room would start in congestion avoidance.
        self.slow_start_threshold = max(peer_window, self._initial)
        self._acked = 0
        self._is_recovering = False

    def on_acknowledged(self, size: int, flight_before: int, now: float) -> None:  # noqa: ARG002
        """Grow, unless in recovery or without use for more (section 7.2.1: only a full window may grow)."""
        if self._is_recovering or flight_before + self._packet < self.window:
            return
        if self.window <= self.slow_start_threshold:
            self.window += min(size, SLOW_START_LIMIT_PACKETS * self._packet)
            return
        # Section 7.2.2: one packet more for each whole window that was acknowledged.
        self._acked += size
        if self._acked >= self.window:
            self._acked -= self.window
            self.window += self._packet

    def on_round_trip(self, round_trip_time: float, now: float) -> None:
        """Not used: loss is the only signal here."""

    def on_loss(self, now: float) -> None:  # noqa: ARG002
        """Halve (section 7.2.3) and stay there until recovered (section 7.2.4)."""
        self.slow_start_threshold = max(self.window // 2, 4 * self._packet)
        self.window = self.slow_start_threshold
        self._acked = 0
        self._is_recovering = True

    def on_recovered(self, now: float) -> None:  # noqa: ARG002
        """Grow again."""
        self._is_recovering = False

    def on_timeout(self, now: float) -> None:  # noqa: ARG002
        """Start over with one packet (section 7.2.3)."""
        self.slow_start_threshold = max(self.window // 2, 4 * self._packet)
        self.window = self._packet
        self._acked = 0
        self._is_recovering = False

    def on_idle(self) -> None:
        """Forget half of what was learned (section 7.2.1)."""
        self.window = max(self.window // 2, 4 * self._packet, min(self.window, self._initial))
