"""RTCIceCandidate, RTCIceGatherer and RTCIceTransport (W3C webrtc-pc sections 4.8 and 5.6, ORTC sections 2 and 3)."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, cast

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.aio.network import Network
from rtcpeer.aio.tcp_mux import TcpMux
from rtcpeer.aio.udp_mux import UdpMux
from rtcpeer.api.closing import Closing
from rtcpeer.api.events import EventTarget, event_handler
from rtcpeer.api.ice_values import RTCIceCandidateError, RTCIceParameters
from rtcpeer.api.states import RTCIceGatheringState, RTCIceTransportState
from rtcpeer.api.stats import RTCStatsReport, StatsCollector
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidStateError, OperationError
from rtcpeer.ice.candidate import Candidate, CandidateType, TcpType
from rtcpeer.ice.events import IceState, StateChanged
from rtcpeer.ice.pair import PairState, Path
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.connectivity import ConnectivityEvent, PathChanged
from rtcpeer.stack.gathering import (
    UNREACHABLE,
    BindFailed,
    CandidateGathered,
    GatheringCompleted,
    GatheringState,
    ServerFailed,
)
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.turn.settings import TurnSettings

__all__ = [
    "candidate_from_sdp",
    "candidate_to_sdp",
    "RTCIceCandidate",
    "RTCIceCandidateError",
    "RTCIceCandidatePair",
    "RTCIceGatherer",
    "RTCIceParameters",
    "RTCIceTransport",
]

_STATES: dict[IceState, RTCIceTransportState] = {
    IceState.NEW: "new",
    IceState.CHECKING: "checking",
    IceState.CONNECTED: "connected",
    IceState.COMPLETED: "completed",
    IceState.DISCONNECTED: "disconnected",
    IceState.FAILED: "failed",
    IceState.CLOSED: "closed",
}


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
            self._parsed = _from_parts(**parts)
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


class RTCIceGatherer(EventTarget):
    """Finds the addresses that a peer may reach us at (ORTC section 2).

    Events: ``localcandidate`` (an `RTCIceCandidate`; an empty one, and then None, after the last), ``error`` (an
    `RTCIceCandidateError`), ``statechange``.
    """

    onlocalcandidate = event_handler("localcandidate")
    onerror = event_handler("error")
    onstatechange = event_handler("statechange")

    def __init__(
        self,
        servers: Sequence[ServerUrl | str] = (),
        settings: IceSettings | None = None,
        *,
        network: Network | None = None,
        entropy: Entropy = os.urandom,
        turn_settings: TurnSettings | None = None,
        udp_mux: UdpMux | None = None,
        tcp_mux: TcpMux | None = None,
    ) -> None:
        super().__init__()
        self._agent = IceAgent(
            settings,
            servers=servers,
            network=network,
            entropy=entropy,
            turn_settings=turn_settings,
            udp_mux=udp_mux,
            tcp_mux=tcp_mux,
        )
        self._media_section: tuple[str | None, int | None] = (None, None)
        self._on_event: Callable[[ConnectivityEvent], None] = self._handle  # the ICE transport's, once there is one
        # Without a DTLS transport above, which drives more than this.
        self._agent.drive(self._agent.core, self._dispatch)

    @property
    def state(self) -> RTCIceGatheringState:
        """``"new"``, ``"gathering"`` or ``"complete"``."""
        states: dict[GatheringState, RTCIceGatheringState] = {
            GatheringState.NEW: "new",
            GatheringState.GATHERING: "gathering",
            GatheringState.COMPLETE: "complete",
        }
        return states[self._agent.core.gatherer.state]

    def gather(self) -> None:
        """Start; harmless when repeated."""
        if self.state == "new":
            self._agent.gather()
            self.emit("statechange")

    async def gathered(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 part of the face
        until: Callable[[list[RTCIceCandidate]], bool] | None = None,
    ) -> list[RTCIceCandidate]:
        """Our candidates, once they suffice to be signalled all at once.

        Args:
            timeout: seconds after which what is there is returned.
            until: decides, in place of our own judgement, whether the candidates so far suffice; not asked again once
                there will be no more.
        """
        await self._agent.gathered(timeout, until and (lambda _: until(self.getLocalCandidates())))
        return self.getLocalCandidates()

    def getLocalCandidates(self) -> list[RTCIceCandidate]:
        """What has been gathered so far."""
        return [self._wrap(candidate) for candidate in self._agent.local_candidates]

    def getLocalParameters(self) -> RTCIceParameters:
        """Our credentials."""
        local = self._agent.local_parameters
        return RTCIceParameters(local.username_fragment, local.password, local.is_lite, local.options)

    def close(self) -> Coroutine[Any, Any, None]:
        """Release sockets and timers at once; awaiting the result waits until tasks are gone, too."""
        leftover = self._agent.shut_down()
        return Closing(lambda: leftover)

    def _dispatch(self, event: ConnectivityEvent) -> None:
        self._agent.handle(event)
        self._on_event(event)

    def _wrap(self, candidate: Candidate) -> RTCIceCandidate:
        fragment = self._agent.local_parameters.username_fragment
        return RTCIceCandidate._of(self._agent.signalled(candidate), *self._media_section, fragment)  # noqa: SLF001

    def _end_of_candidates(self) -> RTCIceCandidate:
        mid, index = self._media_section
        return RTCIceCandidate("", mid, index, self._agent.local_parameters.username_fragment)

    def _handle(self, event: ConnectivityEvent) -> None:
        match event:
            case CandidateGathered(candidate):
                self.emit("localcandidate", self._wrap(candidate))
            case GatheringCompleted():
                # W3C webrtc-pc section 4.4.1.5: the end of this generation, to be signalled; then None, for ourselves.
                self.emit("localcandidate", self._end_of_candidates())
                self.emit("statechange")
                self.emit("localcandidate", None)
            case ServerFailed(url, code, text, base):
                # W3C webrtc-pc section 4.8.2: an address that no candidate has told stays untold.
                exposed = {candidate.address for candidate in self._agent.local_candidates}
                place = (base.host, base.port) if base and base.host in exposed else (None, None)
                self.emit("error", RTCIceCandidateError(url, code, text, *place))
            case BindFailed(host, text):
                self.emit("error", RTCIceCandidateError("", UNREACHABLE, text, host))
            case _:
                pass


class RTCIceTransport(EventTarget):
    """Finds the path to the peer and keeps it (W3C webrtc-pc section 5.6).

    Events: ``statechange``, ``gatheringstatechange``, ``selectedcandidatepairchange``.
    """

    onstatechange = event_handler("statechange")
    ongatheringstatechange = event_handler("gatheringstatechange")
    onselectedcandidatepairchange = event_handler("selectedcandidatepairchange")

    def __init__(self, gatherer: RTCIceGatherer) -> None:
        super().__init__()
        self._gatherer = gatherer
        self._agent = gatherer._agent  # noqa: SLF001
        self._state: RTCIceTransportState = "new"
        self._stats = StatsCollector(self._agent)
        gatherer._on_event = self._handle  # noqa: SLF001
        gatherer.on("statechange", lambda: self.emit("gatheringstatechange"))

    @property
    def iceGatherer(self) -> RTCIceGatherer:
        """Where the local candidates come from."""
        return self._gatherer

    @property
    def role(self) -> Literal["controlling", "controlled"]:
        """Who chooses the pair."""
        return "controlling" if self._agent.core.agent.is_controlling else "controlled"

    @property
    def component(self) -> Literal["rtp"]:
        """Always ``"rtp"``: RTCP is multiplexed."""
        return "rtp"

    @property
    def state(self) -> RTCIceTransportState:
        """Where connectivity stands."""
        return self._state

    @property
    def gatheringState(self) -> RTCIceGatheringState:
        """The gatherer's state."""
        return self._gatherer.state

    def getLocalCandidates(self) -> list[RTCIceCandidate]:
        """What has been gathered so far."""
        return self._gatherer.getLocalCandidates()

    def getRemoteCandidates(self) -> list[RTCIceCandidate]:
        """What the peer has told, and what was learned from its checks."""
        return [self._wrap_remote(candidate) for candidate in self._agent.core.agent.remote_candidates]

    def getSelectedCandidatePair(self) -> RTCIceCandidatePair | None:
        """The pair in use: before one is nominated the best that works, None as long as none does."""
        agent = self._agent.core.agent
        path = agent.send_path()
        pair = agent.selected_pair if path is None else agent.pair(*path)
        return None if pair is None else self._wrap_pair(pair.local, pair.remote, pair.path)

    def getCandidatePairs(self) -> list[RTCIceCandidatePair]:
        """The pairs that work, best first: those that `selectCandidatePair` takes. Beyond the W3C."""
        pairs = [pair for pair in self._agent.core.agent.statistics().pairs if pair.state is PairState.SUCCEEDED]
        return [self._wrap_pair(pair.local, pair.remote, pair.path) for pair in pairs]

    def selectCandidatePair(self, pair: RTCIceCandidatePair) -> None:
        """Go over to another pair that works; ``selectedcandidatepairchange`` tells when the peer agreed.

        A peer that knows renomination follows at once; another one is told as at first, and follows as it sees fit.

        Args:
            pair: one of `getCandidatePairs`.

        Raises:
            InvalidStateError: the peer is controlling, the pair does not work any more, or the transport is closed.
        """
        path = pair._path  # noqa: SLF001
        if path is None:
            raise InvalidStateError("not one of the pairs that getCandidatePairs() gives")
        self._agent.core.agent.renominate(path)
        self._agent.wake()

    def getLocalParameters(self) -> RTCIceParameters:
        """Our credentials."""
        return self._gatherer.getLocalParameters()

    def getRemoteParameters(self) -> RTCIceParameters | None:
        """The peer's credentials; None until they are known."""
        remote = self._agent.core.agent.remote_parameters
        if remote is None:
            return None
        return RTCIceParameters(remote.username_fragment, remote.password, remote.is_lite, remote.options)

    async def getStats(self) -> RTCStatsReport:
        """Statistics of the candidates and their pairs."""
        return self._stats.ice()

    def start(
        self, remoteParameters: RTCIceParameters, role: Literal["controlling", "controlled"] = "controlled"
    ) -> None:
        """Begin to check; candidates may come before and after.

        Raises:
            InvalidStateError: the transport is closed.
        """
        if self._state == "closed":
            raise InvalidStateError("the ICE transport is closed")
        self._agent.core.agent.set_role(role == "controlling")
        self._agent.set_remote_parameters(
            IceParameters(
                remoteParameters.usernameFragment,
                remoteParameters.password,
                is_lite=remoteParameters.iceLite,
                options=remoteParameters.iceOptions,
            )
        )

    def addRemoteCandidate(self, candidate: RTCIceCandidate | None) -> None:
        """Take a candidate of the peer's; None, or an empty one, says that there will be no more."""
        parsed = candidate._parsed if candidate else None  # noqa: SLF001
        fragment = candidate.usernameFragment if candidate else None
        remote = self._agent.core.agent.remote_parameters
        if parsed is not None:
            # Beside the line, where the W3C has it, it decides as well as in the line.
            parsed = replace(parsed, username_fragment=fragment)
        elif fragment and remote and fragment != remote.username_fragment:
            return  # the end of another generation
        self._agent.add_remote_candidate(parsed)

    def stop(self) -> Coroutine[Any, Any, None]:
        """Stop at once, without an event; awaiting the result waits until tasks are gone, too."""
        leftover = self._close()
        return Closing(lambda: leftover)

    def _close(self) -> asyncio.Task[None] | None:
        self._state = "closed"
        return self._agent.shut_down()

    def _wrap_pair(self, local: Candidate, remote: Candidate, path: Path) -> RTCIceCandidatePair:
        return RTCIceCandidatePair(self._gatherer._wrap(local), self._wrap_remote(remote), path)  # noqa: SLF001

    def _wrap_remote(self, candidate: Candidate) -> RTCIceCandidate:
        remote = self._agent.core.agent.remote_parameters
        fragment = candidate.username_fragment or (remote.username_fragment if remote else "")
        return RTCIceCandidate._of(candidate, *self._gatherer._media_section, fragment)  # noqa: SLF001

    def _handle(self, event: ConnectivityEvent) -> None:
        self._gatherer._handle(event)  # noqa: SLF001
        match event:
            case StateChanged(state):
                self._state = _STATES[state]
                self.emit("statechange")
            case PathChanged():
                self.emit("selectedcandidatepairchange")
            case _:
                pass


def candidate_from_sdp(sdp: str) -> RTCIceCandidate:
    """A candidate from the value of an ``a=candidate`` line; ``sdpMid`` is still to be set.

    Raises:
        OperationError: the line is malformed.
    """
    return RTCIceCandidate(sdp)


def candidate_to_sdp(candidate: RTCIceCandidate) -> str:
    """The value of an ``a=candidate`` line, without ``candidate:``."""
    return candidate.candidate.removeprefix("candidate:")


def _from_parts(
    *,
    component: int,
    foundation: str,
    ip: str,
    port: int,
    priority: int,
    protocol: str,
    type: str,  # noqa: A002 aiortc's name
    relatedAddress: str | None = None,
    relatedPort: int | None = None,
    tcpType: str | None = None,
) -> Candidate:
    """A candidate from the keywords that aiortc's constructor takes."""
    try:
        return Candidate(
            foundation,
            component,
            protocol.lower(),
            priority,
            ip,
            port,
            CandidateType(type),
            relatedAddress,
            relatedPort,
            TcpType(tcpType) if tcpType else None,
        )
    except ValueError as error:
        raise OperationError(str(error)) from error
