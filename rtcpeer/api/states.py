"""The names of the states (W3C webrtc-pc sections 4.3 and 5.6.4), and how two of them make a third."""

from typing import Literal

__all__ = [
    "RTCDtlsTransportState",
    "RTCIceConnectionState",
    "RTCIceGatheringState",
    "RTCIceTransportState",
    "RTCPeerConnectionState",
    "RTCSignalingState",
    "connection_state",
]

RTCSignalingState = Literal[
    "stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed"
]
RTCIceGatheringState = Literal["new", "gathering", "complete"]
RTCIceTransportState = Literal["new", "checking", "connected", "completed", "disconnected", "failed", "closed"]
RTCIceConnectionState = RTCIceTransportState
RTCDtlsTransportState = Literal["new", "connecting", "connected", "closed", "failed"]
RTCPeerConnectionState = Literal["new", "connecting", "connected", "disconnected", "failed", "closed"]


def connection_state(ice: RTCIceTransportState, dtls: RTCDtlsTransportState) -> RTCPeerConnectionState:
    """The state of a connection from those of its transports (W3C section 4.3.3)."""
    if "failed" in {ice, dtls}:
        return "failed"
    if ice == "disconnected":
        return "disconnected"
    if ice in {"new", "closed"} and dtls in {"new", "closed"}:
        return "new"
    if ice in {"connected", "completed", "closed"} and dtls in {"connected", "closed"}:
        return "connected"
    return "connecting"
