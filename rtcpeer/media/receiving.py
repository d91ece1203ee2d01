"""From encoded frames to a track: decodes pictures in a thread, sound at once."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from rtcpeer.media.codec_contract import Decoder, DecoderStatistics, RawFrame
from rtcpeer.media.codecs import create_decoder
from rtcpeer.media.settings import CodecSettings
from rtcpeer.media.worker import Worker
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["TrackDecoder"]

_ASK_AGAIN = 0.5  # seconds after which a keyframe that has not come is asked for again


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one encoded frame."""

    frames: list[RawFrame]
    needs_keyframe: bool


class TrackDecoder:
    """Decodes the frames of one received track; which codec is in each `EncodedFrame`.

    Make it when somebody first reads the track. ``on_keyframe_needed()`` comes on the loop: at the beginning unless a
    keyframe is there, after a failure, after frames had to be dropped. Where decoded media waits for more than
    `max_unread` seconds, it is dropped: a reader that is too slow gets what is new, and where nobody reads any more,
    nothing is decoded until somebody does (pictures then go on with a keyframe).
    """

    def __init__(self, on_keyframe_needed: Callable[[], None], *, settings: CodecSettings | None = None) -> None:
        self._on_keyframe_needed = on_keyframe_needed
        self._settings = settings or CodecSettings()
        self._decoder: Decoder | None = None
        self._codec: CodecParameters | None = None
        self._worker: Worker[EncodedFrame, _Outcome] = Worker(
            self._decode, self._on_outcomes, self._on_failure, self._finish, "decoder"
        )
        self._in_work = 0  # frames in the worker
        self._decoded: deque[tuple[float, RawFrame]] = deque()  # and since when it waits
        self._arrived = asyncio.Event()
        self._readers = 0  # that wait
        self._last_read = time.monotonic()
        self._is_idle = False  # nobody reads
        self._is_ended = False
        self._skips_to_keyframe = False
        self._asked_at = float("-inf")
        self._dropped = self._failed = 0

    def receive(self, frame: EncodedFrame) -> None:
        """Take a frame, in decoding order; never raises, and blocks no longer than sound takes to decode."""
        if self._is_ended:
            return
        if self._is_idle or self._worker.queued >= self._settings.max_queued_frames:
            self._dropped += 1
            self._skips_to_keyframe = frame.codec.kind == "video"
        elif self._skips_to_keyframe and not frame.is_keyframe:
            self._dropped += 1
            self._ask_for_keyframe()
        else:
            self._skips_to_keyframe = False
            self._in_work += 1
            if frame.codec.kind == "audio":
                self._decode_now(frame)
            else:
                self._worker.put(frame)

    async def recv(self) -> RawFrame | None:
        """The next decoded frame; its pts is the `EncodedFrame`'s timestamp. None at the end."""
        if self._is_idle:
            self._is_idle = False
            self._drop_decoded()
            if self._skips_to_keyframe:
                self._ask_for_keyframe()
        self._readers += 1
        try:
            while not self._decoded:
                if self._is_ended and not self._in_work:
                    return None
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            self._readers -= 1
            self._last_read = time.monotonic()
        return self._decoded.popleft()[1]

    def statistics(self) -> DecoderStatistics:
        """A snapshot."""
        if self._decoder is None:
            return DecoderStatistics(
                "unknown",
                power_efficient_decoder=False,
                frames_dropped=self._dropped,
                frames_failed=self._failed,
            )
        statistics = self._decoder.statistics()
        return replace(
            statistics,
            frames_dropped=statistics.frames_dropped + self._dropped,
            frames_failed=statistics.frames_failed + self._failed,
        )

    def end(self) -> None:
        """No more frames will come: `recv` gives what is there, then None."""
        self._is_ended = True
        self._arrived.set()

    async def close(self) -> None:
        """End the thread; `recv` gives None from now on. Harmless when repeated."""
        self._is_ended = True
        await self._worker.close()
        self._finish()
        self._in_work = 0
        self._decoded.clear()
        self._arrived.set()

    def _decode_now(self, frame: EncodedFrame) -> None:
        """Sound: 20 ms of Opus take 60 µs, to hand them to a thread and back takes several times that."""
        try:
            outcomes = self._decode(frame)
        except Exception as error:  # noqa: BLE001 - as in the thread
            self._on_failure(error, frame)
        else:
            self._on_outcomes(outcomes)

    def _on_outcomes(self, outcomes: list[_Outcome]) -> None:
        now = time.monotonic()
        self._in_work -= len(outcomes)
        for outcome in outcomes:
            self._decoded.extend((now, frame) for frame in outcome.frames)
        self._arrived.set()
        if outcomes[-1].needs_keyframe:
            self._ask_for_keyframe()
        longest = self._settings.max_unread
        if self._decoded and now - self._decoded[0][0] > longest:
            self._is_idle = not self._readers and now - self._last_read > longest
            self._drop_decoded()

    def _on_failure(self, error: Exception, frame: EncodedFrame) -> None:  # noqa: ARG002
        """No decoder for its codec, which negotiation should have known."""
        self._in_work -= 1
        self._failed += 1
        self._arrived.set()

    def _drop_decoded(self) -> None:
        self._dropped += len(self._decoded)
        self._decoded.clear()

    def _ask_for_keyframe(self) -> None:
        now = time.monotonic()
        if now - self._asked_at >= _ASK_AGAIN and not self._is_ended:
            self._asked_at = now
            self._on_keyframe_needed()

    # In the thread, for pictures

    def _decode(self, frame: EncodedFrame) -> list[_Outcome]:
        if self._decoder is None or frame.codec != self._codec:
            self._finish()
            self._decoder = create_decoder(frame.codec)
            self._codec = frame.codec
        frames = self._decoder.decode(frame)
        return [_Outcome(frames, self._decoder.needs_keyframe)]

    def _finish(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
