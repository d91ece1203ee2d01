"""Discontinuous transmission of Opus (RFC 7587 section 3.1.3): nothing is sent while nothing is to be heard.

FFmpeg's wrapper has no switch for libopus' own, so that silence is found here by its level.
"""

import math
from array import array

import av

__all__ = ["SilenceGate", "level_dbov"]

_SILENCE_DBOV = -70.0  # quieter than the noise of a microphone in a quiet room
_HANG_OVER = 0.2  # seconds of silence that are sent before the pause, so that no word is cut
_REFRESH = 0.4  # seconds between packets within the pause, as libopus has them
_FULL_SCALE = 32768.0
_STRIDE = 4  # every fourth sample tells as much of the level


class SilenceGate:
    """Which packets are worth sending; ``duration`` is that of each, in seconds."""

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._silent_for = 0.0
        self._unsent_for = 0.0

    def passes(self, frame: av.AudioFrame) -> bool:
        """Whether to send this packet, which has 16-bit samples."""
        if level_dbov(frame) > _SILENCE_DBOV:
            self._silent_for = self._unsent_for = 0.0
            return True
        self._silent_for += self._duration
        if self._silent_for <= _HANG_OVER:
            return True
        self._unsent_for += self._duration
        if self._unsent_for < _REFRESH:
            return False
        self._unsent_for = 0.0
        return True


def level_dbov(frame: av.AudioFrame) -> float:
    """The level of 16-bit samples in dB of the loudest possible, -127 for silence (RFC 6464 section 3)."""
    samples = array("h", bytes(frame.planes[0])[: 2 * frame.samples * len(frame.layout.channels)])[::_STRIDE]
    energy = sum(sample * sample for sample in samples)
    if not energy:
        return -127.0
    return max(20 * math.log10(math.sqrt(energy / len(samples)) / _FULL_SCALE), -127.0)
