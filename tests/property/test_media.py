"""Whatever an authenticated peer sends as RTP and RTCP: nothing raises, nothing piles up, and media goes on."""

import random
from struct import pack

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.dtls.keys import SrtpKeys
from rtcpeer.payload import TelephoneEvent
from rtcpeer.rtp.events import FrameReceived
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters, ReceiveParameters, SendParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.rtcp import (
    Arrival,
    Bye,
    Chunk,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
    ReceiverReport,
    ReportBlock,
    SdesItem,
    SenderReport,
    SourceDescription,
    TransportWideFeedback,
)
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.srtp import SrtpProfile, SrtpSession
from rtcpeer.stack.media import Media, MediaLine
from tests.sim.media import EXTENSIONS, opus, vp8

KEYS = [random.Random(index).randbytes(28) for index in range(2)]
FEEDBACK = frozenset({"nack", "nack pli"})
VIDEO = (
    *vp8(),
    CodecParameters("video", "VP9", 98, 90000, feedback=FEEDBACK),
    CodecParameters("video", "H264", 102, 90000, parameters=(("packetization-mode", "1"),), feedback=FEEDBACK),
    CodecParameters("video", "AV1", 45, 90000, feedback=FEEDBACK),
)
AUDIO = (*opus(), CodecParameters("audio", "PCMU", 0, 8000))
OURS, THEIRS = range(10, 16), range(20, 26)
GOOD = 0xABCDEF01  # the SSRC of who sends what is right


class Target:
    """One end under attack, and who has the peer's keys."""

    def __init__(self):
        rng = random.Random(5)
        self.media = Media(MediaSettings(), rng.randbytes, 1.79e9)
        self.lines = []
        for index, codecs in enumerate((AUDIO, VIDEO)):
            kind = codecs[0].kind
            encodings = (EncodingParameters(10 + 2 * index, 11 + 2 * index),)
            send = SendParameters(str(index), codecs, EXTENSIONS, encodings, "us")
            receive = ReceiveParameters(str(index), codecs, EXTENSIONS, (20 + 2 * index,), ((23, 22),) * index)
            sender, receiver = RtpSender(kind, MediaSettings(), rng.randbytes), RtpReceiver(kind, MediaSettings())
            self.lines.append(MediaLine(sender, send, receiver, receive))
        self.media.configure(self.lines, 0.0)
        ours, theirs = ((key[:16], key[16:]) for key in KEYS)
        self.media.set_keys(SrtpKeys("SRTP_AEAD_AES_128_GCM", *ours, *theirs))
        self.attacker = SrtpSession(SrtpProfile.AEAD_AES_128_GCM, *theirs, *ours)
        self.now = 1.0
        self.events = []

    def send(self, frames=1):
        for line in self.lines:
            codec = line.send.codecs[0]
            for index in range(frames):
                frame = EncodedFrame(bytes(400), round(self.now * codec.clock_rate) + index, True, codec)
                line.sender.send(frame, self.now)

    def rtp(self, plain):
        protected = self.attacker.protect_rtp(plain)
        if protected is not None:
            self.take(protected)

    def rtcp(self, plain):
        protected = self.attacker.protect_rtcp(plain)
        if protected is not None:
            self.take(protected)

    def take(self, packet):
        self.media.receive([packet], self.now)
        self.drain()

    def drain(self):
        for _ in range(1000):
            self.events += self.media.poll_events()
            if not self.media.packets_to_send(self.now):
                break
        else:
            raise AssertionError("packets without end")

    def sleep(self, seconds):
        end = self.now + seconds
        for _ in range(5000):
            due = self.media.next_timeout()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.media.handle_timeout(self.now)
            self.drain()
        else:
            raise AssertionError("timeouts without end")
        self.now = end


PAYLOADS = st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=40).map(lambda data: b"\x10\x00" + data),  # VP8
    st.binary(max_size=40).map(lambda data: b"\x80\x80\x05" + data),
    st.binary(max_size=40).map(lambda data: b"\x7c\x85" + data),  # H.264, FU-A
    st.binary(max_size=40).map(lambda data: b"\x78\x00\x02" + data),  # STAP-A
    st.binary(max_size=40).map(lambda data: b"\x8c\x90\x05" + data),  # VP9
    st.just(TelephoneEvent(3, True, 10, 800).serialize()),
)
ELEMENTS = st.one_of(
    st.just(b""), st.binary(max_size=16), st.just(b"\x100\x41\x00\x07\x00"), st.just(b"\x101\x22lo\x00"),
    st.just(b"\x82\x00\x10\x01\x00\x00\x00\x00"),
)  # fmt: skip


