"""The delay-based rate: up while nothing piles up, down to a share of what arrives (draft-ietf-rmcat-gcc-02, 5.5)."""

import math
from enum import Enum

from rtcpeer.rtp.bandwidth.overuse import Usage
from rtcpeer.rtp.bandwidth.settings import BandwidthSettings

__all__ = ["RateControl", "RateState"]

AVERAGE_WEIGHT = 0.05  # section 5.5: the average at congestion is smoothed by 0.95
MIN_DEVIATION = 0.05  # ours: of the average; a few equal samples do not make a narrow band
FRAME_RATE = 30  # section 5.5: the additive step assumes so many frames a second
PACKET_BITS = 1200 * 8
MIN_STEP = 1000.0  # section 5.5: bits a second, per step
MAX_OVER_ARRIVING = 1.5  # section 5.5: never far beyond what has been seen to arrive


class RateState(Enum):
    """The three states of section 5.5."""

    HOLD = "hold"
    INCREASE = "increase"
    DECREASE = "decrease"


# What is not here leaves the state as it is.
TRANSITIONS: dict[tuple[RateState, Usage], RateState] = {
    (RateState.HOLD, Usage.OVERUSE): RateState.DECREASE,
    (RateState.INCREASE, Usage.OVERUSE): RateState.DECREASE,
    (RateState.HOLD, Usage.NORMAL): RateState.INCREASE,
    (RateState.DECREASE, Usage.NORMAL): RateState.HOLD,
    (RateState.INCREASE, Usage.UNDERUSE): RateState.HOLD,
    (RateState.DECREASE, Usage.UNDERUSE): RateState.HOLD,
}


class RateControl:
    """Holds ``bitrate``, A_hat; told the detector's verdict with each feedback."""

    def __init__(self, settings: BandwidthSettings) -> None:
        self._settings = settings
        self._capacity = _CapacityEstimate()
        self._updated_at: float | None = None
        self._decreased_at = -math.inf
        self.bitrate = float(settings.start_bitrate)
        self.state = RateState.HOLD

    def update(self, usage: Usage, arriving: float | None, round_trip_time: float, now: float) -> None:
        """Follow the verdict; ``arriving`` is the measured bitrate, if there is one."""
        self.state = TRANSITIONS.get((self.state, usage), self.state)
        response_time = 0.1 + round_trip_time  # section 5.5: how long a change takes to be seen
        elapsed = 0.0 if self._updated_at is None else min(max(now - self._updated_at, 0.0), 1.0)
        self._updated_at = now
        if arriving is not None:
            self._capacity.forget_if_exceeded(arriving)
        if usage is Usage.OVERUSE:
            self._decrease(arriving, response_time, now)
        elif self.state is RateState.INCREASE:
            self._increase(arriving, elapsed, response_time)

    def probed(self, bitrate: float) -> None:
        """A probe has shown that this much passes."""
        self.bitrate = bitrate
        self._capacity.forget_if_exceeded(bitrate)

    def _increase(self, arriving: float | None, elapsed: float, response_time: float) -> None:
        if self._capacity.is_known:
            bits_per_frame = self.bitrate / FRAME_RATE
            packet_bits = bits_per_frame / math.ceil(bits_per_frame / PACKET_BITS)
            raised = self.bitrate + max(MIN_STEP * elapsed, 0.5 * min(elapsed / response_time, 1.0) * packet_bits)
        else:
            raised = self.bitrate * self._settings.increase_factor**elapsed
        limit = math.inf if arriving is None else MAX_OVER_ARRIVING * arriving
        self.bitrate = max(self.bitrate, min(raised, limit, self._settings.max_bitrate))

    def _decrease(self, arriving: float | None, response_time: float, now: float) -> None:
        # What was sent before the last decrease still fills the queue, so let that show before the next.
        if now - self._decreased_at < response_time:
            return
        self._decreased_at = now
        measured = self.bitrate if arriving is None else arriving
        if arriving is not None:
            self._capacity.congested_at(arriving)
        lowered = min(self.bitrate, self._settings.decrease_factor * measured)
        self.bitrate = max(lowered, float(self._settings.min_bitrate))


class _CapacityEstimate:
    """What arrived at times of congestion: near its average the rate grows slowly (section 5.5)."""

    def __init__(self) -> None:
        self._average: float | None = None
        self._variance = 0.0

    @property
    def is_known(self) -> bool:
        return self._average is not None

    def forget_if_exceeded(self, bitrate: float) -> None:
        """More than three standard deviations above the average is another path."""
        if self._average is not None and bitrate > self._average + self._band():
            self._average = None

    def congested_at(self, bitrate: float) -> None:
        """Over-use was detected while this much arrived."""
        if self._average is None or abs(bitrate - self._average) > self._band():
            self._average, self._variance = bitrate, 0.0
            return
        difference = bitrate - self._average
        self._average += AVERAGE_WEIGHT * difference
        self._variance += AVERAGE_WEIGHT * (difference * difference - self._variance)

    def _band(self) -> float:
        return 3 * max(math.sqrt(self._variance), MIN_DEVIATION * (self._average or 0.0))
