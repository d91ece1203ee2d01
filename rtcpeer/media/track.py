"""Tracks: what gives audio or video, one frame at a time (W3C mediacapture-main section 4.3, pulled instead of pushed).

A program makes a source of its own by a subclass that says its ``kind`` and overrides `MediaStreamTrack.recv`::

    class Clock(VideoStreamTrack):
        async def recv(self):
            pts, time_base = await self.next_timestamp()
            frame = VideoFrame.from_ndarray(picture_of(pts * time_base), format="bgr24")
            frame.pts, frame.time_base = pts, time_base
            return frame
"""

import uuid
from fractions import Fraction
from typing import Literal
from weakref import WeakSet

import av

from rtcpeer.errors import MediaStreamError
from rtcpeer.event_target import EventTarget, event_handler
from rtcpeer.media.fanout import Fanout, Subscription
from rtcpeer.media.frame_making import black_picture, silence
from rtcpeer.media.frames import MediaFrame
from rtcpeer.media.pacing import Pacer

__all__ = [
    "AUDIO_PTIME",
    "AUDIO_SAMPLE_RATE",
    "AudioStreamTrack",
    "MediaStreamError",
    "MediaStreamTrack",
    "ReadyState",
    "SHARED_FRAMES",
    "SharedTrack",
    "VIDEO_CLOCK_RATE",
    "VIDEO_PTIME",
    "VIDEO_TIME_BASE",
    "VideoStreamTrack",
    "receive_from",
]

AUDIO_PTIME = 0.020  # seconds in a frame of silence
AUDIO_SAMPLE_RATE = 48000  # Hz; what Opus works at, so that silence is not resampled first
VIDEO_CLOCK_RATE = 90000  # Hz, as of RTP's video payloads
VIDEO_PTIME = 1 / 30  # seconds between generated pictures
VIDEO_TIME_BASE = Fraction(1, VIDEO_CLOCK_RATE)
SHARED_FRAMES = 32  # how many a slow reader of a shared track may be behind: about a second of video

ReadyState = Literal["live", "ended"]


class MediaStreamTrack(EventTarget):
    """A source of audio or video.

    Events: ``ended`` once, when the source is over or `stop` was called; ``mute`` and ``unmute`` when the source stops
    and begins again to have media.
    """

    kind: str = "unknown"
    onended = event_handler("ended")
    onmute = event_handler("mute")
    onunmute = event_handler("unmute")

    def __init__(self) -> None:
        super().__init__()
        self._id = str(uuid.uuid4())
        self._label = ""
        self._is_ended = False
        self._is_muted = False
        self._is_enabled = True
        self._fanout: Fanout | None = None  # once it was cloned
        self._shares: WeakSet[SharedTrack] = WeakSet()

    @property
    def id(self) -> str:
        """A unique name of the track, a UUID; of a received one, what the peer calls it."""
        return self._id

    @property
    def label(self) -> str:
        """The source's name as a user would know it, such as a device or a file; often empty."""
        return self._label

    @property
    def enabled(self) -> bool:
        """Set to False, its consumers see silence or black pictures. The source goes on (`receive_from`)."""
        return self._is_enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._is_enabled = bool(value)

    @property
    def muted(self) -> bool:
        """Whether the source has no media at present, such as before the peer has sent any."""
        return self._is_muted

    @property
    def readyState(self) -> ReadyState:
        """``"live"`` or, for good, ``"ended"``."""
        return "ended" if self._is_ended else "live"

    async def recv(self) -> MediaFrame:
        """The next frame, in its time.

        A frame has ``pts`` and ``time_base``. A source that is not to be encoded by us gives `av.Packet` or
        `EncodedFrame`.

        Raises:
            MediaStreamError: The track has ended.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override recv()")

    def stop(self) -> None:
        """End the track; harmless when repeated."""
        if not self._is_ended:
            self._is_ended = True
            # Deviation: mediacapture-main section 4.3.1 has no event here; programs written for aiortc clean up in it.
            self.emit("ended")

    def clone(self) -> "MediaStreamTrack":
        """Another track of the same source, with an ``enabled`` and an end of its own.

        Each of the two gets every frame, though who reads too slowly loses the oldest. The source is this track's:
        when this one is stopped, its clones end too.
        """
        # Deviation: mediacapture-main section 4.3.1 keeps the source until the last of its tracks is stopped. Ours is
        # whatever an override of recv() and stop() does, and only this track can do it.
        if self._fanout is None:
            self._fanout = Fanout(self.recv)
            # Whoever reads this track, by whatever override of recv(), now has to share.
            self.recv = self._fanout.subscribe(SHARED_FRAMES).next  # type: ignore[method-assign]
        clone = SharedTrack(self, self._fanout.subscribe(SHARED_FRAMES))
        clone.enabled = self.enabled
        return clone

    def _set_muted(self, is_muted: bool) -> None:
        """For the source of the track: tell whether it has media."""
        if is_muted != self._is_muted and not self._is_ended:
            self._is_muted = is_muted
            self.emit("mute" if is_muted else "unmute")
            for share in tuple(self._shares):
                share._set_muted(is_muted)  # noqa: SLF001

    def _require_live(self) -> None:
        if self._is_ended:
            raise MediaStreamError(f"The {self.kind} track {self._id} has ended")


class AudioStreamTrack(MediaStreamTrack):
    """An audio track; without an override of `recv` it gives silence: 48 kHz, mono, 16 bits, 20 ms a frame."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._pacer = Pacer(AUDIO_PTIME)

    async def recv(self) -> MediaFrame:
        """The next 20 ms of silence."""
        self._require_live()
        samples = int(AUDIO_SAMPLE_RATE * AUDIO_PTIME)
        slot = await self._pacer.slot()
        self._require_live()
        frame = silence(samples, AUDIO_SAMPLE_RATE)
        frame.pts = slot * samples
        return frame


