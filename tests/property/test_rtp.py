"""RTP, RTCP and SRTP: what is written is read back, every prefix is refused or read, and nothing else is raised."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp import (
    AbsoluteCaptureTime,
    AudioLevel,
    ExtensionMap,
    HeaderExtensions,
    PlayoutDelay,
    RtpHeader,
    RtpPacket,
    VideoOrientation,
    parse_header,
    parse_packet,
    rtcp,
    rtx,
)
from rtcpeer.rtp.extensions import parse_elements, serialize_elements
from tests.fuzz import fuzz_rtcp, fuzz_rtp
from tests.unit.srtp.test_session import PROFILES, pair

uint8, uint16, uint32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
uint64 = st.integers(0, (1 << 64) - 1)
words = st.integers(0, 8).flatmap(lambda count: st.binary(min_size=4 * count, max_size=4 * count))
plain_headers = st.builds(RtpHeader, st.integers(0, 127), uint16, uint32, uint32, st.booleans())
headers = st.builds(
    lambda header, csrcs, profile, data: header._replace(
        csrcs=tuple(csrcs), extension_profile=profile, extension=b"" if profile is None else data
    ),
    plain_headers,
    st.lists(uint32, max_size=15),
    st.one_of(st.none(), uint16),
    words,
)
packets = st.builds(RtpPacket, headers, st.binary(max_size=60), uint8)

short_text = st.text("abcXYZ019-_", min_size=1, max_size=16)
long_text = st.text("abcXYZ019-_", min_size=1, max_size=255)


def extension_values(text):
    return st.builds(
        HeaderExtensions,
        **{name: st.none() | text for name in ("mid", "rid", "repaired_rid")},
        absolute_send_time=st.none() | st.integers(0, 0xFFFFFF),
        transport_sequence_number=st.none() | uint16,
        audio_level=st.none() | st.builds(AudioLevel, st.integers(0, 127), st.booleans()),
        video_orientation=st.none()
        | st.builds(VideoOrientation, st.sampled_from([0, 90, 180, 270]), st.booleans(), st.booleans()),
        playout_delay=st.none()
        | st.tuples(st.integers(0, 0xFFF), st.integers(0, 0xFFF)).map(lambda pair: PlayoutDelay(*sorted(pair))),
        absolute_capture_time=st.none()
        | st.builds(AbsoluteCaptureTime, uint64, st.none() | st.integers(-(1 << 63), (1 << 63) - 1)),
    )


blocks = st.builds(rtcp.ReportBlock, uint32, uint8, st.integers(-0x800000, 0x7FFFFF), uint32, uint32, uint32, uint32)
items = st.tuples(st.integers(1, 255), st.binary(max_size=255))
chunks = st.builds(rtcp.Chunk, uint32, st.lists(items, max_size=4).map(tuple))


def tuples(strategy, most=6, least=0):
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


metrics = st.none() | st.builds(rtcp.Metric, st.integers(0, 3), st.integers(0, 0x1FFF))
limits = st.builds(
    rtcp.BitrateLimit, uint32, st.integers(0, (1 << 17) - 1).map(lambda rate: rate << 7), st.integers(0, 511)
)


@st.composite
def transport_wide(draw):
    """Arrivals from 1 to 400 of 600 packets, with deltas of both kinds and signs."""
    offsets = sorted(draw(st.sets(st.integers(0, 600), min_size=1, max_size=400)))
    base, time = draw(uint16), draw(st.integers(-(1 << 40), 1 << 40))
    arrivals = []
    for offset in offsets:
        time += draw(st.integers(0, 255) | st.integers(-0x8000, 0x7FFF))
        arrivals.append(rtcp.Arrival((base + offset) & 0xFFFF, time))
    return rtcp.TransportWideFeedback.of(draw(uint32), draw(uint32), draw(uint8), arrivals)


rtcp_packets = st.one_of(
    st.builds(rtcp.SenderReport, uint32, uint64, uint32, uint32, uint32, tuples(blocks, 31), words),
    st.builds(rtcp.ReceiverReport, uint32, tuples(blocks, 31), words),
    st.builds(rtcp.SourceDescription, tuples(chunks)),
    st.builds(rtcp.Bye, tuples(uint32, 31), st.binary(max_size=255)),
    st.builds(rtcp.Application, uint32, st.binary(min_size=4, max_size=4), words, st.integers(0, 31)),
    st.builds(rtcp.Nack, uint32, uint32, st.lists(uint16, min_size=1, max_size=40, unique=True).map(tuple)),
    st.builds(rtcp.PictureLossIndication, uint32, uint32),
    st.builds(rtcp.FullIntraRequest, uint32, tuples(st.tuples(uint32, uint8), least=1)),
    st.builds(rtcp.TemporaryMaxBitrateRequest, uint32, tuples(limits)),
    st.builds(rtcp.TemporaryMaxBitrateNotification, uint32, tuples(limits)),
    st.builds(
        rtcp.ReceiverEstimatedMaxBitrate,
        uint32,
        st.builds(lambda mantissa, exponent: mantissa << exponent, st.integers(0, (1 << 18) - 1), st.integers(0, 63)),
        tuples(uint32),
    ),
    st.builds(rtcp.ApplicationLayerFeedback, uint32, uint32, words.filter(lambda data: data[:4] != b"REMB")),
    st.builds(
        rtcp.CongestionControlFeedback,
        uint32,
        tuples(st.builds(rtcp.SourceMetrics, uint32, uint16, tuples(metrics, 40))),
        uint32,
    ),
    st.builds(rtcp.UnknownPacket, st.integers(207, 223), st.integers(0, 31), words),
    transport_wide(),
)


@given(packets)
def test_packets_come_back(packet):
    data = packet.serialize()
    assert parse_packet(data) == packet
    assert parse_packet(memoryview(data)) == packet
    assert parse_header(data) == packet.header
    assert packet.header.size == len(data) - len(packet.payload) - packet.padding_size


@given(packets)
def test_every_prefix_of_a_packet(packet):
    data = packet.serialize()
    for length in range(len(data)):
        if length < packet.header.size:
            with pytest.raises(MalformedPacketError):
                parse_packet(data[:length])
        else:
            with contextlib.suppress(MalformedPacketError):
                parse_packet(data[:length])


@given(packets, st.integers(0, 127), uint32, uint16)
def test_retransmissions_come_back(packet, payload_type, ssrc, sequence_number):
    header = packet.header
    again = rtx.wrap(packet, payload_type=payload_type, ssrc=ssrc, sequence_number=sequence_number)
    received = parse_packet(again.serialize())
    assert rtx.unwrap(received, payload_type=header.payload_type, ssrc=header.ssrc) == packet._replace(padding_size=0)


@given(st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=40)), max_size=8))
def test_elements_come_back(elements):
    profile, data = serialize_elements(elements, allow_two_byte=True)
    assert len(data) % 4 == 0
    assert parse_elements(profile, data) == elements


@given(extension_values(short_text))
def test_extensions_come_back_in_the_short_form(values):
    profile, data = fuzz_rtp.SHORT.encode(values)
    header = RtpHeader(96, 0, 0, 0, extension_profile=profile, extension=data)
    assert fuzz_rtp.SHORT.decode(header) == values
    assert profile in {0xBEDE, None}


@given(extension_values(long_text), st.permutations(range(100, 109)))
def test_extensions_come_back_in_the_long_form(values, numbers):
    numbered = ExtensionMap(dict(zip(fuzz_rtp.URIS, numbers, strict=True)), allow_two_byte=True)
    profile, data = numbered.encode(values)
    assert numbered.decode(RtpHeader(96, 0, 0, 0, extension_profile=profile, extension=data)) == values


@given(tuples(rtcp_packets, 4, 1))
def test_compounds_come_back(made):
    assert tuple(rtcp.parse_compound(rtcp.serialize_reduced(made))) == made


@settings(max_examples=40)
@given(rtcp_packets)
def test_every_prefix_of_rtcp(packet):
    data = packet.serialize()
    for length in range(min(len(data), 400)):
        with pytest.raises(MalformedPacketError):
            rtcp.parse_compound(data[:length])
        # The same, with a header that claims no more than is there.
        body = bytearray(data[: length & ~3])
        if len(body) >= 4:
            body[2:4] = (len(body) // 4 - 1).to_bytes(2, "big")
            with contextlib.suppress(MalformedPacketError):
                rtcp.parse_compound(bytes(body))


@given(st.binary(max_size=200))
def test_anything_may_come_as_rtp(data):
    fuzz_rtp.target(data)
    fuzz_rtp.target(b"\x90\x60" + data)
    fuzz_rtp.target(bytes.fromhex("90600001000000000000000110000004") + data)


@given(st.binary(max_size=200), st.integers(0, 31), st.integers(200, 207))
def test_anything_may_come_as_rtcp(data, count, packet_type):
    fuzz_rtcp.target(data)
    body = data[: len(data) & ~3]
    fuzz_rtcp.target(bytes((0x80 | count, packet_type)) + (len(body) // 4).to_bytes(2, "big") + body)


@pytest.mark.parametrize("profile", PROFILES)
@given(data=st.binary(max_size=1600), start=st.sampled_from([b"", b"\x80\x60", b"\xbf\x60", b"\x81\xc8\0\x06"]))
def test_anything_may_come_as_srtp(profile, data, start):
    left, right = pair(profile)
    assert right.unprotect_rtp(start + data) is None
    assert right.unprotect_rtcp(start + data) is None
    assert right.statistics().incoming_ssrcs == 0
    for protect in (left.protect_rtp, left.protect_rtcp):
        protected = protect(start + data)
        assert protected is None or len(protected) > len(start + data)
