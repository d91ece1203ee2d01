import pytest

from rtcpeer.media.codec_contract import CodecError
from rtcpeer.media.conversion import PictureConverter
from tests.unit.media.codec_samples import brightness, pictures


def test_the_caller_gets_a_picture_of_its_own_without_a_copy_of_the_pixels():
    (picture,) = pictures(1)
    picture.pts = 7
    own = PictureConverter().convert(picture, 160, 120, "yuv420p")
    assert own is not picture
    assert own.planes[0].buffer_ptr == picture.planes[0].buffer_ptr
    own.pts, own.pict_type = 99, 1
    assert (picture.pts, picture.pict_type) != (99, 1)


def test_any_format_and_size_in_turn():
    converter = PictureConverter()
    for pixel_format in ("rgb24", "bgra", "gray", "nv12", "yuvj420p", "yuv444p10le", "rgb24"):
        (picture,) = pictures(1, pixel_format=pixel_format)
        own = converter.convert(picture, 80, 60, "yuv420p")
        assert (own.width, own.height, own.format.name) == (80, 60, "yuv420p")
        assert brightness(own) == pytest.approx(brightness(picture), abs=8)


def test_what_can_not_be_converted_is_said():
    (picture,) = pictures(1)
    with pytest.raises(CodecError, match="160x120 yuv420p can not become 8x8 vaapi"):
        PictureConverter().convert(picture, 8, 8, "vaapi")
