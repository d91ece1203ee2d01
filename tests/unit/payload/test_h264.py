import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import H264Depacketizer, H264Packetizer, H264PayloadSummary, annex_b

SPS, PPS = bytes.fromhex("67 42c01f da"), bytes.fromhex("68 ce3c80")
IDR, SLICE, DELIMITER = b"\x65a key frame", b"\x41another picture", b"\x09\xf0"
KEY_FRAME = annex_b([SPS, PPS, IDR])


def test_small_units_travel_together():
    (payload,) = H264Packetizer().packetize(KEY_FRAME, 100)
    # STAP-A with the highest NRI, then each unit behind its size
    assert payload == b"\x78" + b"\x00\x05" + SPS + b"\x00\x04" + PPS + b"\x00\x0c" + IDR


def test_a_unit_that_is_alone_is_its_own_payload():
    assert H264Packetizer().packetize(annex_b([SLICE]), len(SLICE)) == [SLICE]
    assert H264Packetizer().packetize(annex_b([SLICE, SLICE]), len(SLICE) + 3) == [SLICE, SLICE]


def test_the_header_of_an_aggregate_tells_the_worst_and_the_most_important():
    (payload,) = H264Packetizer().packetize(annex_b([b"\x01a", b"\xc1b", b"\x21c"]), 100)
    assert payload[0] == 0xD8


def test_a_large_unit_is_cut():
    payloads = H264Packetizer().packetize(annex_b([SLICE]), 7)
    # FU-A: indicator with the unit's NRI, then S, none and E with its type
    assert payloads == [b"\x5c\x81anoth", b"\x5c\x01er pi", b"\x5c\x41cture"]


def test_what_fits_is_joined_around_what_does_not():
    payloads = H264Packetizer().packetize(annex_b([SPS, PPS, IDR, SLICE]), 14)
    assert [H264PayloadSummary.parse(payload) for payload in payloads] == [
        H264PayloadSummary((7, 8), False),
        H264PayloadSummary((5,), False),
        H264PayloadSummary((1,), False),
        H264PayloadSummary((), True),
    ]


def test_mode_0_joins_and_cuts_nothing():
    packetizer = H264Packetizer(packetization_mode=0)
    assert packetizer.packetize(KEY_FRAME, len(IDR)) == [SPS, PPS, IDR]
    with pytest.raises(ValueError, match="can not cut"):
        packetizer.packetize(KEY_FRAME, len(IDR) - 1)


def test_misuse():
    with pytest.raises(ValueError, match="mode 2"):
        H264Packetizer(packetization_mode=2)
    for frame in (b"\0\0\1", annex_b([b"\x00a"]), annex_b([b"\x78ab"])):
        with pytest.raises(ValueError, match="types 1 to 23"):
            H264Packetizer().packetize(frame, 100)
    with pytest.raises(ValueError, match="0 bytes are left"):
        H264Packetizer().packetize(KEY_FRAME, 2)


def test_parameter_sets_are_repeated_before_key_frames():
    packetizer = H264Packetizer(packetization_mode=0)
    assert packetizer.packetize(annex_b([IDR]), 100) == [IDR]
    packetizer.packetize(KEY_FRAME, 100)
    assert packetizer.packetize(annex_b([SLICE]), 100) == [SLICE]
    assert packetizer.packetize(annex_b([IDR]), 100) == [SPS, PPS, IDR]


def test_parameter_sets_may_be_told_beside_the_stream():
    packetizer = H264Packetizer(packetization_mode=0, parameter_sets=[SPS, PPS])
    assert packetizer.packetize(annex_b([IDR]), 100) == [SPS, PPS, IDR]


@pytest.mark.parametrize(("units", "is_keyframe"), [([SPS, PPS, IDR], True), ([DELIMITER, SLICE, SLICE], False)])
def test_access_units_come_back(units, is_keyframe):
    for size in range(3, 50):
        payloads = H264Packetizer().packetize(annex_b(units), size)
        assert max(map(len, payloads)) <= size
        frame = H264Depacketizer().depacketize(payloads)
        assert (frame.data, frame.is_keyframe) == (annex_b(units), is_keyframe)
        assert any(map(H264Depacketizer().starts_keyframe, payloads)) is is_keyframe


