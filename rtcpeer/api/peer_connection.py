"""RTCPeerConnection (W3C webrtc-pc section 4.4)."""

import asyncio
import contextlib
import copy
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Self

from rtcpeer.aio.network import Network
from rtcpeer.api.closing import Closing
from rtcpeer.api.configuration import RTCConfiguration, Settings
from rtcpeer.api.data_channel import RTCDataChannel
from rtcpeer.api.description import RTCSessionDescription
from rtcpeer.api.events import EventTarget, event_handler
from rtcpeer.api.explain import explain_connection
from rtcpeer.api.ice_candidate import RTCIceCandidate
from rtcpeer.api.negotiation_need import NegotiationNeed
from rtcpeer.api.remote_candidates import RemoteCandidates, remote_candidate
from rtcpeer.api.restarts import RestartRequests
from rtcpeer.api.sctp import RTCSctpTransport
from rtcpeer.api.states import (
    RTCIceConnectionState,
    RTCIceGatheringState,
    RTCPeerConnectionState,
    RTCSignalingState,
    connection_state,
)
from rtcpeer.api.stats import RTCStatsReport
from rtcpeer.api.transports import Transports
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidAccessError, InvalidStateError
from rtcpeer.jsep import MediaCapabilities, NegotiationSettings
from rtcpeer.jsep.facts import Applied, Wanted
from rtcpeer.jsep.negotiation import Negotiation, Which
from rtcpeer.jsep.signaling import DescriptionType, SignalingState
from rtcpeer.sdp.serialize import serialize
from rtcpeer.stack.explanation import Explanation

__all__ = ["RTCPeerConnection"]


