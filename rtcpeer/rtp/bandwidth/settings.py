"""Numbers of the bandwidth estimator and of the pacer.

"gcc" is draft-ietf-rmcat-gcc-02, whose section 5.6 lists its recommended values. "Browsers" means what Chrome's engine
is known to use, where the draft is silent or has been overtaken. Bitrates are bits a second, times seconds.
"""

from dataclasses import dataclass

__all__ = ["BandwidthSettings", "PacerSettings"]


@dataclass(frozen=True, slots=True)
class BandwidthSettings:
    """How the sender estimates what the path carries; rates count whole RTP packets as the caller states their size."""

    start_bitrate: int = 300_000  # browsers; probes find more within a few round trips
    min_bitrate: int = 30_000  # browsers: less carries no video, and feedback would starve
    max_bitrate: int = 10_000_000  # ours: what a Python process has a use for

    burst_time: float = 0.005  # gcc section 5.6: packets sent within this are one group
    max_burst_duration: float = 0.1  # browsers: groups merged for arriving in a burst span no more than this

    trend_window: int = 20  # browsers: groups under the regression line
    trend_smoothing: float = 0.9  # browsers: weight of the past in the smoothed delay
    trend_gain: float = 4.0  # browsers: makes the slope comparable to the threshold below
    overuse_threshold: float = 0.0125  # gcc section 5.6: del_var_th(0)
    overuse_threshold_min: float = 0.006  # gcc section 5.4: the threshold stays within 6 and 600 ms
    overuse_threshold_max: float = 0.6
    # Deviation: gcc's K_u and K_d suit its Kalman filter. The slope's noise is larger, so its threshold has to come
    # back faster (browsers use these two).
    threshold_gain_up: float = 0.0087  # K_u
    threshold_gain_down: float = 0.039  # K_d
    overuse_time: float = 0.01  # gcc section 5.6: overuse_time_th

    decrease_factor: float = 0.85  # gcc section 5.6: beta
    increase_factor: float = 1.08  # gcc section 5.5: eta, a second
    bitrate_window: float = 0.5  # gcc section 5.6: T is within 0.5 and 1 s
    # Deviation: gcc sends at 85 % of what arrives until a queue is gone, which after a deep drop of capacity takes more
    # than ten seconds. More delay than this lets the target dip until it is gone.
    queue_delay_tolerated: float = 0.1
    queue_delay_memory: float = 10.0  # ours: a queue that stands longer is not ours, and counts as the path

    loss_tolerated: float = 0.02  # gcc section 6: less lets the rate grow
    loss_congested: float = 0.1  # gcc section 6: more lets it shrink
    loss_interval: float = 1.0  # gcc section 6 updates with each receiver report, which come about once a second
    loss_min_packets: int = 50  # ours: fewer say nothing about 2 or 10 %
    feedback_timeout: float = 1.0  # ours: feedback comes every 50 to 250 ms; so long a silence is an outage

    probe_factors: tuple[float, float] = (3.0, 2.0)  # browsers: the first probe, and each after one that succeeded
    probe_min_packets: int = 5  # browsers
    probe_min_duration: float = 0.015  # browsers
    probe_interval: float = 5.0  # browsers: between probes of a sender that is limited by its source
    probe_timeout: float = 2.0  # ours: a probe whose packets are not all acknowledged by then has failed

    def __post_init__(self) -> None:
        _require("min_bitrate", self.min_bitrate > 0, "must be positive")
        _require("start_bitrate", self.start_bitrate >= self.min_bitrate, "must be at least min_bitrate")
        _require("max_bitrate", self.max_bitrate >= self.start_bitrate, "must be at least start_bitrate")
        _require("trend_window", 2 <= self.trend_window <= 1000, "must be within 2 and 1000")
        _require("trend_smoothing", 0 <= self.trend_smoothing < 1, "must be at least 0 and below 1")
        is_ordered = 0 < self.overuse_threshold_min <= self.overuse_threshold <= self.overuse_threshold_max
        _require("overuse_threshold", is_ordered, "must be between its minimum and its maximum")
        _require("decrease_factor", 0 < self.decrease_factor < 1, "must be between 0 and 1")
        _require("increase_factor", self.increase_factor > 1, "must be above 1")
        _require("loss_tolerated", 0 <= self.loss_tolerated <= self.loss_congested, "must be at most loss_congested")
        _require("loss_congested", self.loss_congested <= 1, "is a share between 0 and 1")
        _require("probe_factors", all(factor > 1 for factor in self.probe_factors), "must be above 1")
        _require("probe_min_packets", self.probe_min_packets >= 2, "must be at least 2")
        for name in ("burst_time", "max_burst_duration", "trend_gain", "threshold_gain_up", "threshold_gain_down"):
            _require(name, getattr(self, name) > 0, "must be positive")
        for name in ("overuse_time", "bitrate_window", "loss_interval", "loss_min_packets", "feedback_timeout"):
            _require(name, getattr(self, name) > 0, "must be positive")
        for name in (
            "probe_min_duration",
            "probe_interval",
            "probe_timeout",
            "queue_delay_tolerated",
            "queue_delay_memory",
        ):
            _require(name, getattr(self, name) > 0, "must be positive")


@dataclass(frozen=True, slots=True)
class PacerSettings:
    """How packets are spread over time."""

    pacing_factor: float = 2.5  # browsers: a frame leaves in less than half the time until the next
    burst_time: float = 0.005  # gcc section 4: a burst of packets every 5 ms
    initial_burst: int = 8_000  # ours: bytes that leave unpaced, for the first picture; TCP has ten packets
    max_queue_time: float = 2.0  # browsers: a queue that would take longer to empty is sent faster than the target
    max_age: float = 3.0  # ours: what waited longer is of no use to anybody, and dropped
    max_queued_packets: int = 4096  # ours: the bound in memory, 3 s of 15 Mbit/s
    padding_size: int = 224  # RFC 3550 section 5.1: padding counts itself in one byte; browsers send this much

    def __post_init__(self) -> None:
        _require("pacing_factor", self.pacing_factor >= 1, "must be at least 1")
        _require("initial_burst", self.initial_burst >= 0, "must not be negative")
        _require("burst_time", self.burst_time >= 0, "must not be negative")
        _require("max_queue_time", self.max_queue_time > 0, "must be positive")
        _require("max_age", self.max_age >= self.max_queue_time, "must be at least max_queue_time")
        _require("max_queued_packets", self.max_queued_packets > 0, "must be positive")
        _require("padding_size", 1 <= self.padding_size <= 255, "must be within 1 and 255")


def _require(name: str, condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"{name} {message}")
