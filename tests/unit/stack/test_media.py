import random
from dataclasses import replace

import pytest

from rtcpeer.dtls.keys import SrtpKeys
from rtcpeer.rtp.events import BitrateChanged, FrameReceived, KeyframeRequested, StreamEnded, StreamStarted
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import EncodingParameters, ReceiveParameters, SendParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.srtp import DropReason
from rtcpeer.stack.media import Media, MediaLine
from tests.sim.media import EXTENSIONS, opus, vp8

KEYS = [random.Random(index).randbytes(28) for index in range(2)]


def parted(key):
    return key[:16], key[16:]


class Ends:
    """Two media cores under each other's keys, and what happened at each."""

    def __init__(self, codecs=None):
        self.codecs = opus() if codecs is None else codecs
        self.now = 1.0
        self.media, self.lines, self.events = [], [], [[], []]
        for index in range(2):
            rng = random.Random(f"media {index}")
            kind = self.codecs[0].kind
            sender, receiver = RtpSender(kind, MediaSettings(), rng.randbytes), RtpReceiver(kind, MediaSettings())
            send = SendParameters("0", self.codecs, EXTENSIONS, (EncodingParameters(10 * index + 1),), "me")
            receive = ReceiveParameters("0", self.codecs, EXTENSIONS, (10 * (1 - index) + 1,))
            self.lines.append(MediaLine(sender, send, receiver, receive))
            self.media.append(Media(MediaSettings(), rng.randbytes, 1.79e9))

    def up(self):
        for index in range(2):
            self.media[index].configure([self.lines[index]], self.now)
            self.media[index].set_keys(self.keys(index))
        return self

    def keys(self, index):
        return SrtpKeys("SRTP_AEAD_AES_128_GCM", *parted(KEYS[index]), *parted(KEYS[1 - index]))

    def send(self, number=0):
        codec = self.codecs[0]
        frame = EncodedFrame(bytes((0, number)), number * codec.clock_rate // 50, True, codec)
        self.lines[0].sender.send(frame, self.now)

    def run(self, seconds=0.1):
        end = self.now + seconds
        while self.now < end:
            for index in range(2):
                self.media[index].handle_timeout(self.now)
                packets = self.media[index].packets_to_send(self.now)
                if packets:
                    self.media[1 - index].receive(packets, self.now)
                self.events[index] += self.media[index].poll_events()
            self.now += 0.005

    def of(self, index, kind):
        return [event for event in self.events[index] if isinstance(event, kind)]


def test_before_there_are_keys_nothing_happens():
    ends = Ends()
    media = ends.media[0]
    media.configure([ends.lines[0]], 1.0)
    ends.send()
    media.receive([b"\x80" * 40], 1.0)
    media.handle_timeout(1.0)
    assert (media.packets_to_send(1.0), media.next_timeout()) == ([], None)
    assert media.statistics().without_keys == 1
    assert media.statistics().srtp is None


def test_a_frame_passes_and_is_told_with_its_receiver():
    ends = Ends().up()
    ends.send()
    ends.run()
    (started,) = ends.of(1, StreamStarted)
    (received,) = ends.of(1, FrameReceived)
    assert started.receiver is received.receiver is ends.lines[1].receiver
    assert received.frame.data == bytes(2)


def test_events_from_before_the_first_configuration_are_not_lost():
    ends = Ends(vp8())
    ends.lines[0].sender.events.append(KeyframeRequested(ends.lines[0].sender, None))
    ends.media[0].configure([ends.lines[0]], 1.0)
    told = ends.media[0].poll_events()
    assert KeyframeRequested(ends.lines[0].sender, None) in told
    assert [type(event) for event in told if isinstance(event, BitrateChanged)]
    assert ends.media[0].poll_events() == []


def test_a_line_that_is_gone_says_bye_and_its_receiver_ends():
    ends = Ends().up()
    ends.send()
    ends.run()
    for index in range(2):
        ends.media[index].configure([], ends.now)
        ends.run(0.05)
    assert [event.ssrc for event in ends.of(1, StreamEnded)] == [1]
    assert not ends.lines[0].sender.can_send
    ends.send(1)
    ends.run()
    assert len(ends.of(1, FrameReceived)) == 1


def test_leaving_says_bye_at_once():
    ends = Ends().up()
    ends.send()
    ends.run()
    last = ends.media[0].leave(ends.now)
    assert last
    ends.media[1].receive(last, ends.now)
    ends.run(0.01)
    assert ends.of(1, StreamEnded)


def test_without_keys_any_more_nothing_leaves():
    ends = Ends().up()
    ends.media[0].set_keys(None)
    ends.send()
    assert ends.media[0].packets_to_send(ends.now) == []
    assert not ends.lines[0].sender.can_send


def test_keys_are_taken_once():
    ends = Ends().up()
    session = ends.media[0].statistics().srtp
    ends.send()
    ends.run()
    ends.media[0].set_keys(ends.keys(0))
    assert ends.media[0].statistics().srtp.rtp_protected > session.rtp_protected


def test_replays_and_strangers_are_dropped_and_counted():
    ends = Ends().up()
    ends.send()
    packets = ends.media[0].packets_to_send(ends.now)
    for _ in range(2):
        ends.media[1].receive(packets, ends.now)
    ends.media[1].receive([bytes((0x80, 111)) + bytes(60)], ends.now)
    dropped = ends.media[1].statistics().srtp.not_unprotected
    assert dropped == {DropReason.REPLAYED: len(packets), DropReason.UNAUTHENTICATED: 1}


def test_ids_that_no_header_can_have_are_left_out():
    ends = Ends()
    odd = ((ExtensionUri.AUDIO_LEVEL, 15), (ExtensionUri.PLAYOUT_DELAY, 300), *EXTENSIONS[:1])
    for index, line in enumerate(ends.lines):
        ends.lines[index] = replace(
            line, send=replace(line.send, extensions=odd), receive=replace(line.receive, extensions=odd)
        )
    ends.up().send()
    ends.run()
    assert len(ends.of(1, FrameReceived)) == 1


def test_the_path_s_round_trip_serves_who_sends_nothing():
    ends = Ends(vp8()).up()
    ends.media[1].path_round_trip_time = 0.4
    ends.send()
    ends.run()
    (stream,) = ends.lines[1].receiver.streams.values()
    assert stream._nack._retry_after == pytest.approx(0.5)
