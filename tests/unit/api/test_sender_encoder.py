from dataclasses import replace
from typing import ClassVar

import pytest

from rtcpeer.api import sender_encoder
from rtcpeer.api.rtp_parameters import RTCRtpCodecCapability, RTCRtpEncodingParameters
from rtcpeer.api.sender_encoder import SenderEncoder
from rtcpeer.rtp.events import BitrateChanged
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import EncodingParameters, SendParameters
from tests.sim.encoded_track import OPUS, VP8, EncodedTrack

H264 = VP8.__class__("video", "H264", 102, 90000, parameters=(("packetization-mode", "1"),))


class Link:
    def __init__(self):
        self.is_connected = True
        self.is_over = False
        self.now = 5.0
        self.woken = 0
        self.ended = []
        self.settings = type("Settings", (), {"codecs": None})

    def wake(self):
        self.woken += 1

    def end(self, closing):
        self.ended.append(closing)


class Core:
    weight = 1.0
    codecs = (VP8, H264)
    error = None

    def __init__(self):
        self.limits, self.sent = [], []

    def limit(self, rid, **limit):
        self.limits.append((rid, limit))

    def send(self, frame, now):
        if self.error:
            raise ValueError(self.error)
        self.sent.append((frame, now))


class Encoder:
    """Stands in for `TrackEncoder` and keeps what it is told."""

    made: ClassVar = []

    def __init__(self, track, codec, on_frame, **options):
        self.track, self.codec, self.on_frame, self.options = track, codec, on_frame, options
        self.targets = options["targets"]
        self.told = []
        self.made.append(self)

    def close(self):
        return "closing"

    def __getattr__(self, name):
        return lambda *arguments: self.told.append((name, *arguments))


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(sender_encoder, "TrackEncoder", Encoder)
    monkeypatch.setattr(Encoder, "made", [])
    return Encoder.made


class Owner:
    def __init__(self, *encodings):
        self.link, self.core, self.failures = Link(), Core(), []
        self.encoder = SenderEncoder(
            self.link,
            self.core,
            encodings or [RTCRtpEncodingParameters()],
            lambda track, error: self.failures.append((track, error)),
        )


def agreed(*rids, is_sending=True):
    encodings = tuple(EncodingParameters(index, None, rid) for index, rid in enumerate(rids or (None,)))
    return SendParameters("0", Core.codecs, (), encodings, "cname", is_sending=is_sending)


def last(encoder, name):
    return [told[1:] for told in encoder.told if told[0] == name][-1]


def test_it_begins_when_all_is_there(made):
    owner = Owner()
    owner.link.is_connected = False
    owner.encoder.set_track(EncodedTrack())
    owner.encoder.configure(agreed())
    assert made == []
    owner.link.is_connected = True
    owner.encoder.follow()
    [encoder] = made
    assert (encoder.track, encoder.codec) == (owner.encoder.track, VP8)
    assert ("start",) in encoder.told
    assert last(encoder, "set_paused") == (False,)


def test_without_a_track_nothing_begins_and_another_one_goes_on(made):
    owner = Owner()
    owner.encoder.configure(agreed())
    assert made == []
    assert owner.encoder.statistics() == ()
    assert owner.encoder.source_statistics() is None
    owner.encoder.set_track(EncodedTrack())
    other = EncodedTrack()
    owner.encoder.set_track(other)
    assert len(made) == 1
    assert last(made[0], "replace_track") == (other,)
    owner.encoder.set_track(None)
    assert last(made[0], "replace_track") == (None,)


def test_a_direction_that_does_not_send_pauses(made):
    owner = Owner()
    owner.encoder.set_track(EncodedTrack())
    owner.encoder.configure(agreed(is_sending=False))
    assert last(made[0], "set_paused") == (True,)
    owner.encoder.configure(None)
    assert owner.link.ended == ["closing"]


def test_a_transport_that_is_over_ends_it(made):
    owner = Owner()
    owner.encoder.set_track(EncodedTrack())
    owner.encoder.configure(agreed())
    owner.link.is_connected, owner.link.is_over = False, True
    owner.encoder.follow()
    assert owner.link.ended == ["closing"]


