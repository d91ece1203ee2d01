import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp import Arrival, TransportWideFeedback, parse_compound

HEAD = "00000001 00000002"  # SSRC of packet sender, SSRC of media source


def feedback(base, count, reference, chunks_and_deltas, words):
    # V=2 FMT=15 | PT=205 | length | sources | base sequence number | count | reference time, feedback count | the rest
    return bytes.fromhex(f"8f cd {words:04x}" + HEAD + f"{base:04x} {count:04x} {reference:06x} 07" + chunks_and_deltas)


def parse(data):
    (packet,) = parse_compound(data)
    assert isinstance(packet, TransportWideFeedback)
    return packet


def told(base, count, reference, *arrivals):
    return TransportWideFeedback(1, 2, 7, base, count, reference, tuple(Arrival(*one) for one in arrivals))


class TestExamples:
    def test_a_run_of_small_deltas(self):
        # run of symbol 1, length 3 | deltas 4, 8, 12 | padding
        data = feedback(0xFFFF, 3, 1, "2003" + "04 08 0c" + "000000", 6)
        expected = told(0xFFFF, 3, 1, (0xFFFF, 256 + 4), (0, 256 + 12), (1, 256 + 24))
        assert parse(data) == expected
        assert parse(expected.serialize()) == expected
        assert expected.serialize() == data

    def test_a_vector_of_one_bit_symbols(self):
        # vector 10100000000000 of 14, of which 4 count | deltas 1, 2 ; then nothing was received
        data = feedback(10, 4, 0, "a800" + "01 02", 5)
        assert parse(data) == told(10, 4, 0, (10, 1), (12, 3))

    def test_a_vector_of_two_bit_symbols(self):
        # vector 01 00 10 00 00 00 00 | small delta 1 | large delta -5 | padding
        data = feedback(10, 3, 0, "d200" + "01" + "fffb" + "000000", 6)
        expected = told(10, 3, 0, (10, 1), (12, -4))
        assert parse(data) == expected
        assert expected.serialize() == data

    def test_nothing_was_received(self):
        data = feedback(10, 0x1FFF, 0, "1fff" + "0000", 5)
        assert parse(data) == told(10, 0x1FFF, 0)
        assert told(10, 0x1FFF, 0).serialize() == data

    def test_a_reference_time_before_zero(self):
        data = feedback(10, 1, 0xFFFFFF, "2001" + "00" + "00", 5)
        assert parse(data) == told(10, 1, -1, (10, -256))

    def test_no_packets_at_all(self):
        assert parse(feedback(10, 0, 0, "", 4)) == told(10, 0, 0)

    def test_the_padding_bit_of_browsers(self):
        data = bytearray(feedback(0xFFFF, 3, 1, "2003" + "04 08 0c" + "000003", 6))
        data[0] |= 0x20
        assert len(parse(bytes(data)).arrivals) == 3


@pytest.mark.parametrize(
    ("count", "rest", "words"),
    [
        (1, "", 4),  # no chunk
        (15, "8000" + "0000", 5),  # a vector for 14 of 15, then a run of nothing
        (3, "2003" + "0408", 5),  # two deltas of three
        (1, "6001" + "0000", 5),  # the reserved symbol in a run
        (1, "f000" + "0000", 5),  # the reserved symbol in a vector
        (0xFFFF, "3fff 3fff", 5),  # more than there is room for
        (2, "4002" + "0001", 5),  # one large delta of two
    ],
)
def test_what_is_broken(count, rest, words):
    data = feedback(0, count, 0, rest, words)
    with pytest.raises(MalformedPacketError):
        parse_compound(data)


def test_too_short_for_its_head():
    with pytest.raises(MalformedPacketError):
        parse_compound(bytes.fromhex("8f cd 0003" + HEAD + "00000000"))


class TestBuilding:
    def test_from_first_to_last(self):
        arrivals = [Arrival(0xFFFE, 1000), Arrival(0xFFFF, 1010), Arrival(3, 900)]
        built = TransportWideFeedback.of(1, 2, 300, arrivals)
        assert (built.base_sequence_number, built.status_count, built.feedback_count) == (0xFFFE, 6, 300 & 0xFF)
        assert built.reference_time == 3
        assert built.arrivals == tuple(arrivals)
        assert parse(built.serialize()) == built

    @pytest.mark.parametrize("wraps", [1, 2, 3])
    def test_the_reference_wraps(self, wraps):
        time = (0x800000 * wraps) * 256 + 77
        built = TransportWideFeedback.of(1, 2, 0, [Arrival(1, time), Arrival(2, time + 5)])
        assert -0x800000 <= built.reference_time < 0x800000
        assert parse(built.serialize()) == built
        assert built.arrivals[1].time - built.arrivals[0].time == 5

    def test_too_long_between_two(self):
        built = TransportWideFeedback.of(1, 2, 0, [Arrival(1, 0), Arrival(2, 0x8000)])
        with pytest.raises(ValueError, match="ticks"):
            built.serialize()

    @pytest.mark.parametrize("number", [9, 14, 11, 10])
    def test_arrivals_that_do_not_belong_or_are_not_in_order(self, number):
        with pytest.raises(ValueError, match="reported"):
            told(10, 4, 0, (11, 0), (number, 1)).serialize()

    @pytest.mark.parametrize("received", [0b1, 0b11111111111111, 0b101010101010101010101, (1 << 40) - 1, 1 << 39 | 1])
    def test_chunks_of_all_kinds(self, received):
        numbers = [number for number in range(received.bit_length()) if received >> number & 1]
        for step in (1, 100, 300):
            built = TransportWideFeedback.of(1, 2, 0, [Arrival(number, number * step) for number in numbers])
            assert parse(built.serialize()) == built

    def test_a_hundred_packets_in_order_take_one_chunk(self):
        built = TransportWideFeedback.of(1, 2, 0, [Arrival(number, number) for number in range(100)])
        assert len(built.serialize()) == 4 + 16 + 2 + 100 + 2
