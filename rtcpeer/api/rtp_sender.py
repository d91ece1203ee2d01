"""RTCRtpSender (W3C webrtc-pc section 5.2)."""

import asyncio
import uuid
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rtcpeer.api.closing import Closing
from rtcpeer.api.dtls import RTCDtlsTransport
from rtcpeer.api.dtmf import RTCDTMFSender
from rtcpeer.api.encodings import check_encodings, initial_encodings, new_streams
from rtcpeer.api.media_capabilities import capabilities_of
from rtcpeer.api.media_link import MediaLink
from rtcpeer.api.media_stats import MediaStats, selected
from rtcpeer.api.rtp_parameters import (
    RTCRtcpParameters,
    RTCRtpCapabilities,
    RTCRtpCodecParameters,
    RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpSendParameters,
)
from rtcpeer.api.sender_encoder import SenderEncoder
from rtcpeer.api.stats import RTCStatsReport
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidModificationError, InvalidStateError, OperationError
from rtcpeer.event_target import EventTarget, event_handler
from rtcpeer.media.stream import MediaStream
from rtcpeer.media.track import MediaStreamTrack
from rtcpeer.rtp.parameters import Kind, SendParameters
from rtcpeer.rtp.sender import RtpSender

if TYPE_CHECKING:  # it makes these senders
    from rtcpeer.api.transceiver import RTCRtpTransceiver

__all__ = ["RTCRtpSender"]


