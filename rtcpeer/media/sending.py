"""From a track to encoded frames: pulls, encodes in threads, hands over on the loop."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import av

from rtcpeer.media.codec_contract import CodecError, EncoderStatistics, EncodingTarget
from rtcpeer.media.codecs import is_same_format
from rtcpeer.media.encoding_lane import EncodingLane
from rtcpeer.media.frames import MediaFrame
from rtcpeer.media.packets import PacketReader
from rtcpeer.media.rtp_clock import RtpClock
from rtcpeer.media.settings import CodecSettings, DegradationPreference
from rtcpeer.media.track import MediaStreamError, MediaStreamTrack, receive_from
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["EncodedSource", "SourceStatistics", "TrackEncoder"]

_HURRY = 0.001  # seconds between frames: a track that paces itself takes longer


@runtime_checkable
class EncodedSource(Protocol):
    """What a track that gives `EncodedFrame` may have besides: then it learns what receivers and the network want."""

    def request_keyframe(self) -> None:
        """A receiver needs a keyframe."""
        ...

    def set_bitrate(self, bitrate: int) -> None:
        """The network carries this many bits per second."""
        ...


@dataclass(frozen=True, slots=True)
class SourceStatistics:
    """What came from the track (W3C webrtc-stats, media-source)."""

    frames: int = 0
    frames_per_second: float | None = None
    width: int | None = None
    height: int | None = None
    audio_level: float | None = None  # 0 to 1
    total_audio_energy: float = 0.0
    total_samples_duration: float = 0.0  # seconds


class TrackEncoder:
    """Encodes one track, once for each encoding (several are simulcast).

    Frames come out by ``on_frame(frame)`` on the event loop, with the rid of their encoding. A track that gives
    `EncodedFrame`, or `av.Packet` of the codec's format, needs no encoder: they pass through, under ``codec`` where it
    is their format.
    ``on_end(error)`` tells once that the track is over: None at its regular end, an exception where a frame of it can
    not be encoded (the track is stopped then). Each encoding has a thread of its own while frames come.
    """

    def __init__(
        self,
        track: MediaStreamTrack | None,
        codec: CodecParameters,
        on_frame: Callable[[EncodedFrame], None],
        *,
        on_end: Callable[[Exception | None], None] | None = None,
        targets: Sequence[EncodingTarget] = (EncodingTarget(),),
        settings: CodecSettings | None = None,
        degradation_preference: DegradationPreference = "balanced",
    ) -> None:
        self._track = track
        self._codec = codec
        self._on_frame = on_frame
        self._on_end = on_end
        settings = settings or CodecSettings()
        self._lanes = [EncodingLane(codec, target, settings, self._on_frames, self._on_failure) for target in targets]
        self.set_degradation_preference(degradation_preference)
        self._clock = RtpClock(codec.clock_rate)
        self._packets = PacketReader()
        self._pull: asyncio.Task[None] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._has_room = asyncio.Event()
        self._is_started = self._is_paused = self._is_closed = False
        self._frames = 0
        self._interval: float | None = None  # mean, between frames of the track
        self._last_frame_at: float | None = None
        self._passed = 0.0  # seconds between the last two
        self._size: tuple[int, int] | None = None

    def start(self) -> None:
        """Begin to pull; needs the running loop."""
        self._is_started = True
        if not self._is_closed:
            self._pull_from(self._track)

    def request_keyframe(self, rid: str | None = None) -> None:
        """The next picture of this encoding becomes a keyframe, though not more often than the settings allow."""
        for lane in self._lanes:
            if rid is None or lane.target.rid == rid:
                lane.request_keyframe()
        source = self._encoded_source
        if source is not None:
            source.request_keyframe()

    def set_bitrate(self, bitrate: int, rid: str | None = None) -> None:
        """What the network carries of this encoding, in bits per second; its max_bitrate holds besides."""
        for lane in self._lanes:
            if rid is None or lane.target.rid == rid:
                lane.bitrate = bitrate
        source = self._encoded_source
        if source is not None:
            source.set_bitrate(bitrate)

    def set_targets(self, targets: Sequence[EncodingTarget]) -> None:
        """Other limits for the encodings (setParameters); their number and rids stay.

        Raises:
            ValueError: They are others than before.
        """
        if [target.rid for target in targets] != [lane.target.rid for lane in self._lanes]:
            raise ValueError("the encodings of a sender stay the same ones, in the same order")
        for lane, target in zip(self._lanes, targets, strict=True):
            lane.target = target

    def set_degradation_preference(self, preference: DegradationPreference) -> None:
        """What gives way where the bitrate is too low."""
        for lane in self._lanes:
            lane.degradation_preference = preference

    def set_codec(self, codec: CodecParameters) -> None:
        """Go on with another codec, from a keyframe on; harmless where it is the same."""
        if codec == self._codec:
            return
        if codec.clock_rate != self._codec.clock_rate:
            self._clock = RtpClock(codec.clock_rate)
        self._codec = codec
        for lane in self._lanes:
            lane.codec = codec
            lane.request_keyframe()

    def replace_track(self, track: MediaStreamTrack | None) -> None:
        """Go on with another track; RTP timestamps stay monotonic. None: nothing is sent until the next one."""
        self._track = track
        self._clock.restart()
        self._packets = PacketReader()
        self._last_frame_at = self._interval = None
        if self._is_started and not self._is_closed:
            self._pull_from(track)

    def set_paused(self, is_paused: bool) -> None:
        """While paused, frames are taken from the track and dropped; afterwards it begins with a keyframe."""
        if self._is_paused and not is_paused:
            self.request_keyframe()
        self._is_paused = is_paused

    def statistics(self) -> tuple[EncoderStatistics, ...]:
        """A snapshot for each encoding, in their order."""
        return tuple(lane.statistics() for lane in self._lanes)

    def source_statistics(self) -> SourceStatistics:
        """A snapshot of what came from the track."""
        width, height = self._size or (None, None)
        sound = self._lanes[0].statistics()
        return SourceStatistics(
            self._frames,
            1 / self._interval if self._interval else None,
            width,
            height,
            sound.audio_level,
            sound.total_audio_energy,
            sound.total_samples_duration,
        )

    async def close(self) -> None:
        """Stop pulling and end the threads; the track is not stopped. Harmless when repeated."""
        self._is_closed = True
        self._stop_pulling()
        for task in tuple(self._stopping):
            with suppress(asyncio.CancelledError):
                await task
        for lane in self._lanes:
            await lane.close()
        # Who made it holds it, and is not to be held by it.
        self._on_frame, self._on_end, self._track = _nowhere, None, None

    @property
    def _encoded_source(self) -> EncodedSource | None:
        track: object = self._track
        return track if isinstance(track, EncodedSource) else None

    def _pull_from(self, track: MediaStreamTrack | None) -> None:
        self._stop_pulling()
        if track is not None:
            self._pull = asyncio.get_running_loop().create_task(self._run(track))

    def _stop_pulling(self) -> None:
        if self._pull is not None:
            self._pull.cancel()
            self._stopping.add(self._pull)
            self._pull.add_done_callback(self._stopping.discard)
            self._pull = None

    async def _run(self, track: MediaStreamTrack) -> None:
        """Pull until the track ends."""
        try:
            while True:
                frame = await receive_from(track)
                self._observe(frame)
                if not self._is_paused:
                    self._take(frame)
                # A track that never waits must not hold the loop, nor run ahead of the encoder.
                if self._passed < _HURRY:
                    await asyncio.sleep(0)
                while isinstance(frame, av.AudioFrame) and any(lane.is_full for lane in self._lanes):
                    self._has_room.clear()
                    await self._has_room.wait()
        except MediaStreamError:
            for lane in self._lanes:
                await lane.drained()
            self._end(track, None)
        except Exception as error:  # noqa: BLE001 - of the program's recv, or of the frame: both end this track only
            self._end(track, error)

    def _take(self, frame: MediaFrame) -> None:
        """Encode a frame or pass it on."""
        captured_at = time.time()
        match frame:
            case EncodedFrame():
                self._pass_on(frame)
            case av.Packet():
                for encoded in self._packets.read(frame, self._codec, self._clock):
                    self._on_frame(replace(encoded, captured_at=captured_at))
            case av.VideoFrame() | av.AudioFrame():
                timestamp = self._clock.timestamp(frame.pts, frame.time_base, time.monotonic())
                for lane in self._lanes:
                    lane.put(frame, timestamp, captured_at, self._track)
            case _:
                raise CodecError(f"a track gives frames of PyAV, EncodedFrame or av.Packet, not {type(frame).__name__}")

    def _pass_on(self, frame: EncodedFrame) -> None:
        # One that is not in the codec that we would encode in may be in another that was agreed on; who sends it knows.
        codec = self._codec if is_same_format(frame.codec, self._codec) else frame.codec
        rids = [lane.target.rid for lane in self._lanes]
        self._on_frame(replace(frame, codec=codec, rid=frame.rid if frame.rid in rids else rids[0]))

    def _observe(self, frame: object) -> None:
        now = time.monotonic()
        self._frames += 1
        if self._last_frame_at is not None:
            passed = self._passed = now - self._last_frame_at
            self._interval = passed if self._interval is None else self._interval + (passed - self._interval) / 16
        self._last_frame_at = now
        if isinstance(frame, av.VideoFrame):
            self._size = (frame.width, frame.height)

    def _on_frames(self, frames: list[EncodedFrame]) -> None:
        self._has_room.set()
        if self._is_paused:
            return
        for frame in frames:
            self._on_frame(frame)

    def _on_failure(self, error: Exception, track: object) -> None:
        # Of a track that was replaced, or that has failed before, nobody wants to know.
        if self._track is not None and self._track is track and not self._is_closed:
            self._stop_pulling()
            self._end(self._track, error)

    def _end(self, track: MediaStreamTrack, error: Exception | None) -> None:
        self._track = None
        if error is not None:
            track.stop()
        if self._on_end is not None:
            self._on_end(error)


def _nowhere(frame: EncodedFrame) -> None:
    """Where frames go that come too late."""
