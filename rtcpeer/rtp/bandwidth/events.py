"""What the estimator says."""

from dataclasses import dataclass

__all__ = ["BandwidthEvent", "ProbeRequested", "TargetBitrateChanged"]


@dataclass(frozen=True, slots=True)
class TargetBitrateChanged:
    """All of our media together should take this many bits a second."""

    bitrate: int


@dataclass(frozen=True, slots=True)
class ProbeRequested:
    """Send a short burst at this bitrate, and name the probe with each of its packets; `Pacer.start_probe` does."""

    probe_id: int
    bitrate: int
    min_packets: int
    min_bytes: int


BandwidthEvent = TargetBitrateChanged | ProbeRequested