def test_fewer_encodings_make_another_encoder(made):
    owner = Owner(RTCRtpEncodingParameters("q", maxBitrate=7), RTCRtpEncodingParameters("f", active=False))
    owner.encoder.set_track(EncodedTrack())
    owner.encoder.configure(agreed("q", "f"))
    assert [target.rid for target in made[0].targets] == ["q", "f"]
    assert owner.core.limits == [
        ("q", {"max_bitrate": 7, "is_active": True}),
        ("f", {"max_bitrate": None, "is_active": False}),
    ]
    owner.encoder.configure(agreed(None))
    assert len(made) == 2
    assert [(target.rid, target.max_bitrate) for target in made[1].targets] == [(None, 7)]


def test_the_length_of_packets_follows_what_the_peer_asks_for(made):
    owner = Owner()
    owner.encoder.set_track(EncodedTrack())
    owner.encoder.configure(replace(agreed(), packet_time_ms=40))
    assert [target.packet_time_ms for target in made[0].targets] == [40]
    owner.encoder.configure(agreed())
    [[target]] = last(made[0], "set_targets")
    assert target.packet_time_ms is None


def test_bitrates_reach_the_encodings_that_have_any(made):
    owner = Owner(RTCRtpEncodingParameters("q"), RTCRtpEncodingParameters("f"))
    owner.encoder.bitrate_changed(BitrateChanged(owner.core, 5, (("q", 5), ("f", 0))))
    owner.encoder.set_track(EncodedTrack())
    owner.encoder.configure(agreed("q", "f"))
    owner.encoder.bitrate_changed(BitrateChanged(owner.core, 5, (("q", 5), ("f", 0))))
    assert [target.is_active for target in last(made[0], "set_targets")[0]] == [True, False]
    assert last(made[0], "set_bitrate") == (5, "q")
    owner.encoder.bitrate_changed(BitrateChanged(owner.core, 9, (("q", 5), ("f", 4))))
    assert [target.is_active for target in last(made[0], "set_targets")[0]] == [True, True]
    owner.encoder.keyframe_requested("f")
    assert last(made[0], "request_keyframe") == ("f",)


def test_parameters_change_limits_weight_codec_and_preference(made):
    owner = Owner()
    owner.encoder.set_track(EncodedTrack())
    owner.encoder.configure(agreed())
    h264 = RTCRtpCodecCapability("video/h264", 90000, None, "packetization-mode=1")
    owner.encoder.set_encodings([RTCRtpEncodingParameters(priority="high", codec=h264)], None)
    assert owner.core.weight == 4.0
    assert last(made[0], "set_codec") == (H264,)
    owner.encoder.set_encodings(owner.encoder.encodings, "maintain-framerate-and-resolution")
    assert made[1].options["degradation_preference"] == "disabled"
    unknown = RTCRtpCodecCapability("video/AV1", 90000)
    assert owner.encoder.negotiated(unknown) is None
    owner.encoder.set_encodings([RTCRtpEncodingParameters(codec=unknown)], "balanced")
    assert last(made[2], "set_codec") == (VP8,)


def test_frames_go_out_or_fail_their_track(made):
    owner = Owner()
    track = EncodedTrack()
    owner.encoder.set_track(track)
    owner.encoder.configure(agreed())
    frame = EncodedFrame(b"", 0, True, VP8)
    made[0].on_frame(frame)
    assert (owner.core.sent, owner.link.woken) == ([(frame, 5.0)], 1)
    owner.core.error = "a frame in audio/opus can not be sent"
    made[0].on_frame(EncodedFrame(b"", 0, True, OPUS))
    [(failed, error)] = owner.failures
    assert (failed, str(error), track.readyState) == (track, owner.core.error, "ended")
    assert owner.encoder.track is None


def test_the_end_of_a_track_is_no_failure(made):
    owner = Owner()
    track = EncodedTrack()
    owner.encoder.set_track(track)
    owner.encoder.configure(agreed())
    made[0].options["on_end"](None)
    assert owner.failures == []
    error = RuntimeError("broken")
    made[0].options["on_end"](error)
    assert owner.failures == [(track, error)]
    owner.encoder.end()
    assert owner.link.ended == ["closing"]
    owner.encoder.follow()
    assert len(made) == 1
