"""Encoded media between two bundles: through the pacer, SRTP, a link and the jitter buffer."""

from dataclasses import replace
from itertools import pairwise

import pytest

from rtcpeer.rtp.events import KeyframeRequested, StreamEnded, StreamStarted, ToneSent
from rtcpeer.rtp.extension_values import AudioLevel, ExtensionUri, VideoOrientation
from rtcpeer.rtp.frames import EncodedFrame
from tests.sim.link import LinkSettings
from tests.sim.media import EXTENSIONS, WIRE, AudioSource, Call, Section, VideoSource, opus, vp8


def connected(sections, link=WIRE, seed=0, **settings):
    call = Call(link, seed=seed, **settings)
    call.lines(sections)
    call.connect()
    return call


def call_with_sources(link=WIRE, seed=0, seconds=5.0, video=None, **source):
    call = connected([opus(), video or vp8()], link, seed)
    sources = [
        (AudioSource(call, end, end.lines[0]), VideoSource(call, end, end.lines[1], **source)) for end in call.ends
    ]
    call.run_for(seconds)
    for source in [source for pair in sources for source in pair]:
        source.stop()
    call.run_for(1.0)  # for what is under way
    return call, sources


def share_recovered(call, sources):
    return min(
        len(end.of(end.lines[1])) / len(video.sent) for end, (_, video) in zip(call.ends[::-1], sources, strict=True)
    )


def test_sound_and_picture_pass_both_ways():
    call, sources = call_with_sources()
    for end, (audio, video) in zip(call.ends[::-1], sources, strict=True):
        heard = [frame.data for _, frame in end.of(end.lines[0])]
        assert heard == [frame.data for _, frame in audio.sent]
        seen = [frame.data for _, frame in end.of(end.lines[1])]
        assert seen == [frame.data for _, frame in video.sent]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("burst", [1.0, 3.0])
def test_what_is_lost_is_sent_again(seed, burst):
    link = LinkSettings(delay=0.025, loss=0.05, loss_burst=burst)
    call, sources = call_with_sources(link, seed, 10.0)
    assert share_recovered(call, sources) > 0.98


def test_without_a_stream_of_repair_the_packets_themselves_are_sent_again():
    call, sources = call_with_sources(LinkSettings(delay=0.025, loss=0.05), 1, 10.0, vp8(rtx=False))
    assert share_recovered(call, sources) > 0.98
    (sent,) = call.a.lines[1].sender.statistics()
    assert sent.retransmitted_packets_sent > 10
    assert call.a.media.statistics().srtp.not_protected == {}


def test_reports_tell_both_sides_what_the_other_receives_and_how_far_away_it_is():
    call, _ = call_with_sources(LinkSettings(delay=0.05, loss=0.02))
    for end in call.ends:
        for line in end.lines:
            (sent,) = line.sender.statistics()
            assert sent.remote.round_trip_time == pytest.approx(0.1, abs=0.02)
            (received,) = line.receiver.statistics()
            assert received.remote.packets_sent > 100
            assert received.cname == ("b@example" if end is call.a else "a@example")
            assert received.remote.remote_timestamp == pytest.approx(1_790_000_000 + call.now - 1000, abs=3)
            assert 0 < received.packets_lost < 0.06 * received.packets_received


@pytest.mark.parametrize("seed", range(3))
def test_the_first_frame_after_joining_comes_soon(seed):
    call = connected([vp8()], LinkSettings(delay=0.025, loss=0.02), seed)
    VideoSource(call, call.a, call.a.lines[0])
    call.run_for(3.0)
    joined = call.now
    call.b.lines[0].receiver.is_read = False
    call.run_for(1.0)
    call.b.lines[0].receiver.is_read = True
    again = call.now
    call.run_for(1.0)
    times = [time for time, _ in call.b.of(call.b.lines[0])]
    assert not [time for time in times if joined + 0.05 < time < again]
    assert min(time for time in times if time >= again) < again + 0.5


def test_frames_before_the_handshake_are_dropped_and_a_keyframe_is_asked_for_then():
    call = Call()
    call.lines([vp8()])
    VideoSource(call, call.a, call.a.lines[0])
    call.run_for(0.5)
    call.connect()
    connected_at = call.now
    call.run_for(0.5)
    first = call.b.of(call.b.lines[0])[0]
    assert first[1].is_keyframe
    assert first[0] < connected_at + 0.2
    assert call.a.lines[0].sender.statistics()[0].frames_dropped >= 15


