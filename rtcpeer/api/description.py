"""Session descriptions as applications exchange them (W3C webrtc-pc section 4.6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

__all__ = ["RTCSdpType", "RTCSessionDescription"]

RTCSdpType = Literal["offer", "pranswer", "answer", "rollback"]

_TYPES = ("offer", "pranswer", "answer", "rollback")


@dataclass(frozen=True)
class RTCSessionDescription:
    """One side's description of the session.

    Args:
        sdp: the description itself; empty for a rollback.
        type: ``"offer"``, ``"pranswer"``, ``"answer"`` or ``"rollback"``.

    Raises:
        TypeError: ``type`` is none of the four.
    """

    sdp: str = ""
    type: RTCSdpType = "offer"

    def __post_init__(self) -> None:
        if self.type not in _TYPES:
            raise TypeError(f"the type of a description is one of {', '.join(_TYPES)}, not {self.type!r}")

    def toJSON(self) -> dict[str, str]:
        """The form in which browsers exchange it."""
        return {"type": self.type, "sdp": self.sdp}

    @classmethod
    def fromJSON(cls, value: object) -> Self:
        """A description from an object or from the dictionary a browser sent.

        Raises:
            TypeError: it is neither, or has no type.
        """
        if isinstance(value, RTCSessionDescription):
            return cls(sdp=value.sdp, type=value.type)
        if not isinstance(value, Mapping) or "type" not in value:
            raise TypeError("a description is an RTCSessionDescription or a dictionary with 'type' and 'sdp'")
        sdp = value.get("sdp")
        return cls(sdp="" if sdp is None else sdp, type=value["type"])
