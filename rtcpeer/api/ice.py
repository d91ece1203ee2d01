"""RTCIceGatherer and RTCIceTransport (W3C webrtc-pc section 5.6, ORTC sections 2 and 3)."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Literal

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.aio.network import Network
from rtcpeer.aio.tcp_mux import TcpMux
from rtcpeer.aio.udp_mux import UdpMux
from rtcpeer.api.closing import Closing
from rtcpeer.api.events import EventTarget, event_handler
from rtcpeer.api.ice_candidate import RTCIceCandidate, RTCIceCandidatePair
from rtcpeer.api.ice_values import RTCIceCandidateError, RTCIceParameters
from rtcpeer.api.states import RTCIceGatheringState, RTCIceTransportState
from rtcpeer.api.stats import RTCStatsReport, StatsCollector
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidStateError
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.events import IceState, Restarted, StateChanged
from rtcpeer.ice.pair import Path
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

__all__ = ["RTCIceGatherer", "RTCIceTransport"]

_STATES: dict[IceState, RTCIceTransportState] = {
    IceState.NEW: "new",
    IceState.CHECKING: "checking",
    IceState.CONNECTED: "connected",
    IceState.COMPLETED: "completed",
    IceState.DISCONNECTED: "disconnected",
    IceState.FAILED: "failed",
    IceState.CLOSED: "closed",
}


class RTCIceGatherer(EventTarget):
    """Finds the addresses that a peer may reach us at (ORTC section 2).

    Events: ``localcandidate`` (an `RTCIceCandidate`; an empty one, and then None, after the last), ``error`` (an
    `RTCIceCandidateError`), ``statechange``, ``restart`` (our new `RTCIceParameters`).
    """

    onlocalcandidate = event_handler("localcandidate")
    onerror = event_handler("error")
    onstatechange = event_handler("statechange")
    onrestart = event_handler("restart")

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
        self._told_state: RTCIceGatheringState = "new"
        self._held: list[ConnectivityEvent] | None = None  # while gathering ahead of `gather`
        self._is_telling = False  # what was held
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
        if self._held is None:
            return states[self._agent.core.gatherer.state]
        return "gathering" if self._is_telling else "new"

    def gather(self) -> None:
        """Start; harmless when repeated."""
        self._agent.gather()
        if self._held is not None:
            self._is_telling = True
        self._tell_state()
        while self._held:
            self._handle(self._held.pop(0))
        self._held = None
        self._is_telling = False

    def gather_ahead(self) -> None:
        """Gather without telling, so that `gather` finds candidates ready; needs a running event loop."""
        if self.state == "new" and self._held is None:
            self._agent.gather()
            self._held = []

    def restart(
        self, *, servers: Sequence[ServerUrl | str] | None = None, settings: IceSettings | None = None
    ) -> RTCIceParameters:
        """Begin anew with other credentials and candidates, while data goes on over the path that there is.

        Tell the peer the parameters that this returns; it answers with new ones, which `RTCIceTransport.start` takes.

        Args:
            servers: to be asked instead of those before.
            settings: instead of those before.

        Raises:
            InvalidStateError: the gatherer is closed.
        """
        self._held = None
        self._agent.restart(servers=servers, settings=settings)
        self._tell_state()
        return self.getLocalParameters()

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

    def _reconfigure(self, servers: Sequence[ServerUrl], settings: IceSettings) -> None:
        """Before anything was told: begin again, with the credentials that may stand in an offer already."""
        if self._held is not None:
            self._held = []
        self._agent.restart(servers=servers, settings=settings, parameters=self._agent.local_parameters)

    def _tell_state(self) -> None:
        """Emit ``statechange`` where it is one."""
        state = self.state
        if state != self._told_state:
            self._told_state = state
            self.emit("statechange")

    def close(self) -> Coroutine[Any, Any, None]:
        """Release sockets and timers at once; awaiting the result waits until tasks are gone, too."""
        leftover = self._agent.shut_down()
        return Closing(lambda: leftover)

    def _dispatch(self, event: ConnectivityEvent) -> None:
        self._agent.handle(event)
        self._on_event(event)

    def _wrap(self, candidate: Candidate) -> RTCIceCandidate:
        fragment = candidate.username_fragment or self._agent.local_parameters.username_fragment
        return RTCIceCandidate._of(self._agent.signalled(candidate), *self._media_section, fragment)  # noqa: SLF001

    def _end_of_candidates(self) -> RTCIceCandidate:
        mid, index = self._media_section
        return RTCIceCandidate("", mid, index, self._agent.local_parameters.username_fragment)

    def _handle(self, event: ConnectivityEvent) -> None:
        if self._held is not None and not self._is_telling:
            self._held.append(event)
            return
        match event:
            case CandidateGathered(candidate):
                self.emit("localcandidate", self._wrap(candidate))
            case GatheringCompleted():
                # W3C webrtc-pc section 4.4.1.5: the end of this generation, to be signalled; then None, for ourselves.
                self.emit("localcandidate", self._end_of_candidates())
                self._held = None  # nothing follows
                self._tell_state()
                self.emit("localcandidate", None)
            case ServerFailed(url, code, text, base):
                # W3C webrtc-pc section 4.8.2: an address that no candidate has told stays untold.
                exposed = {candidate.address for candidate in self._agent.local_candidates}
                place = (base.host, base.port) if base and base.host in exposed else (None, None)
                self.emit("error", RTCIceCandidateError(url, code, text, *place))
            case BindFailed(host, text):
                self.emit("error", RTCIceCandidateError("", UNREACHABLE, text, host))
            case Restarted(local):
                self.emit(
                    "restart",
                    RTCIceParameters(local.username_fragment, local.password, local.is_lite, local.options),
                )
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
        return [self._wrap_pair(pair.local, pair.remote, pair.path) for pair in self._agent.core.agent.valid_pairs]

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

        Called again, with other parameters, it takes in the peer's restart or its answer to ours. The roles stay then
        (RFC 8445 section 9). A restart that we have not begun with `RTCIceGatherer.restart` begins here: the gatherer
        gets new parameters, which its event ``restart`` brings.

        Raises:
            InvalidStateError: the transport is closed.
        """
        if self._state == "closed":
            raise InvalidStateError("the ICE transport is closed")
        agent = self._agent.core.agent
        if agent.remote_parameters is None:
            agent.set_role(role == "controlling")
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
        if parsed is not None:
            # Beside the line, where the W3C has it, it decides as well as in the line.
            parsed = replace(parsed, username_fragment=fragment)
        self._agent.add_remote_candidate(parsed, username_fragment=fragment)

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