def test_who_is_not_read_asks_for_nothing_and_keeps_nothing():
    call = connected([vp8()], LinkSettings(delay=0.025, loss=0.05))
    call.b.lines[0].receiver.is_read = False
    VideoSource(call, call.a, call.a.lines[0])
    call.run_for(5.0)
    (received,) = call.b.lines[0].receiver.statistics()
    assert call.b.frames == []
    assert received.packets_received > 100
    assert received.frames_received > 100
    assert (received.nack_count, received.pli_count) == (0, 0)


def test_header_extensions_arrive_with_the_frame():
    call = connected([opus(), vp8()])
    audio, video = call.a.lines
    now = call.now
    audio.sender.send(
        EncodedFrame(b"loud", 0, True, audio.send.codecs[0], captured_at=1.79e9, audio_level=AudioLevel(17, True)), now
    )
    turned = VideoOrientation(90, is_flipped=True)
    video.sender.send(EncodedFrame(bytes(3000), 0, True, video.send.codecs[0], orientation=turned), now)
    call.run_for(0.5)
    ((_, heard),) = call.b.of(call.b.lines[0])
    assert heard.audio_level == AudioLevel(17, True)
    assert heard.captured_at == pytest.approx(1.79e9, abs=1e-6)
    ((_, seen),) = call.b.of(call.b.lines[1])
    assert seen.orientation == turned
    (source,) = call.b.lines[0].receiver.sources(call.now)
    assert (source.source, source.audio_level, source.has_voice) == (heard.ssrc, 17, True)
    assert call.b.lines[0].receiver.sources(call.now + 11) == []


def test_the_delay_that_a_sender_wishes_is_kept():
    call = connected([vp8()])
    call.a.lines[0].sender.set_playout_delay(0.2, 0.3)
    VideoSource(call, call.a, call.a.lines[0])
    call.run_for(2.0)
    (received,) = call.b.lines[0].receiver.statistics()
    assert received.current_delay == pytest.approx(0.2)
    with pytest.raises(ValueError, match="the minimum first"):
        call.a.lines[0].sender.set_playout_delay(0.3, 0.2)


def test_a_mixer_s_sources_arrive_with_the_frame():
    call = connected([opus()])
    (line,) = call.a.lines
    frame = EncodedFrame(b"mixed", 0, True, line.send.codecs[0], contributing_sources=(7, 8))
    line.sender.send(frame, call.now)
    call.run_for(0.5)
    heard = call.b.lines[0].receiver.sources(call.now)
    assert {source.source for source in heard if source.is_contributing} == {7, 8}


def test_simulcast_arrives_as_streams_that_are_told_apart_by_rid():
    call = connected([Section(vp8(), rids=("low", "high"))], LinkSettings(delay=0.025, loss=0.03))
    sources = [VideoSource(call, call.a, call.a.lines[0], rid=rid, bitrate=None) for rid in ("low", "high")]
    call.run_for(8.0)
    for source in sources:
        source.stop()
    call.run_for(1.0)
    frames = call.b.of(call.b.lines[0])
    for source in sources:
        arrived = [frame.data for _, frame in frames if frame.rid == source.rid]
        assert len(arrived) > 0.98 * len(source.sent)
    low, high = call.a.lines[0].sender.statistics()
    assert low.target_bitrate < high.target_bitrate
    assert sum(frame.rid is None for _, frame in frames) == 0


def test_a_keyframe_of_one_encoding_is_asked_for_by_its_rid():
    call = connected([Section(vp8(), rids=("low", "high"))])
    for rid in ("low", "high"):
        VideoSource(call, call.a, call.a.lines[0], rid=rid)
    call.run_for(1.0)
    call.a.keyframe_requests.clear()
    call.b.lines[0].receiver.request_keyframe(rid="high")
    call.run_for(0.3)
    assert [rid for _, _, rid in call.a.keyframe_requests] == ["high"]


def test_requests_for_keyframes_are_limited_in_number():
    call = connected([vp8()])
    VideoSource(call, call.a, call.a.lines[0])
    call.run_for(1.0)
    call.a.keyframe_requests.clear()
    for _ in range(100):
        call.b.lines[0].receiver.request_keyframe()
        call.run_for(0.02)
    assert 4 <= len(call.a.keyframe_requests) <= 8
    (received,) = call.b.lines[0].receiver.statistics()
    assert received.pli_count <= 8


def test_a_full_intra_request_serves_where_no_other_was_agreed_on():
    call = connected([vp8(feedback=("nack", "ccm fir"))])
    VideoSource(call, call.a, call.a.lines[0])
    call.run_for(1.0)
    for _ in range(2):
        call.b.lines[0].receiver.request_keyframe()
        call.run_for(0.5)
    assert call.a.lines[0].sender.statistics()[0].fir_count == 2
    assert len(call.a.keyframe_requests) == 2