class VideoStreamTrack(MediaStreamTrack):
    """A video track; without an override of `recv` it gives a green picture of 640x480, 30 times a second."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._pacer = Pacer(VIDEO_PTIME)

    async def next_timestamp(self) -> tuple[int, Fraction]:
        """Wait until the next picture is due, 30 times a second, and give its ``pts`` and ``time_base``.

        Raises:
            MediaStreamError: The track has ended.
        """
        self._require_live()
        slot = await self._pacer.slot()
        self._require_live()
        return slot * int(VIDEO_CLOCK_RATE * VIDEO_PTIME), VIDEO_TIME_BASE

    async def recv(self) -> MediaFrame:
        """The next picture, all green."""
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(640, 480, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))  # zero is green in YUV
        frame.pts = pts
        frame.time_base = time_base
        return frame


class SharedTrack(MediaStreamTrack):
    """One reader's view of a track that several read."""

    def __init__(self, source: MediaStreamTrack, subscription: Subscription) -> None:
        super().__init__()
        self.kind = source.kind
        self._label = source.label
        self._is_muted = source.muted
        self._subscription = subscription
        subscription.on_end = super().stop
        source._shares.add(self)  # noqa: SLF001 of the same class

    @property
    def dropped(self) -> int:
        """How many frames its reader was too slow for."""
        return self._subscription.dropped

    async def recv(self) -> MediaFrame:
        """The next frame; what came before the end of the source is still given after it."""
        return await self._subscription.next()

    def stop(self) -> None:
        """Stop reading; the source goes on for the others."""
        self._subscription.close(MediaStreamError(f"The {self.kind} track {self.id} was stopped"))
        super().stop()


async def receive_from(track: MediaStreamTrack) -> MediaFrame:
    """The next frame as a consumer of the track is to see it: while the track is disabled, blank.

    Encoded media can not be blanked; as long as the track is disabled, it is dropped here.
    """
    while True:
        frame = await track.recv()
        if track.enabled:
            return frame
        if isinstance(frame, av.VideoFrame):
            return black_picture(frame)
        if isinstance(frame, av.AudioFrame):
            return silence(frame.samples, frame.sample_rate, frame.layout, frame.format, frame.pts, frame.time_base)