class RTCPeerConnection(EventTarget):
    """A connection to one peer, negotiated by descriptions and candidates that the application carries.

    Args:
        configuration: an `RTCConfiguration`, or a dictionary as in JavaScript.
        settings: what the browser has no knob for.
        network: where sockets come from; the simulator's, in tests.
        entropy: where random bytes come from, except those of OpenSSL (certificates, DTLS handshakes).

    Raises:
        SyntaxError: a server's URL is malformed.
        InvalidAccessError: a TURN server without credentials, or a certificate that has expired.
        TypeError: a value outside its enumeration.

    Events (the payload is the thing itself): ``negotiationneeded``; ``icecandidate`` (an `RTCIceCandidate`; an empty
    one, and then None, after the last); ``icecandidateerror`` (an `RTCIceCandidateError`); ``signalingstatechange``,
    ``icegatheringstatechange``, ``iceconnectionstatechange``, ``connectionstatechange``; ``datachannel`` (an
    `RTCDataChannel`).
    """

    onnegotiationneeded = event_handler("negotiationneeded")
    onicecandidate = event_handler("icecandidate")
    onicecandidateerror = event_handler("icecandidateerror")
    onsignalingstatechange = event_handler("signalingstatechange")
    onicegatheringstatechange = event_handler("icegatheringstatechange")
    oniceconnectionstatechange = event_handler("iceconnectionstatechange")
    onconnectionstatechange = event_handler("connectionstatechange")
    ondatachannel = event_handler("datachannel")

    def __init__(
        self,
        configuration: RTCConfiguration | Mapping[str, Any] | None = None,
        settings: Settings | None = None,
        *,
        network: Network | None = None,
        entropy: Entropy = os.urandom,
    ) -> None:
        super().__init__()
        self._configuration = RTCConfiguration.of(configuration)
        self._own_settings = settings or Settings()
        self._settings = self._own_settings.configured(self._configuration)
        self._transports = Transports(self._configuration, self._settings, network, entropy)
        sctp = self._settings.sctp
        self._negotiation = Negotiation(
            str(int.from_bytes(entropy(8), "big") >> 2),  # RFC 9429 section 5.2.1: 62 random bits
            NegotiationSettings(
                sctp_port=sctp.local_port, max_message_size=sctp.max_message_size, capabilities=MediaCapabilities()
            ),
        )
        self._need = NegotiationNeed(self._is_negotiation_needed, lambda: self.emit("negotiationneeded"))
        self._operations = self._need.operations
        self._wants_data_channel = False
        self._restarts = RestartRequests()
        self._remote_candidates = RemoteCandidates(self._transports.ice.addRemoteCandidate)
        self._connection_state: RTCPeerConnectionState = "new"
        self._is_closed = False
        self._leftover: asyncio.Task[None] | None = None  # what close() could not end at once
        self._listen()
        self._gather_ahead()

    # Descriptions

    async def createOffer(
        self, options: Mapping[str, Any] | None = None, *, iceRestart: bool = False
    ) -> RTCSessionDescription:
        """An offer of what there is to negotiate; it changes nothing until it is set.

        Args:
            options: the W3C's dictionary; of its members only ``iceRestart`` counts.
            iceRestart: whether both sides shall find a new path; see `restartIce`.

        Raises:
            InvalidStateError: a remote offer waits for its answer, or the connection is closed.
        """
        self._require_open()
        is_restart = iceRestart or bool((options or {}).get("iceRestart"))
        return await self._operations.run(lambda: self._create_offer(is_restart=is_restart))

    async def createAnswer(self, options: Mapping[str, Any] | None = None) -> RTCSessionDescription:  # noqa: ARG002
        """An answer to the remote offer; it changes nothing until it is set.

        Raises:
            InvalidStateError: there is no remote offer, or the connection is closed.
        """
        self._require_open()
        return await self._operations.run(self._create_answer)

    async def setLocalDescription(self, description: RTCSessionDescription | Mapping[str, Any] | None = None) -> None:
        """Apply our own description, made now when none is given, and gather candidates.

        Returns at once when somebody listens for ``icecandidate``. Otherwise the candidates are needed in the
        description, so it waits for those that come soon; never for a dead server (`IceSettings.trickle`).

        Raises:
            InvalidStateError: the type does not fit `signalingState`, or the connection is closed.
            InvalidModificationError: the description is not what createOffer or createAnswer gave last.
        """
        self._require_open()
        made = None if description is None else RTCSessionDescription.fromJSON(description)
        await self._operations.run(lambda: self._set_local(made))
        if not self._is_trickling:
            await self.gathered()
            self._require_open()

    async def setRemoteDescription(self, description: RTCSessionDescription | Mapping[str, Any]) -> None:
        """Apply the peer's description; in case of glare an offer of ours is rolled back.

        Raises:
            RTCError: the description is no SDP; the message names the line.
            InvalidAccessError, OperationError: it can not be applied; the message says what is wrong.
            InvalidStateError: the type does not fit `signalingState`, or the connection is closed.
        """
        self._require_open()
        made = RTCSessionDescription.fromJSON(description)
        await self._operations.run(lambda: self._set_remote(made))

    async def addIceCandidate(self, candidate: RTCIceCandidate | Mapping[str, Any] | str | None = None) -> None:
        """Take a candidate of the peer's: an object, a dictionary, a candidate line, or None for "no more".

        What comes before the remote description waits for it; duplicates are harmless, and candidates of an older
        generation are ignored.

        Raises:
            TypeError: a candidate with neither ``sdpMid`` nor ``sdpMLineIndex``.
            OperationError: the line is malformed, or names an m-section that does not exist.
            InvalidStateError: the connection is closed.
        """
        self._require_open()
        made = remote_candidate(candidate)
        await self._operations.run(lambda: self._add_candidate(made))

    async def gathered(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 ours
        until: Callable[[list[RTCIceCandidate]], bool] | None = None,
    ) -> RTCSessionDescription | None:
        """The local description once it has the candidates for bulk signalling: all, or those that came in good time.

        Args:
            timeout: seconds after which what is there is returned.
            until: decides, in place of our own judgement, whether the candidates so far suffice, for instance
                ``lambda candidates: any(one.type == "srflx" for one in candidates)``.
        """
        if self._transports.gatherer.state != "new":
            await self._transports.gatherer.gathered(timeout, until)
        return self.localDescription

    @property
    def localDescription(self) -> RTCSessionDescription | None:
        """The pending local description, else the current one, with the candidates gathered so far."""
        return self._local_description("effective")

    @property
    def currentLocalDescription(self) -> RTCSessionDescription | None:
        """The local description that was negotiated last."""
        return self._local_description("current")

    @property
    def pendingLocalDescription(self) -> RTCSessionDescription | None:
        """The local description under negotiation."""
        return self._local_description("pending")

    @property
    def remoteDescription(self) -> RTCSessionDescription | None:
        """The pending remote description, else the current one, with the candidates that were added to it."""
        return self._remote_description("effective")

    @property
    def currentRemoteDescription(self) -> RTCSessionDescription | None:
        """The remote description that was negotiated last."""
        return self._remote_description("current")

    @property
    def pendingRemoteDescription(self) -> RTCSessionDescription | None:
        """The remote description under negotiation."""
        return self._remote_description("pending")

    def restartIce(self) -> None:
        """Find a new path: ``negotiationneeded`` fires, and the next offer comes with new credentials and candidates.

        Meanwhile data goes on over the path that there is, and neither channels nor encryption notice. A request that a
        rollback has frustrated is made again by itself.
        """
        if not self._is_closed:
            self._restarts.request(self._negotiation)
            self._need.update()

    # Data channels

    def createDataChannel(
        self,
        label: str,
        dataChannelDict: Mapping[str, Any] | None = None,
        *,
        ordered: bool = True,
        maxPacketLifeTime: int | None = None,
        maxRetransmits: int | None = None,
        protocol: str = "",
        negotiated: bool = False,
        id: int | None = None,  # noqa: A002 the W3C's name
    ) -> RTCDataChannel:
        """Open a channel of messages; the parameters may come as keywords or as the dictionary of JavaScript.

        Args:
            label: a name for the channel, need not be unique.
            dataChannelDict: the parameters below, as a dictionary.
            ordered: messages arrive in the order of sending.
            maxPacketLifeTime: give a message up after that many milliseconds.
            maxRetransmits: give a message up after that many retransmissions; excludes ``maxPacketLifeTime``.
            protocol: a subprotocol, for the application's own use.
            negotiated: both applications make the channel, under the same ``id``.
            id: 0 to 65534, with ``negotiated``.

        Raises:
            TypeError: parameters that exclude each other, or a value out of range.
            OperationError: the id is taken.
            InvalidStateError: the connection is closed.
        """
        self._require_open()
        if dataChannelDict is not None:
            return self.createDataChannel(label, **dataChannelDict)
        channel = self._transports.sctp._open(  # noqa: SLF001
            label,
            ordered=ordered,
            max_packet_life_time_ms=maxPacketLifeTime,
            max_retransmits=maxRetransmits,
            protocol=protocol,
            negotiated=negotiated,
            stream_id=id if negotiated else None,
        )
        self._wants_data_channel = True
        self._need.update()
        return channel

    @property
    def sctp(self) -> RTCSctpTransport | None:
        """What carries the data channels; None until they are negotiated."""
        return self._transports.sctp if self._transports.is_sctp_negotiated else None

    # States

    @property
    def signalingState(self) -> RTCSignalingState:
        """Where the exchange of descriptions stands."""
        return self._negotiation.state.value

    @property
    def iceGatheringState(self) -> RTCIceGatheringState:
        """``"new"``, ``"gathering"`` or ``"complete"``."""
        return self._transports.gatherer.state

    @property
    def iceConnectionState(self) -> RTCIceConnectionState:
        """The state of connectivity; ``"closed"`` after `close`."""
        return "closed" if self._is_closed else self._transports.ice.state

    @property
    def connectionState(self) -> RTCPeerConnectionState:
        """ICE and DTLS together: ``"connected"`` when data can flow."""
        return self._connection_state

    @property
    def canTrickleIceCandidates(self) -> bool | None:
        """Whether the peer takes candidates one by one; None before its description."""
        remote = self._transports.remote
        return None if remote is None else "trickle" in remote.options

    def getConfiguration(self) -> RTCConfiguration:
        """What the connection was made with, or was given since."""
        return self._configuration

    def setConfiguration(self, configuration: RTCConfiguration | Mapping[str, Any] | None = None) -> None:
        """Use other ICE servers or another transport policy when candidates are gathered next.

        That is with the first description, and later with the next offer of ours, which restarts ICE; call `restartIce`
        to be asked for it soon.

        Raises:
            InvalidModificationError: bundlePolicy, rtcpMuxPolicy or certificates are others than before, or
                iceCandidatePoolSize is and there is a local description.
            SyntaxError, InvalidAccessError, TypeError: as for the constructor.
            InvalidStateError: the connection is closed.
        """
        self._require_open()
        made = RTCConfiguration.of(configuration)
        servers = made.server_urls()
        self._configuration = self._configuration.modified(
            made, is_pool_fixed=self._negotiation.local_description() is not None
        )
        self._settings = self._own_settings.configured(made)
        if self._transports.configure(servers, self._settings.ice):
            self._restarts.configuration_changed(self._negotiation)
        self._gather_ahead()

    # Seeing

    async def getStats(self, selector: object = None) -> RTCStatsReport:
        """Statistics of all there is, by id; `InvalidAccessError` for a ``selector``, as there are no tracks yet."""
        if selector is not None:
            raise InvalidAccessError("no sender or receiver of this connection has that track")
        return self._transports.ice._stats.connection()  # noqa: SLF001

    def explain(self) -> Explanation:
        """Why the connection is where it is: ``print`` it, or look at its findings. Needs a running event loop."""
        return explain_connection(self._transports, self._negotiation, self._connection_state)

    # The end

    def close(self) -> Coroutine[Any, Any, None]:
        """Close at once and say goodbye to the peer; awaiting the result waits until tasks and sockets are gone.

        It may be called at any time, from an event handler too, and again.
        """
        if not self._is_closed:
            self._is_closed = True
            self._close()
        return Closing(lambda: self._leftover)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def _close(self) -> None:
        self._need.close()
        self._negotiation.close()
        self._remote_candidates.clear()
        self._leftover = self._transports.close()
        # Deviation: the W3C's close() fires no event (webrtc-pc section 4.4.1.4); programs written for aiortc clean up
        # in the handlers of these three.
        self.emit("signalingstatechange")
        self.emit("iceconnectionstatechange")
        self._set_connection_state("closed")
        self.remove_all_listeners()

    def _require_open(self) -> None:
        if self._is_closed:
            raise InvalidStateError("the peer connection is closed")

    # Operations, which run one after the other

    async def _create_offer(self, *, is_restart: bool = False) -> RTCSessionDescription:
        # Without a description there is nothing to replace.
        is_restart = (is_restart or self._restarts.is_due) and self._negotiation.local_description() is not None
        local = self._transports.local_transport(is_restart=is_restart)
        sdp = self._negotiation.create_offer(self._wanted(), local)
        return RTCSessionDescription(sdp=serialize(sdp), type="offer")

    async def _create_answer(self) -> RTCSessionDescription:
        settled = self._negotiation.settled.local_credentials
        # The peer's restart is answered by ours (RFC 8839 section 4.4.2); a provisional answer has done that already.
        is_restart = self._negotiation.is_restart_offered and self._transports.has_credentials(settled)
        sdp = self._negotiation.create_answer(self._transports.local_transport(is_restart=is_restart))
        return RTCSessionDescription(sdp=serialize(sdp), type="answer")

    async def _set_local(self, description: RTCSessionDescription | None) -> None:
        kind = DescriptionType(description.type) if description else self._negotiation.implied_local_type()
        sdp = description.sdp if description else ""
        if not sdp and kind is DescriptionType.OFFER:
            await self._create_offer()
        elif not sdp and kind is not DescriptionType.ROLLBACK:
            await self._create_answer()
        before = self._negotiation.state
        applied = self._negotiation.set_local(kind, sdp or None)
        self._apply(applied, before)
        if kind is DescriptionType.OFFER:
            self._restarts.offer_set()
        if kind is not DescriptionType.ROLLBACK and applied.mids:
            self._transports.gatherer.gather()

    async def _set_remote(self, description: RTCSessionDescription) -> None:
        before = self._negotiation.state
        # On a copy: what the transports can not do is refused before anything has changed.
        following = copy.copy(self._negotiation)
        applied = following.set_remote(DescriptionType(description.type), description.sdp)
        self._transports.check(applied, description.sdp)
        self._negotiation = following
        self._apply(applied, before)
        self._remote_candidates.description_set(following)

    async def _add_candidate(self, candidate: RTCIceCandidate) -> None:
        self._remote_candidates.add(candidate, self._negotiation)

    # What a description changes

    def _apply(self, applied: Applied, before: SignalingState) -> None:
        for index, section in enumerate(applied.sections):
            if not section.is_rejected:
                self._transports.gatherer._media_section = (section.mid, index)  # noqa: SLF001
                break
        self._transports.apply(applied, self._negotiation.session.local_credentials)
        if applied.is_data_channel_refused:
            # Otherwise the same offer would be needed again, and be refused again, for ever.
            self._wants_data_channel = False
            self._transports.sctp._refuse()  # noqa: SLF001
        if applied.state is not before:
            self.emit("signalingstatechange")
        self._transports.gatherer._tell_state()  # noqa: SLF001 a restart, or its rollback
        if applied.state is SignalingState.STABLE:
            self._restarts.settle(self._negotiation)
            self._need.forget()
            self._need.update()

    def _wanted(self) -> Wanted:
        return Wanted(data_channel=self._wants_data_channel)

    def _is_negotiation_needed(self) -> bool | None:
        """None while an exchange is under way."""
        if self._negotiation.state is not SignalingState.STABLE:
            return None
        return self._restarts.is_wanted or self._negotiation.is_negotiation_needed(self._wanted())

    def _local_description(self, which: Which) -> RTCSessionDescription | None:
        description = self._negotiation.local_description(which)
        transports = self._transports.local_transports(self._negotiation)
        sdp = self._negotiation.local_description_text(which, *transports)
        return RTCSessionDescription(sdp, description.type.value) if description and sdp else None

    def _remote_description(self, which: Which) -> RTCSessionDescription | None:
        description = self._negotiation.remote_description(which)
        sdp = self._remote_candidates.described(self._negotiation, which)
        return RTCSessionDescription(serialize(sdp), description.type.value) if description and sdp else None

    @property
    def _is_trickling(self) -> bool:
        trickle = self._settings.ice.trickle
        return bool(self.listeners("icecandidate")) if trickle == "auto" else bool(trickle)

    # News from the transports

    def _gather_ahead(self) -> None:
        """RFC 9429 section 3.5.4; there is one transport, so that any pool is a pool of one."""
        if self._configuration.iceCandidatePoolSize:
            with contextlib.suppress(RuntimeError):  # made before the loop runs
                self._transports.gatherer.gather_ahead()

    def _listen(self) -> None:
        transports = self._transports
        transports.gatherer.on("statechange", lambda: self.emit("icegatheringstatechange"))
        transports.gatherer.on("localcandidate", lambda candidate: self.emit("icecandidate", candidate))
        transports.gatherer.on("error", lambda error: self.emit("icecandidateerror", error))
        transports.ice.on("statechange", self._on_ice_state)
        transports.dtls.on("statechange", self._update_connection_state)
        transports.sctp.on("datachannel", lambda channel: self.emit("datachannel", channel))

    def _on_ice_state(self) -> None:
        self.emit("iceconnectionstatechange")
        self._update_connection_state()

    def _update_connection_state(self) -> None:
        if not self._is_closed:
            self._set_connection_state(connection_state(self._transports.ice.state, self._transports.dtls.state))

    def _set_connection_state(self, state: RTCPeerConnectionState) -> None:
        if state != self._connection_state:
            self._connection_state = state
            self.emit("connectionstatechange")