class RTCRtpSender(EventTarget):
    """Sends a track, or nothing, in one section of the session; made by `RTCPeerConnection`.

    Event: ``error`` (an `OperationError`) when the track failed or gave a frame that can not be encoded; that ends
    the track and nothing else, and the track has the event too.
    """

    onerror = event_handler("error")

    def __init__(
        self,
        link: MediaLink,
        kind: Kind,
        track: MediaStreamTrack | None = None,
        streams: Iterable[MediaStream] = (),
        encodings: Sequence[RTCRtpEncodingParameters | Mapping[str, Any]] = (),
    ) -> None:
        super().__init__()
        self._link = link
        self._kind = kind
        self._core = RtpSender(kind, link.media_settings, link.entropy)
        self._transceiver: RTCRtpTransceiver  # set by the one that is made with it
        self._dtmf = RTCDTMFSender(link, self._core) if kind == "audio" else None
        # What the peer is told of it; the same however often the track is replaced (RFC 9429 section 5.2.1).
        self._track_id = _fresh_id(link.entropy) if track is None else track.id
        self._stream_ids: tuple[str, ...] = ()
        self._name_streams(streams)
        initial = initial_encodings(kind, encodings)
        self._own_streams = new_streams(kind, initial, link.entropy)
        self._encoder = SenderEncoder(link, self._core, initial, self._fail)
        self._encoder.track = track
        self._parameters: SendParameters | None = None
        self._transaction: str | None = None  # the id of what getParameters() returned last
        self._is_ended = False

    @property
    def kind(self) -> Kind:
        """``"audio"`` or ``"video"``; aiortc's, the W3C's is the transceiver's."""
        return self._kind

    @property
    def track(self) -> MediaStreamTrack | None:
        """What is sent."""
        return self._encoder.track

    @property
    def transport(self) -> RTCDtlsTransport | None:
        """What carries the packets; None before negotiation."""
        return None if self._parameters is None else self._link.transport

    @property
    def dtmf(self) -> RTCDTMFSender | None:
        """The keys of a telephone; None for video."""
        return self._dtmf

    @classmethod
    def getCapabilities(cls, kind: str) -> RTCRtpCapabilities | None:
        """What can be sent of ``"audio"`` or ``"video"``; None for anything else."""
        return capabilities_of(kind, is_sending=True)

    def replaceTrack(self, track: MediaStreamTrack | None) -> Coroutine[Any, Any, None]:
        """Send this one from now on, or nothing, without negotiation. It has happened on return; awaiting is optional.

        Raises:
            TypeError: the track is of the other kind.
            InvalidStateError: the transceiver is stopped.
        """
        if self._is_ended or self._transceiver.stopped:
            raise InvalidStateError("the transceiver is stopped")
        if track is not None and track.kind != self._kind:
            raise TypeError(f"a sender of {self._kind} does not send a track of {track.kind}")
        self._encoder.set_track(track)
        return Closing(lambda: None)

    def setStreams(self, *streams: MediaStream) -> None:
        """Tell the peer, by negotiation, that the track belongs to these.

        Raises:
            InvalidStateError: the transceiver is stopped.
        """
        if self._is_ended or self._transceiver.stopped:
            raise InvalidStateError("the transceiver is stopped")
        self._name_streams(streams)
        self._link.need_changed()

    def getParameters(self) -> RTCRtpSendParameters:
        """What was negotiated and how the track is encoded; to be changed and given to `setParameters`."""
        self._transaction = self._transaction or self._link.entropy(8).hex()
        known = self._parameters
        made = RTCRtpSendParameters(
            transactionId=self._transaction,
            encodings=[replace(one) for one in self._encoder.encodings],
            degradationPreference=self._encoder.degradation,
        )
        if known is not None and not self._is_ended:
            made.headerExtensions = [RTCRtpHeaderExtensionParameters(uri, number) for uri, number in known.extensions]
            made.rtcp = RTCRtcpParameters(known.cname, known.is_reduced_size)
            made.codecs = [RTCRtpCodecParameters.of(codec) for codec in known.codecs]
        return made

    async def setParameters(self, parameters: RTCRtpSendParameters) -> None:
        """Encode differently from now on: what `getParameters` returned last, with other encodings.

        Raises:
            InvalidStateError: the transceiver is stopped, or getParameters was not called since the last change.
            InvalidModificationError: what must not be changed has been: the number, order or rids of the encodings,
                or anything that was negotiated.
            ValueError: a limit is out of range (JavaScript's RangeError).
        """
        if self._is_ended or self._transceiver.stopped:
            raise InvalidStateError("the transceiver is stopped")
        if self._transaction is None:
            raise InvalidStateError("setParameters takes what getParameters returned; call that first")
        now = self.getParameters()
        encodings = [replace(one) for one in parameters.encodings]
        if [one.rid for one in encodings] != [one.rid for one in now.encodings]:
            raise InvalidModificationError("the number, the order and the rids of encodings can not be changed")
        if replace(parameters, encodings=now.encodings, degradationPreference=now.degradationPreference) != now:
            raise InvalidModificationError("only encodings and degradationPreference can be changed")
        check_encodings(self._kind, encodings)
        if len({one.codec for one in encodings}) > 1:
            raise InvalidModificationError("all encodings of a sender are in one codec")
        for one in encodings:
            if one.codec is not None and self._encoder.negotiated(one.codec) is None:
                raise InvalidModificationError(f"{one.codec.mimeType} is not among the codecs that were negotiated")
        self._transaction = None
        self._encoder.set_encodings(encodings, parameters.degradationPreference)

    async def getStats(self) -> RTCStatsReport:
        """Statistics of the streams that are sent, and of all that they depend on."""
        stats = MediaStats(self._link.collector)
        return selected(stats.report, self._add_stats(stats))

    # From the transceiver and the core

    def _add_stats(self, stats: MediaStats) -> list[str]:
        return stats.add_sender(self)

    def _tell_apart(self, others: Iterable["RTCRtpSender"]) -> None:
        """Go by another id where one of these sends the same track: Chromium takes no description with both."""
        if any(other._track_id == self._track_id for other in others):  # noqa: SLF001
            self._track_id = _fresh_id(self._link.entropy)

    def _configured(self, parameters: SendParameters | None) -> None:
        self._parameters = parameters
        self._encoder.configure(parameters)

    def _adopt(self, track: MediaStreamTrack, streams: Iterable[MediaStream]) -> None:
        """Send this one, by addTrack."""
        self._name_streams(streams)
        self._encoder.set_track(track)

    def _name_streams(self, streams: Iterable[MediaStream]) -> None:
        self._stream_ids = tuple(dict.fromkeys(stream.id for stream in streams))

    def _end(self) -> None:
        """Send no more; the track lives on."""
        self._is_ended = True
        self._encoder.end()

    def _fail(self, track: MediaStreamTrack, error: Exception) -> None:
        failure = OperationError(f"the {self._kind} track {track.id} failed: {error}")
        failure.__cause__ = error
        is_told = [target.emit("error", failure) for target in (self, track)]
        if not any(is_told):  # a mistake of the program's shall not pass in silence
            context = {"message": str(failure), "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


def _fresh_id(entropy: Entropy) -> str:
    return str(uuid.UUID(bytes=entropy(16), version=4))
