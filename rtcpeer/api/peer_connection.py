"""RTCPeerConnection (W3C webrtc-pc section 4.4)."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Self, cast

from rtcpeer.aio.network import Network
from rtcpeer.api.closing import Closing, together
from rtcpeer.api.configuration import RTCConfiguration, Settings
from rtcpeer.api.data_channel import RTCDataChannel
from rtcpeer.api.description import RTCSessionDescription
from rtcpeer.api.events import EventTarget, event_handler
from rtcpeer.api.exchange import Exchange
from rtcpeer.api.explain import explain_connection
from rtcpeer.api.ice_candidate import RTCIceCandidate
from rtcpeer.api.remote_candidates import remote_candidate
from rtcpeer.api.sctp import RTCSctpTransport
from rtcpeer.api.states import (
    RTCIceConnectionState,
    RTCIceGatheringState,
    RTCPeerConnectionState,
    RTCSignalingState,
)
from rtcpeer.api.stats import RTCStatsReport
from rtcpeer.api.transports import Transports
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidAccessError, InvalidStateError
from rtcpeer.jsep.settings import BundlePolicy
from rtcpeer.stack.explanation import Explanation

if TYPE_CHECKING:  # these import PyAV, which connections for data do without
    from rtcpeer.api.rtp_parameters import RTCRtpTransceiverInit
    from rtcpeer.api.rtp_receiver import RTCRtpReceiver
    from rtcpeer.api.rtp_sender import RTCRtpSender
    from rtcpeer.api.transceiver import RTCRtpTransceiver
    from rtcpeer.media.stream import MediaStream
    from rtcpeer.media.track import MediaStreamTrack

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
    `RTCDataChannel`); ``track`` (a `RemoteStreamTrack`, from which receiver, transceiver and streams are reached).
    """

    onnegotiationneeded = event_handler("negotiationneeded")
    onicecandidate = event_handler("icecandidate")
    onicecandidateerror = event_handler("icecandidateerror")
    onsignalingstatechange = event_handler("signalingstatechange")
    onicegatheringstatechange = event_handler("icegatheringstatechange")
    oniceconnectionstatechange = event_handler("iceconnectionstatechange")
    onconnectionstatechange = event_handler("connectionstatechange")
    ondatachannel = event_handler("datachannel")
    ontrack = event_handler("track")

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
        self._transports = Transports(
            self._configuration, self._settings, network, entropy, self.emit, self._update_connection_state
        )
        bundle_policy = cast("BundlePolicy", self._configuration.bundlePolicy)  # of either type it is a string by now
        self._exchange = Exchange(self._transports, self._settings, bundle_policy, entropy, self.emit)
        self._connection_state: RTCPeerConnectionState = "new"
        self._is_closed = False
        self._leftover: asyncio.Task[None] | None = None  # what close() could not end at once
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
        return await self._exchange.run(lambda: self._exchange.create_offer(is_restart=is_restart))

    async def createAnswer(self, options: Mapping[str, Any] | None = None) -> RTCSessionDescription:  # noqa: ARG002
        """An answer to the remote offer; it changes nothing until it is set.

        Raises:
            InvalidStateError: there is no remote offer, or the connection is closed.
        """
        self._require_open()
        return await self._exchange.run(self._exchange.create_answer)

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
        await self._exchange.run(lambda: self._exchange.set_local(made))
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
        await self._exchange.run(lambda: self._exchange.set_remote(made))

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
        await self._exchange.run(lambda: self._exchange.add_candidate(made))

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
        await self._transports.gathered(timeout, until)
        return self.localDescription

    @property
    def localDescription(self) -> RTCSessionDescription | None:
        """The pending local description, else the current one, with the candidates gathered so far."""
        return self._exchange.local_description("effective")

    @property
    def currentLocalDescription(self) -> RTCSessionDescription | None:
        """The local description that was negotiated last."""
        return self._exchange.local_description("current")

    @property
    def pendingLocalDescription(self) -> RTCSessionDescription | None:
        """The local description under negotiation."""
        return self._exchange.local_description("pending")

    @property
    def remoteDescription(self) -> RTCSessionDescription | None:
        """The pending remote description, else the current one, with the candidates that were added to it."""
        return self._exchange.remote_description("effective")

    @property
    def currentRemoteDescription(self) -> RTCSessionDescription | None:
        """The remote description that was negotiated last."""
        return self._exchange.remote_description("current")

    @property
    def pendingRemoteDescription(self) -> RTCSessionDescription | None:
        """The remote description under negotiation."""
        return self._exchange.remote_description("pending")

    def restartIce(self) -> None:
        """Find a new path: ``negotiationneeded`` fires, and the next offer comes with new credentials and candidates.

        Meanwhile data goes on over the path that there is, and neither channels nor encryption notice. A request that a
        rollback has frustrated is made again by itself.
        """
        if not self._is_closed:
            self._exchange.request_restart()

    # Media

    def addTransceiver(
        self,
        trackOrKind: "MediaStreamTrack | str",
        init: "RTCRtpTransceiverInit | Mapping[str, Any] | str | None" = None,
        **members: Any,
    ) -> "RTCRtpTransceiver":
        """A sender and a receiver in a section of their own, negotiated next.

        Args:
            trackOrKind: what to send; or ``"audio"`` or ``"video"``.
            init: an `RTCRtpTransceiverInit` or a dictionary as in JavaScript; its members may come as keywords:
            members: ``direction`` (``"sendrecv"``, ``"sendonly"``, ``"recvonly"``, ``"inactive"``), ``streams``, and
                ``sendEncodings``, of which several are simulcast.

        Raises:
            TypeError: neither kind, an unknown member, or rids that do not fit together.
            ValueError: an encoding's limit is out of range.
            InvalidStateError: the connection is closed.
        """
        self._require_open()
        return self._exchange.require_media().add(trackOrKind, members if init is None else init)

    def addTrack(self, track: "MediaStreamTrack", *streams: "MediaStream") -> "RTCRtpSender":
        """Send a track, through a transceiver that has never sent or a new one; it belongs to these streams.

        Raises:
            InvalidAccessError: it is sent already.
            InvalidStateError: the connection is closed.
        """
        self._require_open()
        return self._exchange.require_media().add_track(track, streams)

    def removeTrack(self, sender: "RTCRtpSender") -> None:
        """Send nothing more there; the transceiver stays, to be used again.

        Raises:
            InvalidAccessError: the sender is another connection's.
            InvalidStateError: the connection is closed.
        """
        self._require_open()
        self._exchange.require_media().remove_track(sender)

    def getTransceivers(self) -> "list[RTCRtpTransceiver]":
        """All that are not stopped, in the order in which they came to be."""
        media = self._exchange.media
        return [] if media is None else media.all

    def getSenders(self) -> "list[RTCRtpSender]":
        """The senders of all transceivers that are not stopped."""
        return [each.sender for each in self.getTransceivers() if not each.stopped]

    def getReceivers(self) -> "list[RTCRtpReceiver]":
        """The receivers of all transceivers that are not stopped."""
        return [each.receiver for each in self.getTransceivers() if not each.stopped]

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
        self._exchange.want_data_channel()
        return channel

    @property
    def sctp(self) -> RTCSctpTransport | None:
        """What carries the data channels; None until they are negotiated."""
        return self._transports.sctp if self._transports.is_sctp_negotiated else None

    # States

    @property
    def signalingState(self) -> RTCSignalingState:
        """Where the exchange of descriptions stands."""
        return self._exchange.negotiation.state.value

    @property
    def iceGatheringState(self) -> RTCIceGatheringState:
        """``"new"``, ``"gathering"`` or ``"complete"``."""
        return self._transports.gathering_state

    @property
    def iceConnectionState(self) -> RTCIceConnectionState:
        """The state of connectivity; ``"closed"`` after `close`."""
        return "closed" if self._is_closed else self._transports.ice_state

    @property
    def connectionState(self) -> RTCPeerConnectionState:
        """ICE and DTLS together: ``"connected"`` when data can flow."""
        return self._connection_state

    @property
    def canTrickleIceCandidates(self) -> bool | None:
        """Whether the peer takes candidates one by one; None before its description."""
        remote = self._transports.first.remote
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
            made, is_pool_fixed=self._exchange.negotiation.local_description() is not None
        )
        self._settings = self._own_settings.configured(made)
        if self._transports.configure(servers, self._settings):
            self._exchange.configuration_changed()
        self._gather_ahead()

    # Seeing

    async def getStats(self, selector: object = None) -> RTCStatsReport:
        """Statistics of all there is, by id, or of what one track depends on.

        Raises:
            InvalidAccessError: the ``selector`` is not the track of exactly one sender or receiver.
        """
        media = self._exchange.media
        if media is not None:
            return await media.stats(selector)
        if selector is not None:
            raise InvalidAccessError("no sender or receiver of this connection has that track")
        return self._transports.statistics()

    def explain(self) -> Explanation:
        """Why the connection is where it is: ``print`` it, or look at its findings. Needs a running event loop."""
        return explain_connection(
            self._transports, self._exchange.negotiation, self._exchange.media, self._connection_state
        )

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
        self._exchange.close()
        self._leftover = together(self._transports.close() | self._exchange.leftovers)
        # Deviation: the W3C's close() fires no event (webrtc-pc section 4.4.1.4); programs written for aiortc clean up
        # in the handlers of these three.
        self.emit("signalingstatechange")
        self.emit("iceconnectionstatechange")
        self._set_connection_state("closed")
        self.remove_all_listeners()

    def _require_open(self) -> None:
        if self._is_closed:
            raise InvalidStateError("the peer connection is closed")

    @property
    def _is_trickling(self) -> bool:
        trickle = self._settings.ice.trickle
        return bool(self.listeners("icecandidate")) if trickle == "auto" else bool(trickle)

    # News from the transports

    def _gather_ahead(self) -> None:
        """RFC 9429 section 3.5.4, for the one transport that bundled sections need, however large the pool."""
        if self._configuration.iceCandidatePoolSize:
            with contextlib.suppress(RuntimeError):  # made before the loop runs
                self._transports.first.gatherer.gather_ahead()

    def _update_connection_state(self) -> None:
        if not self._is_closed:
            self._set_connection_state(self._transports.state)

    def _set_connection_state(self, state: RTCPeerConnectionState) -> None:
        if state != self._connection_state:
            self._connection_state = state
            self.emit("connectionstatechange")
