import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import AggregationHeader, Av1Depacketizer, Av1Packetizer, Frame, Obu, obu_elements

DELIMITER, SEQUENCE, METADATA = Obu(b"\x10", b""), Obu(b"\x08", b"\x00seq"), Obu(b"\x28", b"meta")
KEY, INTER, TILE_LIST = Obu(b"\x30", b"\x10key frame"), Obu(b"\x30", b"\x30inter frame"), Obu(b"\x40", b"tiles")


def unit(*parts):
    return b"".join(part.with_size() for part in parts)


def layered(spatial_id, payload=b"\x10frame", temporal_id=0):
    return Obu(bytes([0x34, temporal_id << 5 | spatial_id << 3]), payload)


def element(part):
    return bytes([len(part.without_size())]) + part.without_size()


@pytest.mark.parametrize(
    ("octet", "header"),
    [
        (0x00, AggregationHeader(False, False, 0, False)),
        (0x80, AggregationHeader(True, False, 0, False)),
        (0x40, AggregationHeader(False, True, 0, False)),
        (0x30, AggregationHeader(False, False, 3, False)),
        (0x18, AggregationHeader(False, False, 1, True)),
    ],
)
def test_aggregation_header(octet, header):
    assert AggregationHeader.parse(octet) == AggregationHeader.parse(octet | 0x07) == header
    assert header.serialize() == bytes([octet])


def test_up_to_three_elements_save_the_last_length():
    packetizer = Av1Packetizer()
    assert packetizer.packetize(unit(INTER), 100) == [b"\x10" + INTER.without_size()]
    assert packetizer.packetize(unit(DELIMITER, SEQUENCE, METADATA, KEY), 100) == [
        b"\x38" + element(SEQUENCE) + element(METADATA) + KEY.without_size()
    ]


def test_more_elements_have_their_length_each():
    parts = [METADATA, METADATA, METADATA, INTER]
    assert Av1Packetizer().packetize(unit(*parts), 100) == [b"\x00" + b"".join(map(element, parts))]


def test_what_does_not_fit_goes_on_in_the_next_payload():
    assert Av1Packetizer().packetize(unit(SEQUENCE, KEY), 10) == [
        b"\x68" + element(SEQUENCE) + b"\x30\x10k",
        b"\x90ey frame",
    ]


def test_delimiters_and_tile_lists_do_not_travel():
    assert Av1Packetizer().packetize(unit(DELIMITER, TILE_LIST, INTER), 100) == [b"\x10" + INTER.without_size()]
    payload = b"\x30" + element(DELIMITER) + element(TILE_LIST) + INTER.without_size()
    assert Av1Depacketizer().depacketize([payload]).data == unit(INTER)


def test_layers_do_not_share_payloads():
    parts = [SEQUENCE, METADATA, layered(0), layered(0), METADATA, layered(1), layered(1, temporal_id=1)]
    payloads = Av1Packetizer().packetize(unit(*parts), 100)
    assert [len(obu_elements(payload)[1]) for payload in payloads] == [5, 1, 1]
    # A payload knows nothing of the layer of the one before it.
    payloads = Av1Packetizer().packetize(unit(layered(0, bytes(27)), METADATA, layered(1)), 30)
    assert [len(obu_elements(payload)[1]) for payload in payloads] == [1, 2]
    # also where an OBU goes on
    payloads = Av1Packetizer().packetize(unit(layered(0, bytes(15)), layered(1)), 16)
    assert [obu_elements(payload)[0].continues_fragment for payload in payloads] == [False, True, False]
    assert Av1Depacketizer().depacketize(payloads).data == unit(layered(0, bytes(15)), layered(1))


def test_a_sequence_header_comes_first():
    payloads = Av1Packetizer().packetize(unit(METADATA, SEQUENCE, KEY), 100)
    assert [obu_elements(payload)[1][0] for payload in payloads] == [METADATA.without_size(), SEQUENCE.without_size()]
    assert [obu_elements(payload)[0].starts_sequence for payload in payloads] == [True, False]


def test_misuse():
    for frame in (b"", unit(DELIMITER)):
        with pytest.raises(ValueError, match="without an OBU"):
            Av1Packetizer().packetize(frame, 100)
    with pytest.raises(ValueError, match="low-overhead"):
        Av1Packetizer().packetize(unit(INTER)[:-1], 100)
    with pytest.raises(ValueError, match="at least 2"):
        Av1Packetizer().packetize(unit(INTER), 1)


@pytest.mark.parametrize(
    ("parts", "is_keyframe"),
    [
        ([INTER], False),
        ([SEQUENCE, KEY], True),
        ([SEQUENCE, METADATA, METADATA, KEY, Obu(b"\x20", bytes(300)), Obu(b"\x20", b"")], True),
        ([layered(0), layered(1), layered(2)], False),
    ],
)
def test_temporal_units_come_back(parts, is_keyframe):
    depacketizer = Av1Depacketizer()
    for size in range(2, 340):
        payloads = Av1Packetizer().packetize(unit(DELIMITER, *parts), size)
        assert max(map(len, payloads)) <= size
        assert depacketizer.depacketize(payloads) == Frame(unit(*parts), is_keyframe)
        assert [depacketizer.starts_keyframe(payload) for payload in payloads] == [
            is_keyframe and index == 0 for index in range(len(payloads))
        ]
        assert depacketizer.is_first_of_frame(payloads[0]) is (True if is_keyframe else None)
        assert not any(map(depacketizer.is_first_of_frame, payloads[1:]))


def test_an_obu_may_carry_its_size():
    assert Av1Depacketizer().depacketize([b"\x10" + unit(INTER)]).data == unit(INTER)


def test_what_a_jitter_buffer_sees():
    depacketizer = Av1Depacketizer()
    assert depacketizer.is_first_of_frame(b"\x10\x30a") is None
    assert depacketizer.is_first_of_frame(b"\x18\x08a") is True
    assert depacketizer.is_first_of_frame(b"\x90rest") is False


@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([], id="nothing"),
        pytest.param([b""], id="an empty payload"),
        pytest.param([b"\x10"], id="no element"),
        pytest.param([b"\x00"], id="no length"),
        pytest.param([b"\x00\x00"], id="an empty element"),
        pytest.param([b"\x00\x03\x30a"], id="an element longer than its payload"),
        pytest.param([b"\x20\x02\x30a"], id="fewer elements than W says"),
        pytest.param([b"\x90ab"], id="an end without a start"),
        pytest.param([b"\x98ab"], id="a sequence that begins with a rest"),
        pytest.param([b"\x50\x30a"], id="a start without an end"),
        pytest.param([b"\x50\x30a", b"\x10\x30b"], id="not gone on with"),
        pytest.param([b"\x10\xb0a"], id="the forbidden bit"),
        pytest.param([b"\x10\x34"], id="no extension"),
        pytest.param([b"\x10\x32\x05a"], id="a size beyond the element"),
        pytest.param([b"\x10\x32\x01ab"], id="a size before the end of the element"),
        pytest.param([b"\x10\x10"], id="nothing but a temporal delimiter"),
    ],
)
def test_malformed(payloads):
    with pytest.raises(MalformedPacketError):
        Av1Depacketizer().depacketize(payloads)


def test_a_temporal_unit_is_bounded():
    payloads = Av1Packetizer().packetize(unit(SEQUENCE, KEY), 10)
    size = len(unit(SEQUENCE, KEY))
    assert len(Av1Depacketizer(size).depacketize(payloads).data) == size
    with pytest.raises(MalformedPacketError, match="at most"):
        Av1Depacketizer(size - 1).depacketize(payloads)
