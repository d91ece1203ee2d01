"""How loud sound is, and what follows for Opus: discontinuous transmission (RFC 7587 section 3.1.3).


FFmpeg's wrapper has no switch for libopus' own, so that silence is found here by its level.
"""

import math
from array import array

import av

__all__ = ["SilenceGate", "amplitude", "dbov"]

_SILENCE = 3e-4  # -70 dBov: quieter than the noise of a microphone in a quiet room
_HANG_OVER = 0.2  # seconds of silence that are sent before the pause, so that no word is cut
_REFRESH = 0.4  # seconds between packets within the pause, as libopus has them
_FULL_SCALE = 32768.0
_LOOKED_AT = 120  # samples of a frame: enough for its level. They are an odd number apart, to hear both channels.


class SilenceGate:
    """Which packets are worth sending; ``duration`` is that of each, in seconds."""

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._silent_for = 0.0
        self._unsent_for = 0.0

    def passes(self, amplitude: float) -> bool:
        """Whether to send this packet of that `amplitude`."""
        if amplitude > _SILENCE:
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


def amplitude(frame: av.AudioFrame) -> float:
    """The root mean square of interleaved 16-bit samples, where 1 is the loudest possible."""
    samples = array("h", bytes(frame.planes[0])[: 2 * frame.samples * len(frame.layout.channels)])
    samples = samples[:: max(len(samples) // _LOOKED_AT, 1) | 1]
    energy = sum(sample * sample for sample in samples)
    return math.sqrt(energy / max(len(samples), 1)) / _FULL_SCALE


def dbov(amplitude: float) -> int:
    """Its level in -dBov, 0 to 127 (RFC 6464 section 3)."""
    return 127 if amplitude <= 0 else min(max(round(-20 * math.log10(amplitude)), 0), 127)
