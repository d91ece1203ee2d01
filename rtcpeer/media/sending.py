"""From a track to encoded frames: pulls, encodes in threads, hands over on the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import av

from rtcpeer.media.codec_contract import EncoderStatistics, EncodingTarget, RawFrame
from rtcpeer.media.settings import CodecSettings, DegradationPreference
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["EncodedSource", "SourceStatistics", "SourceTrack", "TrackEncoder"]


class SourceTrack(Protocol):
    """What `TrackEncoder` needs of a `MediaStreamTrack`."""

    @property
    def kind(self) -> str:
        """``"audio"`` or ``"video"``."""
        ...

    async def recv(self) -> RawFrame | EncodedFrame | av.Packet:
        """The next frame, in its time; `MediaStreamError` at the end."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


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
    total_samples_duration: float = 0.0


class TrackEncoder:
    """Encodes one track, once for each encoding (several are simulcast).

    Frames come out by ``on_frame(frame)`` on the event loop, with the rid of their encoding. A track that gives
    `EncodedFrame`, or `av.Packet` of the codec's format, needs no encoder: they pass through under ``codec``.
    ``on_end(error)`` tells once that the track is over: None at its regular end, an exception where a frame of it can
    not be encoded (the track is stopped then). Each encoding has a thread of its own while frames come.
    """

    def __init__(
        self,
        track: SourceTrack | None,
        codec: CodecParameters,
        on_frame: Callable[[EncodedFrame], None],
        *,
        on_end: Callable[[Exception | None], None] | None = None,
        targets: Sequence[EncodingTarget] = (EncodingTarget(),),
        settings: CodecSettings | None = None,
        degradation_preference: DegradationPreference = "balanced",
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Begin to pull; needs the running loop."""

    def request_keyframe(self, rid: str | None = None) -> None:
        """The next picture of this encoding becomes a keyframe, though not more often than the settings allow."""

    def set_bitrate(self, bitrate: int, rid: str | None = None) -> None:
        """What the network carries of this encoding, in bits per second; its max_bitrate holds besides."""

    def set_targets(self, targets: Sequence[EncodingTarget]) -> None:
        """Other limits for the encodings (setParameters); their number and rids stay."""

    def set_codec(self, codec: CodecParameters) -> None:
        """Go on with another codec, from a keyframe on; harmless where it is the same."""

    def replace_track(self, track: SourceTrack | None) -> None:
        """Go on with another track; RTP timestamps stay monotonic. None: nothing is sent until the next one."""

    def set_paused(self, is_paused: bool) -> None:
        """While paused, frames are taken from the track and dropped; afterwards it begins with a keyframe."""

    def statistics(self) -> tuple[EncoderStatistics, ...]:
        """A snapshot for each encoding, in their order."""
        raise NotImplementedError

    def source_statistics(self) -> SourceStatistics:
        """A snapshot of what came from the track."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop pulling and end the threads; the track is not stopped. Harmless when repeated."""
