"""Encode once, send to many: one encoder for a track, and a track of encoded frames for each sender."""

import asyncio
from collections import deque
from collections.abc import Callable

from rtcpeer.media.codec_contract import EncoderStatistics, EncodingTarget
from rtcpeer.media.sending import TrackEncoder
from rtcpeer.media.settings import CodecSettings
from rtcpeer.media.track import MediaStreamTrack
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["EncodedTrack", "SharedEncoder"]

_MAX_WAITING = 120  # frames that a sender has not taken: about four seconds of video


class EncodedTrack(MediaStreamTrack):
    """A track of `EncodedFrame`, made by `SharedEncoder.subscribe`. It begins with a keyframe.

    The sender tells it what its receiver and its network want.
    """

    def __init__(self, shared: "SharedEncoder", kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.bitrate: int | None = None  # that its sender's network carries, in bits per second
        self._shared = shared
        self._frames: deque[EncodedFrame] = deque()
        self._arrived = asyncio.Event()
        self._skips_to_keyframe = True

    async def recv(self) -> EncodedFrame:
        """The next frame."""
        self._shared.start()
        while not self._frames:
            self._require_live()
            self._arrived.clear()
            await self._arrived.wait()
        return self._frames.popleft()

    def request_keyframe(self) -> None:
        """A receiver needs a keyframe; what several of them ask for at a time is one."""
        self._shared.request_keyframe()

    def set_bitrate(self, bitrate: int) -> None:
        """The network carries this many bits per second."""
        self.bitrate = bitrate
        self._shared.bitrate_changed()

    def stop(self) -> None:
        """Take no more frames; the others' go on."""
        self._shared.leave(self)
        self._frames.clear()
        super().stop()
        self._arrived.set()

    def give(self, frame: EncodedFrame) -> None:
        """A frame of the shared encoder. Who does not take them in time goes on with the next keyframe."""
        if len(self._frames) >= _MAX_WAITING:
            self._frames.clear()
            self._skips_to_keyframe = True
            self.request_keyframe()
        if self._skips_to_keyframe and not frame.is_keyframe:
            return
        self._skips_to_keyframe = False
        self._frames.append(frame)
        self._arrived.set()

    def end(self) -> None:
        """The source is over: what waits can still be taken."""
        super().stop()
        self._arrived.set()


class SharedEncoder:
    """Encodes a track once, for all who `subscribe`.

    The bitrate is the lowest that one of them can carry, within ``target``: who is much slower than the rest wants an
    encoder of its own. Keyframe requests of all together are answered as often as the settings allow. All senders must
    have agreed on the codec's format, whatever its payload type (`RTCRtpTransceiver.setCodecPreferences`).
    It pulls from the track once somebody reads. ``on_end`` is as that of `TrackEncoder`.
    """

    def __init__(
        self,
        track: MediaStreamTrack,
        codec: CodecParameters,
        *,
        target: EncodingTarget | None = None,
        on_end: Callable[[Exception | None], None] | None = None,
        settings: CodecSettings | None = None,
    ) -> None:
        self._tell_end = on_end
        self._is_told = False
        self._kind = codec.kind
        self._tracks: list[EncodedTrack] = []
        self._is_started = False
        self._is_over = False
        self._encoder = TrackEncoder(
            track,
            codec,
            self._on_frame,
            on_end=self._on_end,
            targets=[target or EncodingTarget()],
            settings=settings,
        )

    def subscribe(self) -> EncodedTrack:
        """A track for another sender; `EncodedTrack.stop` takes it back."""
        track = EncodedTrack(self, self._kind)
        if self._is_over:
            track.end()
        else:
            self._tracks.append(track)
            self._encoder.set_paused(False)
            self._encoder.request_keyframe()
        return track

    def statistics(self) -> EncoderStatistics:
        """A snapshot."""
        return self._encoder.statistics()[0]

    async def close(self) -> None:
        """End the encoder and all tracks that it made; the track that it reads is not stopped."""
        await self._encoder.close()
        self._on_end(None)

    # For the tracks

    def start(self) -> None:
        """Begin to pull, if it has not."""
        if not self._is_started and not self._is_over:
            self._is_started = True
            self._encoder.start()

    def request_keyframe(self) -> None:
        """One for all."""
        self._encoder.request_keyframe()

    def bitrate_changed(self) -> None:
        """One of the tracks carries another bitrate."""
        bitrates = [track.bitrate for track in self._tracks if track.bitrate is not None]
        if bitrates:
            self._encoder.set_bitrate(min(bitrates))

    def leave(self, track: EncodedTrack) -> None:
        """A track is not read any more."""
        if track in self._tracks:
            self._tracks.remove(track)
            self._encoder.set_paused(not self._tracks)
            self.bitrate_changed()

    def _on_frame(self, frame: EncodedFrame) -> None:
        for track in self._tracks:
            track.give(frame)

    def _on_end(self, error: Exception | None) -> None:
        self._is_over = True
        tracks, self._tracks = self._tracks, []
        for track in tracks:
            track.end()
        if self._tell_end is not None and not self._is_told:
            self._is_told = True
            self._tell_end(error)
