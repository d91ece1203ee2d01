from dataclasses import replace

import pytest

from rtcpeer.media import codecs, hardware
from rtcpeer.media.codecs import create_encoder
from rtcpeer.media.hardware import HARDWARE, working_hardware, works
from rtcpeer.media.settings import CodecSettings
from rtcpeer.media.video_implementations import implementations_of
from tests.unit.media.codec_samples import codec, pictures

# Stands for a graphics card: opens and encodes as one does.
(SOFTWARE,) = implementations_of("H264")
CARD = replace(SOFTWARE, is_hardware=True)


def test_what_encodes_a_picture_works():
    assert works(CARD)
    assert not works(replace(CARD, name="no such encoder"))
    assert not works(replace(CARD, options=lambda shape: {"profile": "no such"}))


def test_each_of_them_is_tried_and_none_raises():
    assert set(working_hardware()) <= set(HARDWARE)
    assert all(implementation.is_hardware for implementation in HARDWARE)
    assert working_hardware() is working_hardware()


@pytest.mark.parametrize(
    ("allowed", "mode", "is_efficient"), [(True, "1", True), (False, "1", False), (True, "0", False)]
)
def test_hardware_comes_first_where_it_may(monkeypatch, allowed, mode, is_efficient):
    monkeypatch.setattr(codecs, "working_hardware", lambda: (CARD,))
    one = create_encoder(codec("H264", packetization_mode=mode), CodecSettings(allow_hardware=allowed))
    assert one.encode(next(pictures(1)), 0)
    assert one.statistics().power_efficient_encoder is is_efficient


def test_hardware_that_fails_later_is_left_for_software(monkeypatch):
    broken = replace(CARD, name="h264_nvenc", options=hardware.HARDWARE[1].options)  # does not open here, or works
    monkeypatch.setattr(codecs, "working_hardware", lambda: (broken,))
    one = create_encoder(codec("H264"), CodecSettings())
    assert one.encode(next(pictures(1)), 0)[0].is_keyframe
