"""Tracks from a file, a URL or a device."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from os import PathLike, fspath
from typing import IO

import av

from rtcpeer.media.frames import MediaFrame, needs_earlier_frames
from rtcpeer.media.media_file import Ended, MediaFile
from rtcpeer.media.track import MediaStreamTrack
from rtcpeer.rtp.frames import EncodedFrame

__all__ = ["MediaPlayer"]

logger = logging.getLogger(__name__)

PREFETCHED_FRAMES = 4  # decoded before they are due
LIVE_FRAMES = 8  # kept of a live source for a reader that is busy; then the oldest are lost
MAX_PAUSE = 1.0  # seconds; when nobody has read for longer, the player was paused and goes on where it was
MAX_LATENESS = 0.5  # seconds; frames later than that are left out to catch up with the time
RETRY_INTERVAL = 0.02  # seconds


class MediaPlayer:
    """Plays the first audio and the first video of a file, a URL or a device, whichever it has.

    Files are played in real time; live sources (devices, RTSP and such) give what they have as it comes. Nothing is
    read before a track is; who reads only one of the tracks may leave the other alone. One thread reads and decodes;
    it is gone, and the file closed, when all tracks have ended or were stopped, or nobody has them any more. Opening
    blocks: for what may take its time there is ``await asyncio.to_thread(MediaPlayer, url)``.

    Examples::

        MediaPlayer("movie.mp4", loop=True)
        MediaPlayer("/dev/video0", format="v4l2", options={"video_size": "640x480"})
        MediaPlayer("default", format="alsa")
        MediaPlayer("default:none", format="avfoundation")
        MediaPlayer("video=Integrated Camera", format="dshow")

    Args:
        file: Path, URL, device name or an object to read from.
        format: FFmpeg's name of the format or device interface, where the file does not tell.
        options: For FFmpeg.
        timeout: Seconds after which opening or reading fails; None: what the protocol has. A thread that waits for a
            silent source ends no sooner.
        loop: Begin again at the end, for ever; timestamps go on.
        decode: Set to False, the tracks give `av.Packet` as they are in the file, of codecs that WebRTC has (Opus,
            G.711, G.722, H.264, VP8, VP9, AV1); streams of others are left out.

    Raises:
        OSError: It can not be opened; PyAV's exceptions are such, and say why.
        ValueError: It has nothing to play.
    """

    def __init__(
        self,
        file: str | PathLike[str] | IO[bytes],
        format: str | None = None,  # noqa: A002 as in aiortc
        options: Mapping[str, str] | None = None,
        timeout: float | None = None,
        loop: bool = False,
        decode: bool = True,
    ) -> None:
        source = fspath(file) if isinstance(file, PathLike) else file
        media = MediaFile(source, format, dict(options or {}), timeout, is_looping=loop, is_decoding=decode)
        playback = _Playback(media)
        self._tracks = {kind: PlayerTrack(kind, playback) for kind in media.kinds}
        playback.tracks = tuple(self._tracks.values())

    @property
    def audio(self) -> MediaStreamTrack | None:
        """Its audio (decoded: 48 kHz, stereo, 16 bits, 20 ms a frame), if it has any."""
        return self._tracks.get("audio")

    @property
    def video(self) -> MediaStreamTrack | None:
        """Its video, if it has any."""
        return self._tracks.get("video")


class PlayerTrack(MediaStreamTrack):
    """One of a player's tracks."""

    def __init__(self, kind: str, playback: "_Playback") -> None:
        super().__init__()
        self.kind = kind
        self._label = playback.media.name
        self._playback = playback
        self._queue: deque[MediaFrame] = deque()
        self.has_begun = False  # somebody has read it
        self._is_over = False  # nothing comes after what is in the queue
        self._is_fetching = False
        self._news = asyncio.Event()
        self.dropped = 0

    async def recv(self) -> MediaFrame:
        """The next frame when it is due; `MediaStreamError` after the last."""
        self._require_live()
        self.has_begun = True
        with self._playback.reading(self.kind):
            return await self._next_due()

    def stop(self) -> None:
        """End it; with the last track of its player, the file is closed."""
        if self.readyState == "live":
            super().stop()
            self._queue.clear()
            self._news.set()
            self._playback.leave()

    async def _next_due(self) -> MediaFrame:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            frame = await self._next()
            wait = self._playback.time_until(frame, loop.time())
            if wait < -MAX_LATENESS and not needs_earlier_frames(frame):
                if loop.time() - began < MAX_LATENESS:
                    self.dropped += 1
                    continue
                self._playback.restart_at(frame, loop.time())  # decoding takes longer than the media: play it slower
            if wait > 0:
                await asyncio.sleep(wait)
                self._require_live()
            return frame

    async def _next(self) -> MediaFrame:
        while not self._queue:
            if self._is_over:
                self.stop()
            self._require_live()
            self._news.clear()
            self.fetch()
            await self._news.wait()
        frame = self._queue.popleft()
        self._playback.fetch()
        return frame

    def fetch(self) -> None:
        """Have the thread decode the next frame, if there is room."""
        if self._is_fetching or self._is_over or not self.has_begun or self.readyState == "ended":
            return
        # What is live does not wait, as long as somebody reads it.
        if len(self._queue) >= PREFETCHED_FRAMES and not (
            self._playback.media.is_live and self._playback.is_reading(self.kind)
        ):
            return
        self._is_fetching = True
        self._playback.request(self.kind).add_done_callback(self._take)

    def _take(self, future: "asyncio.Future[MediaFrame | Ended]") -> None:
        self._is_fetching = False
        if self.readyState == "ended" or future.cancelled():
            return
        error = future.exception()
        if error is not None:
            logger.error("%s: reading failed", self.label, exc_info=error)
        frame = Ended.FOR_GOOD if error is not None else future.result()
        if frame is Ended.FOR_NOW:
            future.get_loop().call_later(RETRY_INTERVAL, self.fetch)
            return
        if isinstance(frame, Ended):
            self._is_over = True
        else:
            self._queue.append(frame)
            if len(self._queue) > LIVE_FRAMES:
                self._queue.popleft()
                self.dropped += 1
        self._news.set()
        self.fetch()


