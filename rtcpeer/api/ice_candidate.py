"""RTCIceCandidate and pairs of them, as they are signalled and shown (W3C webrtc-pc sections 4.8.1 and 5.6.5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, cast

from rtcpeer.api.candidate_parts import candidate_from_parts
from rtcpeer.errors import OperationError
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.pair import Path

__all__ = ["RTCIceCandidate", "RTCIceCandidatePair", "candidate_from_sdp", "candidate_to_sdp"]


class RTCIceCandidate:
    """One candidate, as it is signalled (W3C webrtc-pc section 4.8.1).

    Made from a browser's ``RTCIceCandidateInit`` (as keywords or as one dictionary), or from its parts by keyword as
    aiortc has them (``component``, ``foundation``, ``ip``, ``port``, ``priority``, ``protocol``, ``type``, ...). An
    empty ``candidate`` means "no more candidates of this generation".

    Raises:
        OperationError: the candidate line is malformed.
    """

    def __init__(
        self,
        candidate: str | Mapping[str, Any] | None = "",
        sdpMid: str | None = None,
        sdpMLineIndex: int | None = None,
        usernameFragment: str | None = None,
        **parts: Any,
    ) -> None:
        if isinstance(candidate, Mapping):
            init = candidate
            candidate = cast("str | None", init.get("candidate"))
            sdpMid, sdpMLineIndex = init.get("sdpMid"), init.get("sdpMLineIndex")
            usernameFragment = init.get("usernameFragment")
        self.sdpMid = sdpMid
        self.sdpMLineIndex = sdpMLineIndex
        self._parsed: Candidate | None = None
        if parts:
            self._parsed = candidate_from_parts(**parts)
        elif candidate:
            try:
                self._parsed = Candidate.parse(candidate)
            except ValueError as error:
                raise OperationError(str(error)) from error
        inside = self._parsed.username_fragment if self._parsed else None
        self.usernameFragment = usernameFragment or inside

    @classmethod
    def _of(cls, candidate: Candidate, mid: str | None, index: int | None, username_fragment: str) -> Self:
        made = cls(sdpMid=mid, sdpMLineIndex=index, usernameFragment=username_fragment)
        made._parsed = candidate
        return made

    def _with_fragment(self, username_fragment: str) -> "RTCIceCandidate":
        made = RTCIceCandidate(None, self.sdpMid, self.sdpMLineIndex, username_fragment)
        made._parsed = self._parsed
        return made

    @property
    def candidate(self) -> str:
        """The candidate line, ``candidate:...``; empty for the end of candidates."""
        return self._parsed.serialize() if self._parsed else ""

    @property
    def foundation(self) -> str | None:
        """The same for candidates that probably live and die together."""
        return self._parsed.foundation if self._parsed else None

    @property
    def component(self) -> Literal["rtp", "rtcp"] | None:
        """``"rtp"``; only peers that do not multiplex have ``"rtcp"``."""
        return ("rtcp" if self._parsed.component == 2 else "rtp") if self._parsed else None

    @property
    def priority(self) -> int | None:
        """Higher is better."""
        return self._parsed.priority if self._parsed else None

    @property
    def address(self) -> str | None:
        """An IP address, or an mDNS name."""
        return self._parsed.address if self._parsed else None

    ip = address  # aiortc's name

    @property
    def protocol(self) -> Literal["udp", "tcp"] | None:
        """``"udp"`` or ``"tcp"``."""
        return cast("Literal['udp', 'tcp'] | None", self._parsed and self._parsed.protocol)

    @property
    def port(self) -> int | None:
        """The port."""
        return self._parsed.port if self._parsed else None

    @property
    def type(self) -> Literal["host", "srflx", "prflx", "relay"] | None:
        """How the address was learned."""
        return cast("Literal['host', 'srflx', 'prflx', 'relay'] | None", self._parsed and self._parsed.type.value)

    @property
    def tcpType(self) -> Literal["active", "passive", "so"] | None:
        """Who opens the connection, for TCP."""
        tcp_type = self._parsed and self._parsed.tcp_type
        return cast("Literal['active', 'passive', 'so'] | None", tcp_type and tcp_type.value)

    @property
    def relatedAddress(self) -> str | None:
        """The base, for a candidate that is not a host candidate."""
        return self._parsed.related_address if self._parsed else None

    @property
    def relatedPort(self) -> int | None:
        """The base's port."""
        return self._parsed.related_port if self._parsed else None

    @property
    def url(self) -> str | None:
        """The server from which a local candidate was learned."""
        return self._parsed.url if self._parsed else None

    @property
    def relayProtocol(self) -> str | None:
        """How a local relay candidate reaches its server: ``"udp"``, ``"tcp"``, ``"tls"`` or ``"dtls"``."""
        return self._parsed.relay_protocol if self._parsed else None

    def toJSON(self) -> dict[str, Any]:
        """The form in which browsers exchange it."""
        return {
            "candidate": self.candidate,
            "sdpMid": self.sdpMid,
            "sdpMLineIndex": self.sdpMLineIndex,
            "usernameFragment": self.usernameFragment,
        }

    def __eq__(self, other: object) -> bool:
        return self.toJSON() == other.toJSON() if isinstance(other, RTCIceCandidate) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.candidate, self.sdpMid, self.sdpMLineIndex, self.usernameFragment))

    def __repr__(self) -> str:
        return f"RTCIceCandidate({self.candidate!r}, sdpMid={self.sdpMid!r}, sdpMLineIndex={self.sdpMLineIndex!r})"


@dataclass(frozen=True)
class RTCIceCandidatePair:
    """The two ends of the path in use."""

    local: RTCIceCandidate
    remote: RTCIceCandidate
    _path: Path | None = field(default=None, repr=False, compare=False)


def candidate_from_sdp(sdp: str) -> RTCIceCandidate:
    """A candidate from the value of an ``a=candidate`` line; ``sdpMid`` is still to be set.

    Raises:
        OperationError: the line is malformed.
    """
    return RTCIceCandidate(sdp)


def candidate_to_sdp(candidate: RTCIceCandidate) -> str:
    """The value of an ``a=candidate`` line, without ``candidate:``."""
    return candidate.candidate.removeprefix("candidate:")
