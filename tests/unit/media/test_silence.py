import pytest

from rtcpeer.media.frame_making import silence
from rtcpeer.media.silence import SilenceGate, amplitude, dbov
from tests.unit.media.codec_samples import tone


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize(("loudness", "level"), [(1.0, 3), (0.1, 23), (0.001, 63)])
def test_level_of_a_tone(layout, loudness, level):
    (frame,) = tone(1, loudness=loudness, layout=layout)
    assert dbov(amplitude(frame)) == level


def test_level_of_silence():
    assert dbov(amplitude(silence(960, 48000))) == 127
    assert dbov(1.0) == 0


def test_pauses():
    gate = SilenceGate(0.02)
    passed = [gate.passes(0.0) for _ in range(50)]
    assert passed == [True] * 10 + ([False] * 19 + [True]) * 2
    assert gate.passes(0.1)
    assert gate.passes(0.0)
