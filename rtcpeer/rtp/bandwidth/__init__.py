"""How much to send and when: a bandwidth estimator and a pacer (draft-ietf-rmcat-gcc-02).

`SentPackets` numbers what leaves and resolves the peer's feedback, `BandwidthEstimator` turns that into a target and
probes, `Pacer` keeps to both.
"""

from rtcpeer.rtp.bandwidth.estimator import BandwidthEstimator, BandwidthStatistics
from rtcpeer.rtp.bandwidth.events import BandwidthEvent, ProbeRequested, TargetBitrateChanged
from rtcpeer.rtp.bandwidth.feedback import PacketResult, SentPackets
from rtcpeer.rtp.bandwidth.overuse import Usage
from rtcpeer.rtp.bandwidth.pacer import PacedPacket, Pacer, Priority
from rtcpeer.rtp.bandwidth.settings import BandwidthSettings, PacerSettings

__all__ = [
    "BandwidthEstimator",
    "BandwidthEvent",
    "BandwidthSettings",
    "BandwidthStatistics",
    "PacedPacket",
    "Pacer",
    "PacerSettings",
    "PacketResult",
    "Priority",
    "ProbeRequested",
    "SentPackets",
    "TargetBitrateChanged",
    "Usage",
]
