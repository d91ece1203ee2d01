"""RTCRtpReceiver (W3C webrtc-pc section 5.3)."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtcpeer.api.dtls import RTCDtlsTransport
from rtcpeer.api.encoded_frames import EncodedFrames
from rtcpeer.api.media_capabilities import capabilities_of
from rtcpeer.api.media_link import MediaLink
from rtcpeer.api.media_stats import MediaStats, selected
from rtcpeer.api.remote_track import RemoteStreamTrack
from rtcpeer.api.rtp_parameters import (
    RTCRtcpParameters,
    RTCRtpCapabilities,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpReceiveParameters,
)
from rtcpeer.api.stats import RTCStatsReport
from rtcpeer.errors import InvalidStateError
from rtcpeer.media.codec_contract import RawFrame
from rtcpeer.media.receiving import TrackDecoder
from rtcpeer.media.stream import MediaStream
from rtcpeer.rtp.events import FrameReceived, StreamEnded, StreamStarted
from rtcpeer.rtp.layer_choice import LayerChoice
from rtcpeer.rtp.parameters import Kind, ReceiveParameters
from rtcpeer.rtp.receiver import RtpReceiver, SourceHeard

if TYPE_CHECKING:  # it makes these receivers
    from rtcpeer.api.transceiver import RTCRtpTransceiver

__all__ = ["RTCRtpContributingSource", "RTCRtpReceiver", "RTCRtpSynchronizationSource"]

MAX_JITTER_TARGET_MS = 4000  # W3C webrtc-extensions section 6.2


@dataclass(frozen=True)
class RTCRtpContributingSource:
    """Who was heard lately in what a mixer sends; ``timestamp`` is milliseconds since 1970, the level 0 to 1."""

    timestamp: float
    source: int
    rtpTimestamp: int
    audioLevel: float | None = None


@dataclass(frozen=True)
class RTCRtpSynchronizationSource(RTCRtpContributingSource):
    """A stream of which something was played lately."""


class RTCRtpReceiver:
    """What one section of the session brings; nothing is decoded before somebody reads the `track`.

    Made by `RTCPeerConnection`.
    """

    def __init__(self, link: MediaLink, kind: Kind) -> None:
        self._link = link
        self._core = RtpReceiver(kind, link.media_settings)
        self._core.is_read = False
        self._kind = kind
        self._track = RemoteStreamTrack(kind, self)
        self._transceiver: RTCRtpTransceiver  # set by the one that is made with it
        self._streams: list[MediaStream] = []
        self._decoder: TrackDecoder | None = None
        self._layers = LayerChoice(self._ask_for_keyframe)  # what the decoder gets
        self._readers: list[EncodedFrames] = []
        self._parameters: ReceiveParameters | None = None
        self._active_streams: set[int] = set()  # SSRCs
        self._jitter_target: float | None = None
        self._is_ended = False

    @property
    def track(self) -> RemoteStreamTrack:
        """What is received; there from the beginning, muted until media arrives."""
        return self._track

    @property
    def transport(self) -> RTCDtlsTransport | None:
        """What carries the packets; None before negotiation."""
        return None if self._parameters is None else self._link.transport

    @property
    def jitterBufferTarget(self) -> float | None:
        """Milliseconds that media is to wait at least before it is played; None leaves it to the path."""
        return self._jitter_target

    @jitterBufferTarget.setter
    def jitterBufferTarget(self, milliseconds: float | None) -> None:
        if milliseconds is not None and not 0 <= milliseconds <= MAX_JITTER_TARGET_MS:
            raise ValueError(f"jitterBufferTarget is 0 to {MAX_JITTER_TARGET_MS} ms, not {milliseconds}")
        self._jitter_target = milliseconds
        self._core.set_jitter_target((milliseconds or 0) / 1000)

    @classmethod
    def getCapabilities(cls, kind: str) -> RTCRtpCapabilities | None:
        """What can be received of ``"audio"`` or ``"video"``; None for anything else."""
        return capabilities_of(kind, is_sending=False)

    def getParameters(self) -> RTCRtpReceiveParameters:
        """What was negotiated."""
        known = self._parameters
        if known is None or self._is_ended:
            return RTCRtpReceiveParameters()
        return RTCRtpReceiveParameters(
            headerExtensions=[RTCRtpHeaderExtensionParameters(uri, number) for uri, number in known.extensions],
            rtcp=RTCRtcpParameters(reducedSize=known.is_reduced_size),
            codecs=[RTCRtpCodecParameters.of(codec) for codec in known.codecs],
        )

    def getContributingSources(self) -> list[RTCRtpContributingSource]:
        """Whom a mixer let be heard in the last 10 seconds, the latest first."""
        return [RTCRtpContributingSource(*self._heard(one)) for one in self._sources() if one.is_contributing]

    def getSynchronizationSources(self) -> list[RTCRtpSynchronizationSource]:
        """The streams that were played in the last 10 seconds, the latest first."""
        return [RTCRtpSynchronizationSource(*self._heard(one)) for one in self._sources() if not one.is_contributing]

    def encoded(self) -> EncodedFrames:
        """An iterator over the frames from now on as they were sent, without a decoder (``async for``).

        It may be used beside `track`. A sender of another connection takes the frames through a track whose ``recv``
        gives them.

        Raises:
            InvalidStateError: the receiver has ended.
        """
        if self._is_ended:
            raise InvalidStateError("the receiver has ended")
        reader = EncodedFrames(self.requestKeyframe, self._left)
        self._readers.append(reader)
        self._follow_readers()
        if self._kind == "video":
            self.requestKeyframe()
        return reader

    def requestKeyframe(self, rid: str | None = None) -> None:
        """Ask the peer for a keyframe, of one of its encodings or of all; asking too often is harmless."""
        self._core.request_keyframe(rid)
        self._link.wake()

    async def getStats(self) -> RTCStatsReport:
        """Statistics of the streams that are received, and of all that they depend on."""
        stats = MediaStats(self._link.collector)
        return selected(stats.report, self._add_stats(stats))

    # From the transceiver and the core

    def _add_stats(self, stats: MediaStats) -> list[str]:
        return stats.add_receiver(self)

    def _configured(self, parameters: ReceiveParameters | None) -> None:
        self._parameters = parameters
        self._follow_streams()

    def _set_streams(self, streams: Iterable[MediaStream]) -> None:
        wanted = list(streams)
        for stream in self._streams:
            if stream not in wanted:
                stream._change(removed=[self._track])  # noqa: SLF001
        for stream in wanted:
            if stream not in self._streams:
                stream._change(added=[self._track])  # noqa: SLF001
        self._streams = wanted

    def _received(self, event: FrameReceived) -> None:
        frame = event.frame
        if self._decoder is not None:
            # Sound has no layers: who sends it goes on under another SSRC as he likes.
            chosen = frame if self._kind == "audio" else self._layers.take(frame, self._link.now)
            if chosen is not None:
                self._decoder.receive(chosen)
        for reader in self._readers:
            reader._receive(frame)  # noqa: SLF001

    def _stream_changed(self, event: StreamStarted | StreamEnded) -> None:
        if isinstance(event, StreamStarted):
            self._active_streams.add(event.ssrc)
        else:
            self._active_streams.discard(event.ssrc)
            self._layers.ended(event.ssrc, event.rid)
        self._follow_streams()

    def _follow_streams(self) -> None:
        is_receiving = self._parameters is not None and self._parameters.is_receiving
        self._track._set_muted(not (is_receiving and self._active_streams))  # noqa: SLF001

    async def _decoded(self) -> RawFrame | None:
        if self._decoder is None:
            if self._is_ended:
                return None
            settings = self._link.settings.codecs
            self._decoder = TrackDecoder(lambda: self._ask_for_keyframe(self._layers.ssrc), settings=settings)
            self._follow_readers()
        return await self._decoder.recv()

    def _ask_for_keyframe(self, ssrc: int | None) -> None:
        """Of one stream alone; None: of all."""
        self._core.request_keyframe(ssrc=ssrc)
        self._link.wake()

    def _track_ended(self) -> None:
        """Nobody reads the track any more."""
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            self._link.end(decoder.close())
        self._follow_readers()

    def _end(self) -> None:
        """No more will come."""
        if self._is_ended:
            return
        self._is_ended = True
        readers, self._readers = self._readers, []
        for reader in readers:
            reader._end()  # noqa: SLF001
        self._track.stop()
        self._set_streams(())

    def _left(self, reader: EncodedFrames) -> None:
        with contextlib.suppress(ValueError):
            self._readers.remove(reader)
        self._follow_readers()

    def _follow_readers(self) -> None:
        self._core.is_read = self._decoder is not None or bool(self._readers)

    def _sources(self) -> Iterable[SourceHeard]:
        return self._core.sources(self._link.now)

    def _heard(self, one: SourceHeard) -> tuple[float, int, int, float | None]:
        level = None if one.audio_level is None else 0.0 if one.audio_level >= 127 else 10 ** (-one.audio_level / 20)
        return self._link.wall_clock(one.received_at), one.source, one.rtp_timestamp, level