class _Playback:
    """What the tracks of a player share: the file, the thread that reads it, and the clock of what is due."""

    def __init__(self, media: MediaFile) -> None:
        self.media = media
        self.tracks: tuple[PlayerTrack, ...] = ()
        self._executor: ThreadPoolExecutor | None = None
        self._start: float | None = None  # when the media's time 0 is or was due
        self._waiting: list[str] = []  # kinds that are being awaited
        self._last_read: dict[str, float] = {}

    @contextlib.contextmanager
    def reading(self, kind: str) -> Iterator[None]:
        """While a frame of this kind is awaited."""
        loop = asyncio.get_running_loop()
        if not any(self.is_reading(each) for each in self.media.kinds):
            self._start = None
        self._waiting.append(kind)
        try:
            yield
        finally:
            self._waiting.remove(kind)
            self._last_read[kind] = loop.time()

    def is_reading(self, kind: str) -> bool:
        """Whether a frame is awaited or was taken a moment ago."""
        if kind in self._waiting:
            return True
        last = self._last_read.get(kind)
        return last is not None and asyncio.get_running_loop().time() - last < MAX_PAUSE

    def time_until(self, frame: MediaFrame, now: float) -> float:
        """Seconds until a frame is due, negative when it is late."""
        if self.media.is_live:
            return 0.0
        if self._start is None:
            self.restart_at(frame, now)
        assert self._start is not None
        return self._start + _time_of(frame) - now

    def restart_at(self, frame: MediaFrame, now: float) -> None:
        """The frame is due now, and what follows accordingly."""
        self._start = now - _time_of(frame)

    def fetch(self) -> None:
        """A place has become free."""
        for track in self.tracks:
            track.fetch()

    def request(self, kind: str) -> "asyncio.Future[MediaFrame | Ended]":
        """Have the thread read the next frame."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "rtcpeer-player")
        others = [track.kind for track in self.tracks if track.kind != kind and self.is_reading(track.kind)]
        return asyncio.get_running_loop().run_in_executor(self._executor, self.media.next_frame, kind, others)

    def leave(self) -> None:
        """A track has ended. The thread goes with the last one that was read, the file with the last one."""
        live = [track for track in self.tracks if track.readyState == "live"]
        if self._executor is not None and not any(track.has_begun for track in live):
            if not live:
                self._executor.submit(self.media.close)  # behind what it is reading
            self._executor.shutdown(wait=False)
            self._executor = None
        elif not live:
            self.media.close()


def _time_of(frame: MediaFrame) -> float:
    assert not isinstance(frame, EncodedFrame)
    time = frame.dts if isinstance(frame, av.Packet) and frame.dts is not None else frame.pts  # packets: in their order
    assert time is not None
    assert frame.time_base is not None
    return float(time * frame.time_base)
