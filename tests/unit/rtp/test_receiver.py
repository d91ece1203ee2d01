from dataclasses import replace

import pytest

from rtcpeer.payload import Vp8Packetizer
from rtcpeer.rtp.events import FrameReceived, StreamEnded, StreamStarted
from rtcpeer.rtp.extension_values import AudioLevel
from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.header import RtpHeader, RtpPacket
from rtcpeer.rtp.parameters import ReceiveParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.router import IncomingStream, ReceiveSection
from rtcpeer.rtp.rtx import wrap
from rtcpeer.rtp.settings import MediaSettings
from tests.sim.media import opus, vp8

AUDIO = ReceiveParameters("0", opus(), ())
VIDEO = ReceiveParameters("1", vp8(), ())
NOTHING = HeaderExtensions()


def receiving(parameters=AUDIO, **settings):
    receiver = RtpReceiver(parameters.codecs[0].kind, MediaSettings(**settings))
    receiver.configure(parameters, 0.0)
    return receiver


def source(receiver, ssrc=20, rid=None):
    incoming = IncomingStream(ssrc, ReceiveSection(receiver, frozenset({96, 97, 111})))
    incoming.rid = rid
    return incoming


def take(
    receiver, number, payload=b"sound", ssrc=20, now=1.0, payload_type=111, extensions=NOTHING, csrcs=(), rid=None
):
    header = RtpHeader(payload_type, number, number * 960, ssrc, True, csrcs)
    stream = receiver.receive(source(receiver, ssrc, rid), RtpPacket(header, payload), extensions, now)
    if stream is not None:
        receiver.collect(stream, now + 0.1)
    return stream


def test_a_source_starts_with_its_first_packet_and_its_frames_follow():
    receiver = receiving()
    take(receiver, 0)
    started, heard = receiver.events
    assert started == StreamStarted(receiver, 20, None)
    assert isinstance(heard, FrameReceived)
    assert (heard.receiver, heard.frame.data) == (receiver, b"sound")
    assert receiver.codecs == AUDIO.codecs[:1]
    assert [each.ssrc for each in receiver.statistics()] == [20]


def test_an_end_is_told_once_and_latecomers_do_not_start_it_again():
    receiver = receiving()
    take(receiver, 0)
    receiver.events.clear()
    receiver.end(20, 1.0)
    receiver.end(20, 1.0)
    assert take(receiver, 1, now=1.1) is None
    assert receiver.events == [StreamEnded(receiver, 20, None)]
    assert take(receiver, 2, now=1.3) is not None


def test_silence_is_an_end():
    receiver = receiving()
    take(receiver, 0, now=1.0)
    take(receiver, 0, ssrc=21, now=8.0)
    assert receiver.end_silent(11.5) == [20]
    assert list(receiver.streams) == [21]


def test_repair_is_put_back_into_its_stream():
    receiver = receiving(VIDEO)
    payload = Vp8Packetizer(0).packetize(b"\0picture", 100)[0]
    media, repair = source(receiver), source(receiver, 21)
    original = RtpPacket(RtpHeader(96, 5, 0, 20, True), payload)
    again = wrap(original, payload_type=97, ssrc=21, sequence_number=0)
    assert receiver.receive_repair(repair, media, again, NOTHING, 1.0) is None  # of nothing that has come
    receiver.receive(media, RtpPacket(RtpHeader(96, 4, 0, 20), payload), NOTHING, 1.0)
    assert receiver.receive_repair(repair, media, again, NOTHING, 1.0) is receiver.streams[20]
    assert receiver.statistics()[0].rtx_ssrc == 21
    padding = RtpPacket(RtpHeader(97, 1, 0, 21), b"", 200)
    assert receiver.receive_repair(repair, media, padding, NOTHING, 1.0) is None
    assert receiver.receive_repair(repair, media, padding._replace(payload=b"x"), NOTHING, 1.0) is None
    assert (receiver.strange, receiver.malformed) == (1, 1)


def test_streams_are_bounded_in_number():
    receiver = receiving(max_streams=2)
    for ssrc in range(20, 25):
        take(receiver, 0, ssrc=ssrc)
    assert len(receiver.streams) == 2
    assert receiver.strange == 3


def test_keyframes_are_asked_for_by_rid_or_ssrc():
    receiver = receiving(VIDEO)
    for ssrc, rid in ((20, "low"), (21, "high")):
        take(receiver, 0, b"\x10\1", ssrc=ssrc, payload_type=96, rid=rid)
    for stream in receiver.streams.values():
        stream.keyframes.is_wanted = False
    receiver.request_keyframe(rid="high")
    assert [stream.keyframes.is_wanted for stream in receiver.streams.values()] == [False, True]
    assert receiver.has_requests
    receiver.request_keyframe(ssrc=20)
    assert all(stream.keyframes.is_wanted for stream in receiver.streams.values())


def test_sources_tell_who_was_heard_and_how_loud():
    receiver = receiving()
    level = HeaderExtensions(audio_level=AudioLevel(12, True))
    take(receiver, 0, extensions=level, csrcs=(7,))
    heard = {each.source: each for each in receiver.sources(1.2)}
    assert (heard[20].audio_level, heard[20].has_voice, heard[20].is_contributing) == (12, True, False)
    assert (heard[7].audio_level, heard[7].is_contributing) == (None, True)
    for number in range(1, 100):
        take(receiver, number, ssrc=20, csrcs=(1000 + number,), now=1.0 + number / 50)
    assert len(receiver.sources(3.0)) == 64
    assert receiver.sources(20.0) == []


def test_what_may_not_be_received_is_not():
    receiver = receiving()
    take(receiver, 0)
    receiver.configure(replace(AUDIO, is_receiving=False), 2.0)
    assert receiver.streams == {}
    assert take(receiver, 1, now=3.0) is None
    receiver.configure(AUDIO, 4.0)
    assert take(receiver, 2, now=5.0) is not None
    assert take(receiver, 3, payload_type=99, now=5.0) is None


def test_a_target_for_the_delay_holds_for_streams_that_come_later():
    receiver = receiving()
    receiver.set_jitter_target(0.5)
    take(receiver, 0)
    assert receiver.statistics()[0].current_delay == 0.5
    with pytest.raises(ValueError, match="0 to 4 s"):
        receiver.set_jitter_target(5)