FU = b"\x7c"  # FU-A with NRI 3


def test_fragments_may_be_empty():
    payloads = [FU + b"\x85", FU + b"\x05key", FU + b"\x05", FU + b"\x45"]
    assert H264Depacketizer().depacketize(payloads).data == annex_b([b"\x65key"])


@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([], id="nothing"),
        pytest.param([b""], id="an empty payload"),
        pytest.param([b"\x00a"], id="type 0"),
        pytest.param([b"\x79ab"], id="STAP-B"),
        pytest.param([b"\x7d\x85ab"], id="FU-B"),
        pytest.param([b"\x7eab"], id="type 30"),
        pytest.param([b"\x78"], id="an empty STAP-A"),
        pytest.param([b"\x78\x00"], id="half a size"),
        pytest.param([b"\x78\x00\x00"], id="an empty unit in a STAP-A"),
        pytest.param([b"\x78\x00\x03ab"], id="a unit longer than its STAP-A"),
        pytest.param([b"\x78\x00\x02ab\x00"], id="something behind the last unit"),
        pytest.param([b"\x78\x00\x04\x78\x00\x01a"], id="a STAP-A in a STAP-A"),
        pytest.param([FU], id="no FU header"),
        pytest.param([FU + b"\xc5ab"], id="start and end"),
        pytest.param([FU + b"\x9cab"], id="a FU-A in a FU-A"),
        pytest.param([FU + b"\x80ab"], id="a fragment of type 0"),
        pytest.param([FU + b"\x45ab"], id="an end without a start"),
        pytest.param([FU + b"\x85ab"], id="a start without an end"),
        pytest.param([FU + b"\x85ab", FU + b"\x85cd", FU + b"\x45ef"], id="two starts"),
        pytest.param([FU + b"\x85ab", FU + b"\x41ef"], id="another type"),
        pytest.param([FU + b"\x85ab", b"\x5c\x45ef"], id="another NRI"),
        pytest.param([FU + b"\x85ab", b"\x41ab", FU + b"\x45ef"], id="a unit among fragments"),
        pytest.param([FU + b"\x85ab", b"\x78\x00\x02ab", FU + b"\x45ef"], id="a STAP-A among fragments"),
    ],
)
def test_malformed(payloads):
    with pytest.raises(MalformedPacketError):
        H264Depacketizer().depacketize(payloads)


def test_an_access_unit_is_bounded():
    payloads = H264Packetizer().packetize(KEY_FRAME, 10)
    assert H264Depacketizer(len(KEY_FRAME)).depacketize(payloads).data == KEY_FRAME
    with pytest.raises(MalformedPacketError, match="at most"):
        H264Depacketizer(len(KEY_FRAME) - 1).depacketize(payloads)


@pytest.mark.parametrize(
    ("payload", "is_first", "starts_keyframe"),
    [
        (DELIMITER, True, False),
        (b"\x78\x00\x02" + DELIMITER + b"\x00\x05" + SPS, True, True),
        (SPS, None, True),
        (PPS, None, False),
        (IDR, None, True),
        (SLICE, None, False),
        (FU + b"\x85ab", None, True),
        (FU + b"\x81ab", None, False),
        (FU + b"\x05ab", False, False),
        (FU + b"\x45ab", False, False),
    ],
)
def test_what_a_jitter_buffer_sees(payload, is_first, starts_keyframe):
    depacketizer = H264Depacketizer()
    assert depacketizer.is_first_of_frame(payload) is is_first
    assert depacketizer.starts_keyframe(payload) is starts_keyframe
    for look in (depacketizer.is_first_of_frame, depacketizer.starts_keyframe):
        with pytest.raises(MalformedPacketError):
            look(b"")
