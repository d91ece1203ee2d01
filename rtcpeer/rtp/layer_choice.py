"""Which of a peer's simulcast layers is decoded (RFC 8853): a track has one picture, however many streams bring it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from rtcpeer.rtp.frames import EncodedFrame

__all__ = ["LayerChoice"]

CLEARLY_LARGER: Final = 1.25  # by this factor a keyframe has to be larger before its layer counts as the better one
SILENCE: Final = 1.0  # seconds after which the chosen layer counts as paused...
SILENCE_FRAMES: Final = 10  # ...if the others have brought so many frames meanwhile
PLAUSIBLE_ERROR: Final = 2.0  # seconds by which what the peer says of its clock may differ from when frames came
ASK_AGAIN: Final = 0.5  # seconds after which a keyframe that has not come is asked for again


@dataclass(slots=True)
class _Layer:
    keyframe_size: int = 0  # of its last one; 0: none has come
    asked_at: float = float("-inf")


class LayerChoice:
    """Lets one layer through: the one with the largest keyframes, as no codec has to be understood for that.

    Another one takes over with a keyframe alone: when it turns out larger, and when the chosen one brings nothing any
    more. A keyframe is asked for where one would decide. RTP timestamps go on where the layer before has been, as each
    source begins its own anywhere (RFC 3550 section 5.1).

    Args:
        ask: is told the SSRC of which a keyframe is needed.
    """

    def __init__(self, ask: Callable[[int | None], None]) -> None:
        self._ask = ask
        self._layers: dict[str | None, _Layer] = {}  # by rid
        self._rid: str | None = None
        self._ssrc: int | None = None
        self._heard_at = 0.0
        self._passed_over = 0  # frames since the chosen layer's last
        self._last: EncodedFrame | None = None  # as it was let through
        self._offset = 0  # to be added to the chosen layer's timestamps

    @property
    def ssrc(self) -> int | None:
        """Of the chosen layer; None before there is one."""
        return self._ssrc

    def take(self, frame: EncodedFrame, now: float) -> EncodedFrame | None:
        """The frame as it is to be decoded; None: it is of another layer."""
        layer = self._layers.setdefault(frame.rid, _Layer())
        if frame.is_keyframe:
            layer.keyframe_size = len(frame.data)
        if frame.ssrc != self._ssrc:
            self._passed_over += 1
            if not self._is_better(layer, frame, now):
                return None
            if not frame.is_keyframe:
                self._ask_for(layer, frame.ssrc, now)
                return None
            self._choose(frame, now)
        self._heard_at = now
        self._passed_over = 0
        self._last = frame if not self._offset else replace(frame, timestamp=frame.timestamp + self._offset)
        return self._last

    def ended(self, ssrc: int, rid: str | None) -> None:
        """This source has left."""
        if ssrc == self._ssrc:
            self._ssrc = self._rid = None
        elif rid == self._rid:
            return  # it goes on under another SSRC
        self._layers.pop(rid, None)

    def _is_better(self, layer: _Layer, frame: EncodedFrame, now: float) -> bool:
        """Whether this layer is to take over, or might be."""
        if self._ssrc is None or not layer.keyframe_size:
            return True
        if frame.is_keyframe and frame.rid == self._rid:
            return True  # its source has taken another SSRC
        if self._passed_over >= SILENCE_FRAMES and now - self._heard_at > SILENCE:
            return True
        return layer.keyframe_size > CLEARLY_LARGER * self._layers[self._rid].keyframe_size

    def _ask_for(self, layer: _Layer, ssrc: int | None, now: float) -> None:
        if now - layer.asked_at >= ASK_AGAIN:
            layer.asked_at = now
            self._ask(ssrc)

    def _choose(self, frame: EncodedFrame, now: float) -> None:
        if self._last is not None:
            before = self._last
            passed = now - self._heard_at
            if frame.captured_at is not None and before.captured_at is not None:
                told = frame.captured_at - before.captured_at
                passed = told if abs(told - passed) < PLAUSIBLE_ERROR else passed
            ticks = max(round(passed * frame.codec.clock_rate), 1)
            self._offset = before.timestamp + ticks - frame.timestamp
        self._rid, self._ssrc = frame.rid, frame.ssrc
