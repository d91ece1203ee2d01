"""Client of the signalling server (docs/signaling.md), and perfect negotiation over it.

::

    async with SignalingClient("http://127.0.0.1:8080", "lobby", name="echo") as signaling:
        async for message in signaling:
            match message:
                case PeerJoined(peer):
                    ...
"""

from rtcpeer.signaling.client import SignalingClient
from rtcpeer.signaling.errors import SignalingConnectionError, SignalingRefusedError
from rtcpeer.signaling.events import (
    ByeReceived,
    CandidateReceived,
    DescriptionReceived,
    Peer,
    PeerJoined,
    PeerLeft,
    SignalingError,
    SignalingMessage,
)
from rtcpeer.signaling.negotiator import PeerNegotiator

__all__ = [
    "SignalingClient",
    "PeerNegotiator",
    "Peer",
    "SignalingMessage",
    "PeerJoined",
    "PeerLeft",
    "DescriptionReceived",
    "CandidateReceived",
    "ByeReceived",
    "SignalingError",
    "SignalingConnectionError",
    "SignalingRefusedError",
]
