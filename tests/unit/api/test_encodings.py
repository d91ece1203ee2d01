import random

import pytest

from rtcpeer.api.encodings import MAX_ENCODINGS, check_encodings, initial_encodings, new_streams, target
from rtcpeer.api.rtp_parameters import RTCRtpEncodingParameters


def test_without_any_there_is_one():
    assert initial_encodings("video", ()) == [RTCRtpEncodingParameters(scaleResolutionDownBy=1.0)]
    assert initial_encodings("audio", ()) == [RTCRtpEncodingParameters()]


def test_simulcast_is_scaled_by_powers_of_two_unless_said():
    """W3C webrtc-pc section 5.1: the first of three is a quarter as wide and as high."""
    layers = initial_encodings("video", [{"rid": "q"}, {"rid": "h"}, {"rid": "f"}])
    assert [one.scaleResolutionDownBy for one in layers] == [4.0, 2.0, 1.0]
    layers = initial_encodings("video", [{"rid": "q", "scaleResolutionDownBy": 3}, {"rid": "f"}])
    assert [one.scaleResolutionDownBy for one in layers] == [3, 1.0]


def test_what_is_given_is_not_changed():
    given = RTCRtpEncodingParameters(rid="only")
    assert initial_encodings("video", [given])[0].rid is None
    assert given == RTCRtpEncodingParameters(rid="only")


def test_audio_has_neither_size_nor_frame_rate():
    [one] = initial_encodings("audio", [{"maxFramerate": 5, "scaleResolutionDownBy": 0.5}])
    assert one.maxFramerate is one.scaleResolutionDownBy is None


@pytest.mark.parametrize(
    "rids", [("a", None), (None, None), ("a", "a"), ("a-b", "c"), ("", "c"), ("a" * 17, "b"), ("é", "b")]
)
def test_rids_that_do_not_fit_together(rids):
    with pytest.raises(TypeError):
        initial_encodings("video", [{"rid": rid} for rid in rids])


@pytest.mark.parametrize("limit", [{"scaleResolutionDownBy": 0.9}, {"maxFramerate": -1.0}, {"maxBitrate": 0}])
def test_limits_out_of_range(limit):
    with pytest.raises(ValueError, match=next(iter(limit))):
        initial_encodings("video", [limit])


def test_an_unknown_priority():
    with pytest.raises(TypeError, match="priority"):
        check_encodings("audio", [RTCRtpEncodingParameters(priority="urgent")])


def test_no_more_than_a_bound():
    assert len(initial_encodings("video", [{"rid": str(number)} for number in range(99)])) == MAX_ENCODINGS


def test_every_encoding_has_sources_of_its_own():
    layers = initial_encodings("video", [{"rid": "q"}, {"rid": "f"}])
    streams = new_streams("video", layers, random.Random(1).randbytes)
    assert [one.rid for one in streams] == ["q", "f"]
    assert len({number for one in streams for number in (one.ssrc, one.rtx_ssrc)}) == 4
    [audio] = new_streams("audio", initial_encodings("audio", ()), random.Random(1).randbytes)
    assert audio.rtx_ssrc is None


def test_what_the_encoder_is_told():
    encoding = RTCRtpEncodingParameters(maxBitrate=5, maxFramerate=6, scaleResolutionDownBy=2)
    made = target(encoding, "q", is_active=True)
    assert (made.rid, made.is_active, made.max_bitrate, made.max_framerate) == ("q", True, 5, 6)
    assert made.scale_resolution_down_by == 2
    assert not target(encoding, "q", is_active=False).is_active
    assert not target(RTCRtpEncodingParameters(active=False), None, is_active=True).is_active
