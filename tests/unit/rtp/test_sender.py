import random
from dataclasses import replace

import pytest

from rtcpeer.errors import InvalidStateError
from rtcpeer.rtp.events import BitrateChanged, KeyframeRequested, ToneSent
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters, SendParameters
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from tests.sim.media import opus, vp8

VIDEO = SendParameters("1", vp8(), (), (EncodingParameters(10, 11),), "us")
AUDIO = SendParameters("0", opus(), (), (EncodingParameters(20),), "us")
LAYERS = replace(VIDEO, encodings=(EncodingParameters(10, 11, "low"), EncodingParameters(12, 13, "high")))


class Outlet:
    """A transport that keeps what it is given."""

    wall_clock_offset = 0.0

    def __init__(self):
        self.is_open = True
        self.packets, self.events, self.changes = [], [], 0

    def enqueue(self, packets, now):
        self.packets += packets
        for packet in packets:
            packet.stream.note_left(packet, b"", now)

    def limits_changed(self):
        self.changes += 1


def sending(parameters=VIDEO):
    sender = RtpSender(parameters.codecs[0].kind, MediaSettings(), random.Random(1).randbytes)
    outlet = Outlet()
    sender.configure(parameters, outlet)
    return sender, outlet


def frame(codec=VIDEO.codecs[0], rid=None):
    return EncodedFrame(bytes(100), 0, True, codec, rid)


def test_before_negotiation_frames_are_dropped():
    sender = RtpSender("video", MediaSettings(), random.Random(1).randbytes)
    sender.send(frame(), 1.0)
    assert (sender.can_send, sender.codecs, sender.parameters, sender.statistics()) == (False, (), None, [])
    outlet = Outlet()
    sender.configure(VIDEO, outlet)
    sender.became_able()
    assert outlet.events == [KeyframeRequested(sender, None)]


def test_after_a_pause_a_keyframe_is_asked_for():
    sender, outlet = sending()
    sender.send(frame(), 1.0)
    for pause, end in (
        (lambda: sender.configure(replace(VIDEO, is_sending=False), outlet), lambda: sender.configure(VIDEO, outlet)),
        (lambda: sender.limit(is_active=False), sender.limit),
    ):
        pause()
        end()
        assert outlet.events == []  # nothing was missed
        pause()
        sender.send(frame(), 1.0)
        end()
        assert outlet.events == [KeyframeRequested(sender, None)]
        outlet.events.clear()
        sender.send(frame(), 1.0)


def test_a_frame_in_a_codec_that_was_not_agreed_on_is_refused():
    sender, outlet = sending()
    assert sender.codecs == VIDEO.codecs[:1]
    with pytest.raises(ValueError, match=r"video/VP9 can not be sent: what was agreed on is video/VP8"):
        sender.send(frame(CodecParameters("video", "VP9", 98, 90000)), 1.0)
    sender.send(frame(CodecParameters("video", "VP8", 120, 90000)), 1.0)
    assert len(outlet.packets) == 1


def test_each_encoding_has_its_frames():
    sender, outlet = sending(LAYERS)
    sender.send(frame(rid="high"), 1.0)
    assert [packet.stream.rid for packet in outlet.packets] == ["high"]
    for rid in (None, "other"):
        with pytest.raises(ValueError, match="there are low, high"):
            sender.send(frame(rid=rid), 1.0)


def test_nothing_leaves_while_the_direction_or_the_program_forbids_it():
    sender, outlet = sending()
    sender.limit(is_active=False)
    sender.send(frame(), 1.0)
    sender.limit()
    sender.configure(replace(VIDEO, is_sending=False), outlet)
    sender.send(frame(), 1.0)
    outlet.is_open = False
    sender.configure(VIDEO, outlet)
    sender.send(frame(), 1.0)
    assert outlet.packets == []
    assert sender.statistics()[0].frames_dropped == 3
    assert outlet.changes == 2


def test_limits_hold_for_encodings_that_come_later():
    sender = RtpSender("video", MediaSettings(), random.Random(1).randbytes)
    sender.limit(max_bitrate=500_000)
    sender.limit("low", max_bitrate=100_000, is_active=False)
    sender.configure(LAYERS, Outlet())
    assert [(stream.max_bitrate, stream.is_active) for stream in sender.streams] == [(100_000, False), (500_000, True)]


def test_streams_stay_whose_ssrc_stays_and_those_that_go_owe_a_bye():
    sender, outlet = sending(LAYERS)
    low, high = sender.streams
    sender.send(frame(rid="low"), 1.0)
    assert sender.configure(replace(LAYERS, encodings=LAYERS.encodings[1:]), outlet) == [10]
    assert sender.streams == (high,)
    assert low not in sender.streams
    sender.send(frame(rid="high"), 1.0)
    assert sender.configure(None, None) == [12]


def test_a_pause_owes_a_bye_once():
    sender, outlet = sending()
    sender.send(frame(), 1.0)
    assert sender.configure(replace(VIDEO, is_sending=False), outlet) == [10]
    assert sender.configure(replace(VIDEO, is_sending=False), outlet) == []


def test_bitrates_are_told_when_they_change():
    sender, outlet = sending(LAYERS)
    sender.allocate([100, 400])
    sender.allocate([100, 400])
    assert outlet.events == [BitrateChanged(sender, 500, (("low", 100), ("high", 400)))]


def test_tones_need_what_the_peer_takes():
    sender, _ = sending()
    assert not sender.can_send_tones
    with pytest.raises(InvalidStateError, match="takes no telephone events"):
        sender.send_tones("1")


def test_tones_silence_the_voice():
    sender, outlet = sending(AUDIO)
    sender.send_tones("1")
    sender.handle_timeout(1.0)
    sender.send(EncodedFrame(b"voice", 0, True, AUDIO.codecs[0]), 1.0)
    assert outlet.packets == []
    sender.handle_timeout(1.05)
    assert [packet.head[1] for packet in outlet.packets] == [0x80 | 110]
    for _ in range(3):
        sender.handle_timeout(sender.next_timeout())
    assert [event.tone for event in outlet.events if isinstance(event, ToneSent)] == ["1", ""]
    sender.send(EncodedFrame(b"voice", 9600, True, AUDIO.codecs[0]), 1.3)
    assert outlet.packets[-1].head[1] == 111