def test_tones_are_played_one_after_another_while_the_voice_is_silent():
    call = connected([opus()])
    AudioSource(call, call.a, call.a.lines[0])
    call.run_for(0.5)
    sender = call.a.lines[0].sender
    events = [110]
    told = []
    call.sniffers.append(lambda index, payloads: told.extend((call.now, p) for p in payloads if index == 0) or payloads)
    assert sender.can_send_tones
    sender.send_tones("1#", duration=0.2, gap=0.05)
    assert sender.tones == "1#"
    call.run_for(1.0)
    assert [event.tone for event in call.a.driven.events if isinstance(event, ToneSent)] == ["1", "#", ""]
    tones = [(time, packet) for time, packet in told if packet[1] & 0x7F in events and len(packet) > 12]
    assert len(tones) == 2 * (4 + 2)
    assert [bool(packet[1] & 0x80) for _, packet in tones] == [True, *[False] * 5] * 2
    assert len({packet[4:8] for _, packet in tones}) == 2  # one timestamp a tone
    (received,) = call.b.lines[0].receiver.statistics()
    assert received.packets_lost == received.packets_discarded == 0


def test_lips_move_with_the_voice():
    call = connected([opus(), vp8()])
    AudioSource(call, call.a, call.a.lines[0])
    VideoSource(call, call.a, call.a.lines[1])
    call.b.lines[1].receiver.set_jitter_target(0.3)
    call.run_for(12.0)
    late = call.now - 2
    delays = [
        [time - 1000 + 1_790_000_000 - frame.captured_at for time, frame in call.b.of(line) if time > late]
        for line in call.b.lines
    ]
    sound, picture = (sum(each) / len(each) for each in delays)
    assert picture == pytest.approx(0.325, abs=0.03)
    assert sound == pytest.approx(picture, abs=0.02)


def test_who_stops_says_bye_and_who_goes_on_is_heard_again():
    call = connected([vp8()])
    VideoSource(call, call.a, call.a.lines[0])
    call.run_for(1.0)
    (line,) = call.a.lines
    call.a.lines = [replace(line, send=replace(line.send, is_sending=False))]
    call.apply(call.a)
    call.run_for(1.0)
    assert len(call.b.driven.events_of(StreamEnded)) == 1
    frames = len(call.b.frames)
    call.a.lines = [line]
    call.apply(call.a)
    call.run_for(1.0)
    assert len(call.b.driven.events_of(StreamStarted)) == 2
    assert len(call.b.frames) > frames + 20


def test_who_closes_says_bye():
    call = connected([vp8()])
    VideoSource(call, call.a, call.a.lines[0]).stop()
    call.run_for(0.5)
    call.a.driven.core.close()
    call.run_for(0.5)
    assert call.b.driven.events_of(StreamEnded)


def test_who_falls_silent_has_ended():
    call = connected([vp8()])
    VideoSource(call, call.a, call.a.lines[0]).stop()
    call.run_for(12.0)
    assert len(call.b.driven.events_of(StreamEnded)) == 1


def test_a_source_that_begins_from_another_origin_goes_on_without_a_gap():
    call = connected([opus()])
    (line,) = call.a.lines
    for index in range(100):
        origin = 0 if index < 50 else 123_456_789_012
        line.sender.send(EncodedFrame(b"sound", origin + index * 960, True, line.send.codecs[0]), call.now)
        call.run_for(0.02)
    call.run_for(0.2)
    timestamps = [frame.timestamp for _, frame in call.b.of(call.b.lines[0])]
    assert len(timestamps) == 100
    assert {after - before for before, after in pairwise(timestamps)} == {960}


def test_a_peer_that_tells_no_arrivals_is_followed_by_its_reports():
    extensions = tuple(each for each in EXTENSIONS if each[0] != ExtensionUri.TRANSPORT_WIDE_CC)
    section = Section(vp8(feedback=("nack", "nack pli")), extensions=extensions, is_reduced_size=False)
    call = Call(LinkSettings(delay=0.025, rate=400_000 / 8, queue_limit=20_000))
    call.lines([section])
    call.connect()
    VideoSource(call, call.a, call.a.lines[0], bitrate=None)
    call.run_for(60.0)
    rates = [bitrate for time, _, bitrate in call.a.targets if time > 1030]
    assert 250_000 < sum(rates) / len(rates) < 600_000
    assert len(call.b.of(call.b.lines[0])) > 900


def test_nobody_is_asked_for_a_keyframe_before_there_is_a_stream():
    call = connected([vp8()])
    call.b.lines[0].receiver.request_keyframe()
    call.run_for(1.0)
    assert not call.a.driven.events_of(KeyframeRequested)
