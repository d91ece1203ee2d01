"""The names of the states (W3C webrtc-pc sections 4.3 and 5.6.4), and how those of all transports make one."""

from collections.abc import Iterable
from typing import Literal

__all__ = [
    "RTCDtlsTransportState",
    "RTCIceConnectionState",
    "RTCIceGatheringState",
    "RTCIceTransportState",
    "RTCPeerConnectionState",
    "RTCSignalingState",
    "connection_state",
    "gathering_state",
    "ice_connection_state",
]

RTCSignalingState = Literal[
    "stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed"
]
RTCIceGatheringState = Literal["new", "gathering", "complete"]
RTCIceTransportState = Literal["new", "checking", "connected", "completed", "disconnected", "failed", "closed"]
RTCIceConnectionState = RTCIceTransportState
RTCDtlsTransportState = Literal["new", "connecting", "connected", "closed", "failed"]
RTCPeerConnectionState = Literal["new", "connecting", "connected", "disconnected", "failed", "closed"]


def gathering_state(transports: Iterable[RTCIceGatheringState]) -> RTCIceGatheringState:
    """W3C section 4.3.2."""
    states = set(transports)
    if "gathering" in states:
        return "gathering"
    return "complete" if states == {"complete"} else "new"


def ice_connection_state(transports: Iterable[RTCIceTransportState]) -> RTCIceConnectionState:
    """W3C section 4.3.4, while the connection is not closed."""
    states = set(transports)
    living = states - {"closed"}
    if "failed" in states:
        return "failed"
    if "disconnected" in states:
        return "disconnected"
    if living <= {"new"}:
        return "new"
    if states & {"new", "checking"}:
        return "checking"
    return "completed" if living == {"completed"} else "connected"


def connection_state(
    transports: Iterable[tuple[RTCIceTransportState, RTCDtlsTransportState]],
) -> RTCPeerConnectionState:
    """W3C section 4.3.3, while the connection is not closed."""
    pairs = list(transports)
    ice, dtls = {ice for ice, _ in pairs}, {dtls for _, dtls in pairs}
    if "failed" in ice | dtls:
        return "failed"
    if "disconnected" in ice:
        return "disconnected"
    if ice | dtls <= {"new", "closed"}:
        return "new"
    if ice <= {"connected", "completed", "closed"} and dtls <= {"connected", "closed"}:
        return "connected"
    return "connecting"
