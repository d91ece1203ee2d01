"""What a signalling server tells its client (docs/signaling.md)."""

from dataclasses import dataclass
from typing import TypedDict


class DescriptionInit(TypedDict):
    """The W3C's RTCSessionDescriptionInit."""

    type: str
    sdp: str


class CandidateInit(TypedDict, total=False):
    """The W3C's RTCIceCandidateInit; `candidate` is always there."""

    candidate: str
    sdpMid: str | None
    sdpMLineIndex: int | None
    usernameFragment: str | None


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody else in the room; `polite` says whether we are the polite one towards them."""

    id: str
    name: str
    polite: bool


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """Somebody came into the room after us."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """Somebody went: ``"left"``, ``"disconnected"``, ``"timeout"`` or ``"too-slow"``."""

    peer: Peer
    reason: str


@dataclass(frozen=True, slots=True)
class DescriptionReceived:
    """A peer sent a description; it goes to ``setRemoteDescription`` as it is."""

    peer: Peer
    description: DescriptionInit


@dataclass(frozen=True, slots=True)
class CandidateReceived:
    """A peer sent a candidate, or None after its last one; it goes to ``addIceCandidate`` as it is."""

    peer: Peer
    candidate: CandidateInit | None


@dataclass(frozen=True, slots=True)
class ByeReceived:
    """A peer closed its connection to us and is still in the room."""

    peer: Peer
    reason: str


@dataclass(frozen=True, slots=True)
class SignalingError:
    """The server refused a message of ours: it had no effect. `request_type` and `to` say which, where known."""

    code: str
    message: str
    request_type: str | None = None
    to: str | None = None


SignalingMessage = PeerJoined | PeerLeft | DescriptionReceived | CandidateReceived | ByeReceived | SignalingError

# What one peer has for another.
PeerMessage = DescriptionReceived | CandidateReceived | ByeReceived

EVENT_NAMES: dict[type[SignalingMessage], str] = {
    PeerJoined: "peerjoined",
    PeerLeft: "peerleft",
    DescriptionReceived: "description",
    CandidateReceived: "candidate",
    ByeReceived: "bye",
    SignalingError: "signalingerror",
}
