"""One encoding of a track: its encoder and the thread that it works in."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from rtcpeer.media.codec_contract import Encoder, EncoderStatistics, EncodingTarget, RawFrame
from rtcpeer.media.codecs import create_encoder
from rtcpeer.media.settings import CodecSettings, DegradationPreference
from rtcpeer.media.worker import Worker
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["EncodingLane"]

_SLOW_FOR = 5.0  # seconds after a picture was dropped for which the processor counts as the limit


@dataclass(slots=True)
class _Job:
    frame: RawFrame
    timestamp: int
    codec: CodecParameters
    captured_at: float
    is_keyframe_forced: bool
    source: object


class EncodingLane:
    """Takes frames on the loop and gives encoded ones there.

    Where pictures come faster than they can be encoded, the oldest that waits is dropped. Sound is never dropped: ask
    `is_full` before there is more of it. What is set holds from the next frame that is encoded.
    """

    def __init__(
        self,
        codec: CodecParameters,
        target: EncodingTarget,
        settings: CodecSettings,
        on_frames: Callable[[list[EncodedFrame]], None],
        on_failure: Callable[[Exception, object], None],
    ) -> None:
        self.codec = codec
        self.target = target
        self.bitrate: int | None = None  # what the network carries of this encoding
        self.degradation_preference: DegradationPreference = "balanced"
        self._settings = settings
        self._encoder: Encoder | None = None
        self._encoder_codec: CodecParameters | None = None
        self._wants_keyframe = True
        self._last_keyframe = float("-inf")
        self._dropped = 0
        self._last_drop = float("-inf")
        self._worker = Worker(
            self._encode,
            on_frames,
            lambda error, job: on_failure(error, job.source),
            self._finish,
            f"encoder {codec.name}",
        )

    @property
    def is_full(self) -> bool:
        """Whether as many frames wait as may."""
        return self._worker.queued >= self._settings.max_queued_pictures

    def request_keyframe(self) -> None:
        """The next picture is to be a keyframe, unless there was one just now: then it is the next after that."""
        self._wants_keyframe = True

    def put(self, frame: RawFrame, timestamp: int, captured_at: float, source: object) -> None:
        """Encode a frame, unless the encoding is not active. If it fails, ``on_failure(error, source)`` comes."""
        if not self.target.is_active:
            self._wants_keyframe = True
            return
        now = time.monotonic()
        if self.codec.kind == "video" and self.is_full:
            dropped = self._worker.take_oldest()
            self._dropped += dropped is not None
            self._wants_keyframe |= dropped is not None and dropped.is_keyframe_forced
            self._last_drop = now
        is_forced = self._wants_keyframe and now - self._last_keyframe >= self._settings.keyframe_interval_min
        if is_forced:
            self._wants_keyframe = False
            self._last_keyframe = now
        self._worker.put(_Job(frame, timestamp, self.codec, captured_at, is_forced, source))

    def statistics(self) -> EncoderStatistics:
        """A snapshot."""
        encoder = self._encoder
        if encoder is None:
            return EncoderStatistics("unknown", power_efficient_encoder=False, frames_dropped=self._dropped)
        statistics = encoder.statistics()
        is_slow = time.monotonic() - self._last_drop < _SLOW_FOR
        reason = "cpu" if is_slow else statistics.quality_limitation_reason
        dropped = statistics.frames_dropped + self._dropped
        return replace(statistics, frames_dropped=dropped, quality_limitation_reason=reason)

    async def drained(self) -> None:
        """Wait until all that was put in is encoded and handed over."""
        await self._worker.drained()

    async def close(self) -> None:
        """End the thread; harmless when repeated."""
        await self._worker.close()

    # In the thread

    def _encode(self, job: _Job) -> list[EncodedFrame]:
        encoder = self._encoder_for(job.codec)
        encoder.set_target(self.target)
        encoder.set_degradation_preference(self.degradation_preference)
        if self.bitrate is not None:
            encoder.set_bitrate(self.bitrate)
        frames = encoder.encode(job.frame, job.timestamp, force_keyframe=job.is_keyframe_forced)
        return [replace(frame, rid=self.target.rid, captured_at=job.captured_at) for frame in frames]

    def _encoder_for(self, codec: CodecParameters) -> Encoder:
        if self._encoder is None or self._encoder_codec != codec:
            self._finish()
            self._encoder = create_encoder(codec, self._settings, target=self.target)
            self._encoder_codec = codec
        return self._encoder

    def _finish(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
