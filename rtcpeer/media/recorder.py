"""Tracks into a file."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from typing import IO, TypeVar, TypeVarTuple

import av

from rtcpeer.errors import OperationError
from rtcpeer.media.frames import MediaFrame, RawFrame
from rtcpeer.media.recording import Recording, RecordingInput
from rtcpeer.media.timeline import Timeline
from rtcpeer.media.track import MediaStreamError, MediaStreamTrack, receive_from

__all__ = ["MediaRecorder"]

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class MediaRecorder:
    """Records tracks to a file: MP4, WebM, Matroska, Ogg, WAV, MP3, HLS, a sequence of images, or what FFmpeg has.

    Examples::

        MediaRecorder("call.mp4")
        MediaRecorder("call.m3u8", options={"hls_time": "4"})
        MediaRecorder("frame-%03d.png")

    The tracks are aligned by when they begin. Pictures are scaled to the size of the first one, and gaps in the audio
    become silence. One thread encodes and writes. What goes wrong while recording ends it, and `stop` tells.

    Args:
        file: Path, or an object to write to.
        format: FFmpeg's name of the container, where the file's name does not tell.
        options: For FFmpeg's container.

    Raises:
        OSError: There is no such folder.
        ValueError: The container is not known.
    """

    def __init__(
        self,
        file: str | PathLike[str] | IO[bytes],
        format: str | None = None,  # noqa: A002 as in aiortc
        options: Mapping[str, str] | None = None,
    ) -> None:
        self._name = str(file)
        self._recording = Recording(file, format, dict(options or {}))
        self._inputs: dict[MediaStreamTrack, RecordingInput] = {}
        self._tasks: dict[MediaStreamTrack, asyncio.Task[None]] = {}
        self._executor: ThreadPoolExecutor | None = None
        self._start: float | None = None  # when the first frame came
        self._is_started = False
        self._is_finished = False
        self._error: Exception | None = None

    def addTrack(self, track: MediaStreamTrack) -> None:
        """Record this track too; adding it twice changes nothing. After `start` it begins at once.

        Raises:
            ValueError: The container has no place for this kind, or the recording is past its beginning.
        """
        if track in self._inputs:
            return
        if self._is_finished or not self._recording.takes_tracks:
            raise ValueError(f"{self._name} has begun without this {track.kind} track, it can not be added any more")
        self._inputs[track] = self._recording.add_input(track.kind)
        if self._is_started:
            self._begin(track)

    async def start(self) -> None:
        """Begin to record; harmless when repeated."""
        if not self._is_finished:
            self._is_started = True
            for track in self._inputs:
                self._begin(track)

    async def stop(self) -> None:
        """Write what is left and close the file; the tracks are not stopped. Harmless when repeated.

        Raises:
            OperationError: The recording ended before, by an error, which is its cause.
        """
        if self._is_finished:
            return
        self._is_finished = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._end()
        if self._error is not None:
            raise OperationError(f"Recording to {self._name} failed: {self._error}") from self._error

    def _begin(self, track: MediaStreamTrack) -> None:
        if track not in self._tasks:
            self._tasks[track] = asyncio.create_task(self._record(track))

    async def _record(self, track: MediaStreamTrack) -> None:
        loop = asyncio.get_running_loop()
        timeline = Timeline()
        try:
            while self._error is None:
                frame = await receive_from(track)
                now = loop.time()
                if self._start is None:
                    self._start = now
                raw, timestamp = _require_raw(frame)
                time = timeline.place(timestamp, now - self._start)
                await self._in_thread(self._recording.write, self._inputs[track], raw, time)
        except MediaStreamError:
            await self._leave(track)
        except Exception as error:  # noqa: BLE001 a track's or FFmpeg's: it ends the recording, and stop() tells
            self._error = self._error or error

    async def _leave(self, track: MediaStreamTrack) -> None:
        try:
            await self._in_thread(self._recording.leave, self._inputs[track])
        except Exception as error:  # noqa: BLE001 as above
            self._error = self._error or error

    async def _end(self) -> None:
        finish = self._recording.finish if self._error is None else self._recording.abort
        try:
            await self._in_thread(finish)
        except Exception as error:  # noqa: BLE001 as above
            self._error = self._error or error
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None

    async def _in_thread(self, function: Callable[[*Arguments], T], *args: *Arguments) -> T:
        """What a track's frame waits for also keeps the next one from being taken: a slow disk piles nothing up."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "rtcpeer-recorder")
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)


def _require_raw(frame: MediaFrame) -> tuple[RawFrame, float | None]:
    if not isinstance(frame, av.AudioFrame | av.VideoFrame):
        raise TypeError(f"a recorder takes decoded frames, and a track gave {type(frame).__name__}")
    if frame.pts is None or frame.time_base is None:
        return frame, None
    return frame, float(frame.pts * frame.time_base)
