import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp import (
    ApplicationLayerFeedback,
    BitrateLimit,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
    TemporaryMaxBitrateNotification,
    TemporaryMaxBitrateRequest,
    UnknownPacket,
    parse_compound,
)

SOURCES = "00000001 00000002"  # SSRC of packet sender, SSRC of media source
NO_MEDIA = "00000001 00000000"

EXAMPLES = [
    # PT=205 FMT=1 | PID 0xfffe, BLP 0b1000000000000101 | PID 0x0020, BLP 0
    (Nack(1, 2, (0xFFFE, 0xFFFF, 1, 14, 0x20)), "81 cd 0004" + SOURCES + "fffe 8005" + "0020 0000"),
    # PT=206 FMT=1
    (PictureLossIndication(1, 2), "81 ce 0002" + SOURCES),
    # PT=206 FMT=4 | SSRC, sequence number, reserved
    (FullIntraRequest(1, ((3, 255), (4, 0))), "84 ce 0006" + NO_MEDIA + "00000003 ff000000" + "00000004 00000000"),
    # PT=205 FMT=3 | SSRC, exponent 2, mantissa 0x1e848, overhead 40
    (TemporaryMaxBitrateRequest(1, (BitrateLimit(3, 500000, 40),)), "83 cd 0004" + NO_MEDIA + "00000003 0bd09028"),
    (TemporaryMaxBitrateNotification(1, ()), "84 cd 0002" + NO_MEDIA),
    # PT=206 FMT=15 | "REMB" | 2 SSRCs, exponent 3, mantissa 0x3d090 | SSRCs
    (
        ReceiverEstimatedMaxBitrate(1, 2_000_000, (3, 4)),
        "8f ce 0006" + NO_MEDIA + "52454d42" + "02 0fd090" + "00000003 00000004",
    ),
    (ApplicationLayerFeedback(1, 2, b"data"), "8f ce 0003" + SOURCES + "64617461"),
]


@pytest.mark.parametrize(("packet", "data"), EXAMPLES)
def test_there_and_back(packet, data):
    assert packet.serialize() == bytes.fromhex(data)
    assert parse_compound(bytes.fromhex(data)) == [packet]


def test_a_nack_names_a_packet_once():
    (nack,) = parse_compound(bytes.fromhex("81 cd 0004" + SOURCES + "0001 0001" + "0002 0001"))
    assert nack.sequence_numbers == (1, 2, 3)


def test_nacks_are_as_short_as_their_order_allows():
    assert len(Nack(1, 2, tuple(range(17))).serialize()) == 16
    assert len(Nack(1, 2, tuple(range(18))).serialize()) == 20


@pytest.mark.parametrize("numbers", [(5, 20, 7), (7, 5), (5, 5), (0xFFFF, 0, 0xFFFE)])
def test_nacks_keep_their_order(numbers):
    (nack,) = parse_compound(Nack(1, 2, numbers).serialize())
    assert nack.sequence_numbers == tuple(dict.fromkeys(numbers))


@pytest.mark.parametrize("bitrate", [0, 1, (1 << 18) - 1, 1 << 18, 123_456_789, ((1 << 18) - 1) << 63])
def test_bitrates_are_rounded_down(bitrate):
    (remb,) = parse_compound(ReceiverEstimatedMaxBitrate(1, bitrate, ()).serialize())
    assert remb.bitrate <= bitrate
    assert bitrate - remb.bitrate <= bitrate >> 17
    if bitrate < 1 << 18:
        assert remb.bitrate == bitrate


@pytest.mark.parametrize(
    "data",
    [
        "81 cd 0001 00000001",  # no media source
        "81 cd 0002" + SOURCES,  # a NACK of nothing
        "84 ce 0002" + NO_MEDIA,  # a FIR to nobody
        "84 ce 0003" + NO_MEDIA + "00000003",  # half a FIR
        "83 cd 0003" + NO_MEDIA + "00000003",  # half a limit
        "8f ce 0003" + NO_MEDIA + "52454d42",  # REMB without a bitrate
        "8f ce 0004" + NO_MEDIA + "52454d42 01000001",  # REMB without its source
    ],
)
def test_bodies_that_end_too_early(data):
    with pytest.raises(MalformedPacketError):
        parse_compound(bytes.fromhex(data))


@pytest.mark.parametrize("data", ["82 ce 0003" + SOURCES + "01020304", "90 cd 0002" + SOURCES])
def test_formats_that_we_do_not_know_stay_as_they_are(data):
    (packet,) = parse_compound(bytes.fromhex(data))
    assert isinstance(packet, UnknownPacket)
    assert packet.serialize() == bytes.fromhex(data)


@pytest.mark.parametrize(
    "packet",
    [
        ReceiverEstimatedMaxBitrate(1, 1 << 82, ()),
        ReceiverEstimatedMaxBitrate(1, -1, ()),
        ReceiverEstimatedMaxBitrate(1, 1, tuple(range(256))),
        TemporaryMaxBitrateRequest(1, (BitrateLimit(3, 1, 512),)),
        ApplicationLayerFeedback(1, 2, b"abc"),
    ],
)
def test_what_can_not_be_written(packet):
    with pytest.raises(ValueError):  # noqa: PT011  (each says it in its own words)
        packet.serialize()
