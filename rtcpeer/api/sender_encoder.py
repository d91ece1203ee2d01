"""The encoder behind a sender, kept in step with its track, what was negotiated, and what the network carries."""

from collections.abc import Callable, Sequence

from rtcpeer.api.encodings import PRIORITIES, target
from rtcpeer.api.media_link import MediaLink
from rtcpeer.api.rtp_parameters import (
    RTCDegradationPreference,
    RTCRtpCodec,
    RTCRtpCodecParameters,
    RTCRtpEncodingParameters,
    is_same_codec,
)
from rtcpeer.media.codec_contract import EncoderStatistics, EncodingTarget
from rtcpeer.media.sending import SourceStatistics, TrackEncoder
from rtcpeer.media.settings import DegradationPreference
from rtcpeer.media.track import MediaStreamTrack
from rtcpeer.rtp.events import BitrateChanged
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters, SendParameters
from rtcpeer.rtp.sender import RtpSender

__all__ = ["SenderEncoder"]

_DEGRADATION: dict[RTCDegradationPreference | None, DegradationPreference] = {
    None: "balanced",
    "balanced": "balanced",
    "maintain-framerate": "maintain-framerate",
    "maintain-resolution": "maintain-resolution",
    "maintain-framerate-and-resolution": "disabled",
}


class SenderEncoder:
    """Pulls frames from the track as long as they can be sent, and gives them to the core.

    It begins when the transport is connected, so that nothing of a file is lost. While the direction or the peer does
    not let us send, it takes frames and drops them, as a live source would.

    Args:
        link: what senders share.
        core: what sends the frames.
        encodings: how to encode.
        fail: is told of a track that failed.
    """

    def __init__(
        self,
        link: MediaLink,
        core: RtpSender,
        encodings: Sequence[RTCRtpEncodingParameters],
        fail: Callable[[MediaStreamTrack, Exception], None],
    ) -> None:
        self.track: MediaStreamTrack | None = None
        self.encodings = list(encodings)
        self.degradation: RTCDegradationPreference | None = None
        self._link = link
        self._core = core
        self._fail = fail
        self._parameters: SendParameters | None = None
        self._starved: frozenset[str | None] = frozenset()  # rids for which the network has no room
        self._encoder: TrackEncoder | None = None
        self._targets: list[EncodingTarget] = []
        self._is_ended = False

    def set_track(self, track: MediaStreamTrack | None) -> None:
        """Encode this one from now on."""
        self.track = track
        if self._encoder is not None:
            self._encoder.replace_track(track)
        self.follow()

    def configure(self, parameters: SendParameters | None) -> None:
        """Something else was negotiated."""
        self._parameters = parameters
        self._limit()
        self.follow()

    def set_encodings(
        self, encodings: Sequence[RTCRtpEncodingParameters], degradation: RTCDegradationPreference | None
    ) -> None:
        """Encode with other limits from now on."""
        if degradation != self.degradation:
            self.degradation = degradation
            self._drop()
        self.encodings = list(encodings)
        self._limit()
        self.follow()

    def negotiated(self, wanted: RTCRtpCodec) -> CodecParameters | None:
        """The codec that is meant, if it may be sent."""
        codecs = self._core.codecs
        return next((codec for codec in codecs if is_same_codec(RTCRtpCodecParameters.of(codec), wanted)), None)

    def bitrate_changed(self, event: BitrateChanged) -> None:
        """The network carries more or less."""
        if self._encoder is None:
            return
        self._starved = frozenset(rid for rid, bitrate in event.encodings if not bitrate)
        self._set_targets(self._encoder)
        for rid, bitrate in event.encodings:
            if bitrate:
                self._encoder.set_bitrate(bitrate, rid)

    def keyframe_requested(self, rid: str | None) -> None:
        """The peer needs one."""
        if self._encoder is not None:
            self._encoder.request_keyframe(rid)

    def follow(self) -> None:
        """Look whether there is something to encode now, and how."""
        parameters = self._parameters
        codec = self._codec()
        if self._is_ended or self._link.is_over or parameters is None or codec is None:
            self._drop()
            return
        if not self._link.is_connected or (self._encoder is None and self.track is None):
            return
        if self._encoder is not None and [one.rid for one in self._targets] != [one.rid for one in self._wanted()]:
            self._drop()  # the answer has left fewer encodings
        encoder = self._encoder or self._start(codec)
        encoder.set_codec(codec)
        self._set_targets(encoder)
        encoder.set_paused(not parameters.is_sending)

    def end(self) -> None:
        """Encode no more; the track lives on."""
        self._is_ended = True
        self._drop()

    def statistics(self) -> Sequence[EncoderStatistics]:
        """Of each encoding; empty while nothing is encoded."""
        return () if self._encoder is None else self._encoder.statistics()

    def source_statistics(self) -> SourceStatistics | None:
        """What came from the track."""
        return None if self._encoder is None else self._encoder.source_statistics()

    def _start(self, codec: CodecParameters) -> TrackEncoder:
        self._targets = self._wanted()
        self._encoder = TrackEncoder(
            self.track,
            codec,
            self._encoded,
            on_end=self._source_ended,
            targets=self._targets,
            settings=self._link.settings.codecs,
            degradation_preference=_DEGRADATION[self.degradation],
        )
        self._encoder.start()
        return self._encoder

    def _drop(self) -> None:
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            self._link.end(encoder.close())

    def _codec(self) -> CodecParameters | None:
        wanted = self.encodings[0].codec
        chosen = None if wanted is None else self.negotiated(wanted)
        return chosen or next(iter(self._core.codecs), None)

    def _limit(self) -> None:
        self._core.weight = max(PRIORITIES[one.priority] for one in self.encodings)
        for rid, encoding in self._layers():
            self._core.limit(rid, max_bitrate=encoding.maxBitrate, is_active=encoding.active)

    def _layers(self) -> list[tuple[str | None, RTCRtpEncodingParameters]]:
        """The encodings that are negotiated, with the rid of each on the wire."""
        if self._parameters is None:
            return []
        rids = [one.rid for one in self._parameters.encodings]
        by_rid = {one.rid: one for one in self.encodings}
        return [(rid, by_rid.get(rid, self.encodings[0])) for rid in rids]

    def _wanted(self) -> list[EncodingTarget]:
        packet_time_ms = None if self._parameters is None else self._parameters.packet_time_ms
        return [
            target(encoding, rid, is_active=rid not in self._starved, packet_time_ms=packet_time_ms)
            for rid, encoding in self._layers()
        ]

    def _set_targets(self, encoder: TrackEncoder) -> None:
        targets = self._wanted()
        if targets != self._targets:
            self._targets = targets
            encoder.set_targets(targets)

    def _encoded(self, frame: EncodedFrame) -> None:
        try:
            self._core.send(frame, self._link.now)
        except ValueError as error:  # of a track that gives encoded frames
            track = self.track
            self.set_track(None)
            if track is not None:
                track.stop()
                self._fail(track, error)
            return
        self._link.wake()

    def _source_ended(self, error: Exception | None) -> None:
        if error is not None and self.track is not None:
            self._fail(self.track, error)
