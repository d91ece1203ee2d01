from fractions import Fraction

import av
import pytest

from rtcpeer.media.frame_making import black_picture, copy_of, silence
from tests.unit.media.samples import levels, number_of, picture, write_file


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_silence(layout):
    frame = silence(441, 44100, layout)
    assert (frame.samples, frame.sample_rate, frame.layout.name, frame.time_base) == (
        441,
        44100,
        layout,
        Fraction(1, 44100),
    )
    assert levels([frame]) == [0] * 441


def test_silence_of_unsigned_samples_is_in_the_middle():
    assert set(bytes(silence(100, 8000, sample_format="u8").planes[0])[:100]) == {0x80}


def test_a_black_picture():
    black = black_picture(picture(20, width=33, height=17, pts=7))
    assert (black.width, black.height, black.pts, black.time_base) == (33, 17, 7, Fraction(1, 90000))
    assert number_of(black) == 0
    assert bytes(black.reformat(format="rgb24").planes[0])[:3] == b"\x00\x00\x00"


@pytest.mark.parametrize("width", [64, 100, 639])
def test_a_copy_has_its_own_memory(width):
    source = picture(5, width=width)
    copy = copy_of(source)
    source.planes[0].update(bytes(source.planes[0].buffer_size))
    assert number_of(copy) == 5


def test_a_copy_of_a_picture_with_longer_lines(tmp_path):
    with av.open(write_file(tmp_path / "a.mp4", video=0.04)) as container:
        decoded = next(container.decode(video=0))
    copy = copy_of(decoded)
    assert decoded.planes[0].line_size > copy.planes[0].line_size  # decoders leave room at the edges
    assert bytes(copy.reformat(format="rgb24").planes[0]) == bytes(decoded.reformat(format="rgb24").planes[0])