@st.composite
def rtp_packets(draw):
    elements = draw(ELEMENTS)
    elements += bytes(-len(elements) % 4)
    first = 0x80 | (0x10 if elements else 0) | draw(st.sampled_from([0, 0, 0, 0x20, 1]))
    second = draw(st.sampled_from([111, 110, 0, 96, 97, 98, 102, 45, 77])) | draw(st.sampled_from([0, 0x80]))
    number = draw(st.one_of(st.integers(0, 40), st.sampled_from([3000, 30000, 65535])))
    timestamp = draw(st.one_of(st.integers(0, 10).map(lambda n: 3000 * n), st.integers(0, 0xFFFFFFFF)))
    head = pack(">BBHII", first, second, number, timestamp, draw(st.sampled_from([*THEIRS, 99])))
    head += bytes(4) if first & 1 else b""
    extension = pack(">HH", 0xBEDE, len(elements) // 4) + elements if elements else b""
    return head + extension + draw(PAYLOADS)


def arrivals(base, count, reference):
    told = tuple(Arrival((base + index) & 0xFFFF, reference * 256 + index) for index in range(min(count, 5)))
    return TransportWideFeedback(1, 10, 0, base, count, reference, told)


def description(ssrc, text):
    return SourceDescription((Chunk(ssrc, ((int(SdesItem.CNAME), text),)),))


SSRCS = st.sampled_from([*OURS, *THEIRS, 0, 99])
WORDS = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.builds(ReportBlock, SSRCS, st.integers(0, 255), st.integers(-5, 9), WORDS, WORDS, WORDS, WORDS)
NUMBERS = st.lists(st.integers(0, 0xFFFF), max_size=9, unique=True).map(tuple)
CONTROL = st.one_of(
    st.builds(SenderReport, SSRCS, st.integers(0, 2**64 - 1), WORDS, WORDS, WORDS, st.tuples(BLOCKS)),
    st.builds(ReceiverReport, SSRCS, st.tuples(BLOCKS, BLOCKS)),
    st.builds(Nack, SSRCS, SSRCS, NUMBERS),
    st.builds(PictureLossIndication, SSRCS, SSRCS),
    st.builds(FullIntraRequest, SSRCS, st.tuples(st.tuples(SSRCS, st.integers(0, 255)))),
    st.builds(ReceiverEstimatedMaxBitrate, SSRCS, st.integers(0, 2**70), st.tuples(SSRCS)),
    st.builds(lambda ssrc: Bye((ssrc,)), SSRCS),
    st.builds(description, SSRCS, st.binary(max_size=9)),
    st.builds(arrivals, st.integers(0, 50), st.integers(1, 0xFFFF), st.integers(-(2**23), 2**23 - 1)),
)  # fmt: skip


@st.composite
def mutated(draw, packets):
    data = bytearray(draw(packets))
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.integers(0, 9)) == 0 else bytes(data)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("rtp"), mutated(rtp_packets())),
        st.tuples(st.just("rtcp"), mutated(CONTROL.map(lambda packet: packet.serialize()))),
        st.tuples(st.just("take"), st.binary(max_size=80).map(lambda data: b"\x80" + data)),
        st.tuples(st.just("sleep"), st.sampled_from([0.001, 0.02, 0.3, 2.0])),
        st.tuples(st.just("send"), st.integers(1, 5)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=150)
@given(ACTIONS)
def test_nothing_raises_and_nothing_runs_for_ever(actions):
    target = Target()
    for name, argument in actions:
        getattr(target, name)(argument)
    target.sleep(1.0)
    for line in target.lines:
        line.sender.statistics()
        line.receiver.statistics()
    target.media.statistics()
    # After all that, what is right still arrives.
    for number in range(30):
        target.rtp(pack(">BBHII", 0x80, 111, 40000 + number, 7_000_000 + 960 * number, GOOD) + b"\x100sound")
        target.sleep(0.02)
    target.sleep(1.0)
    assert any(type(event) is FrameReceived and event.frame.data == b"\x100sound" for event in target.events)
