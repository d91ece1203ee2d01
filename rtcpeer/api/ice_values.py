"""What ICE objects hand out besides candidates (W3C webrtc-pc sections 4.8.2 and 5.6.4)."""

from dataclasses import dataclass

__all__ = ["RTCIceCandidateError", "RTCIceParameters"]


@dataclass(frozen=True)
class RTCIceParameters:
    """What one side tells the other beside its candidates (W3C webrtc-pc section 5.6.4)."""

    usernameFragment: str
    password: str
    iceLite: bool = False


@dataclass(frozen=True)
class RTCIceCandidateError:
    """A server gave no candidate (W3C webrtc-pc section 4.8.2); 701 means that it could not be reached."""

    url: str
    errorCode: int
    errorText: str
    address: str | None = None
    port: int | None = None
