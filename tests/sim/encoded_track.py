"""Tracks that need no codec: they give encoded frames at a steady pace, also in virtual time."""

import asyncio
from typing import Any

from rtcpeer.media.track import MediaStreamError, MediaStreamTrack
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

VP8 = CodecParameters("video", "VP8", 96, 90000)
OPUS = CodecParameters("audio", "opus", 111, 48000, 2)

# The frame tag of VP8 (RFC 6386 section 9.1): bit 0 is 0 in a keyframe, behind which a start code and a size stand.
KEYFRAME = b"\x10\x02\x00\x9d\x01\x2a\x80\x02\xe0\x01"
OTHER = b"\x11\x02\x00"


class EncodedTrack(MediaStreamTrack):
    """Frames with a number in them, `interval` apart; a keyframe first, and when one is asked for."""

    def __init__(self, kind: str = "video", *, size: int = 1000, interval: float | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.codec = VP8 if kind == "video" else OPUS
        self.size = size
        self.interval = interval or (1 / 30 if kind == "video" else 0.02)
        self.sent = 0
        self.keyframes_asked = 0
        self.bitrates: list[int] = []
        self._is_keyframe_due = True
        self._start: float | None = None

    async def recv(self) -> Any:
        now = asyncio.get_running_loop().time()
        self._start = now if self._start is None else self._start
        await asyncio.sleep(max(0.0, self._start + self.sent * self.interval - now))
        if self.readyState == "ended":
            raise MediaStreamError
        is_keyframe, self._is_keyframe_due = self._is_keyframe_due or self.kind == "audio", False
        head = b"" if self.kind == "audio" else KEYFRAME if is_keyframe else OTHER
        number = self.sent
        self.sent += 1
        data = head + number.to_bytes(4, "big") + bytes(self.size)
        return EncodedFrame(data, round(number * self.interval * self.codec.clock_rate), is_keyframe, self.codec)

    def request_keyframe(self) -> None:
        self.keyframes_asked += 1
        self._is_keyframe_due = True

    def set_bitrate(self, bitrate: int) -> None:
        self.bitrates.append(bitrate)


def number_of(frame: EncodedFrame) -> int:
    """Which of the track's frames it is."""
    head = 0 if frame.codec.kind == "audio" else len(KEYFRAME if frame.is_keyframe else OTHER)
    return int.from_bytes(frame.data[head : head + 4], "big")


class Frames:
    """Reads the encoded frames of a receiver in a task of its own."""

    def __init__(self, receiver: Any) -> None:
        self.frames: list[EncodedFrame] = []
        self.reader = receiver.encoded()
        self.is_ended = False
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for frame in self.reader:
            self.frames.append(frame)
        self.is_ended = True

    async def stop(self) -> None:
        await self.reader.aclose()
        await self.task
