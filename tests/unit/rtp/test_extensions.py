import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.rtp.extensions import ExtensionMap, HeaderExtensions, parse_elements, serialize_elements
from rtcpeer.rtp.header import RtpHeader

# ID=1 len=1: 61 | ID=2 len=3: 010203 | padding
ONE_BYTE = bytes.fromhex("10 61" + "22 010203" + "0000")
# ID=1 length=1: 61 | ID=2 length=0 | ID=255 length=2: 0102 | padding
TWO_BYTE = bytes.fromhex("01 01 61" + "02 00" + "ff 02 0102" + "000000")


def header_with(profile, data):
    return RtpHeader(96, 0, 0, 0, extension_profile=profile, extension=data)


class TestElements:
    def test_the_one_byte_form(self):
        assert parse_elements(0xBEDE, ONE_BYTE) == [(1, b"a"), (2, b"\1\2\3")]
        assert serialize_elements([(1, b"a"), (2, b"\1\2\3")]) == (0xBEDE, ONE_BYTE)

    def test_the_two_byte_form(self):
        elements = [(1, b"a"), (2, b""), (255, b"\1\2")]
        assert parse_elements(0x1000, TWO_BYTE) == elements
        assert serialize_elements(elements, allow_two_byte=True) == (0x1000, TWO_BYTE)

    def test_appbits_are_ignored(self):
        assert parse_elements(0x100F, TWO_BYTE) == parse_elements(0x1000, TWO_BYTE)

    def test_padding_between_elements(self):
        assert parse_elements(0xBEDE, bytes.fromhex("00 10 61 0000 20 62 00")) == [(1, b"a"), (2, b"b")]
        assert parse_elements(0x1000, bytes.fromhex("00 01 01 61 0000 02 00")) == [(1, b"a"), (2, b"")]

    def test_id_15_ends_the_one_byte_form(self):
        assert parse_elements(0xBEDE, bytes.fromhex("10 61 ff 20 62 000000")) == [(1, b"a")]

    def test_padding_with_a_length_ends_it(self):
        assert parse_elements(0xBEDE, bytes.fromhex("10 61 01 20 62 000000")) == [(1, b"a")]

    @pytest.mark.parametrize("profile", [None, 0, 0xBEDF, 0x1010, 0x0FFF])
    def test_other_profiles_have_no_elements(self, profile):
        assert parse_elements(profile, ONE_BYTE) == []

    def test_nothing_in_it(self):
        assert parse_elements(0xBEDE, b"") == []
        assert parse_elements(0x1000, bytes(4)) == []

    @pytest.mark.parametrize(
        ("profile", "data"), [(0xBEDE, "13 616263"), (0xBEDE, "10"), (0x1000, "01"), (0x1000, "01 03 6162")]
    )
    def test_elements_that_run_out(self, profile, data):
        with pytest.raises(MalformedPacketError):
            parse_elements(profile, bytes.fromhex(data))

    @pytest.mark.parametrize("element", [(15, b"a"), (1, b""), (1, bytes(17))])
    def test_what_needs_the_two_byte_form(self, element):
        with pytest.raises(ValueError, match="two-byte"):
            serialize_elements([element])
        profile, data = serialize_elements([(2, b"b"), element], allow_two_byte=True)
        assert parse_elements(profile, data) == [(2, b"b"), element]

    def test_the_limits_of_the_one_byte_form(self):
        elements = [(1, bytes(16)), (14, b"a")]
        profile, data = serialize_elements(elements, allow_two_byte=True)
        assert profile == 0xBEDE
        assert parse_elements(profile, data) == elements

    @pytest.mark.parametrize("element", [(0, b"a"), (256, b"a"), (1, bytes(256))])
    def test_what_fits_nowhere(self, element):
        with pytest.raises(ValueError, match="fits"):
            serialize_elements([element], allow_two_byte=True)


class TestExtensionMap:
    MAP = ExtensionMap({ExtensionUri.MID: 4, ExtensionUri.TRANSPORT_WIDE_CC: 3, "urn:unknown": 7})

    def test_what_was_negotiated_is_read_and_the_rest_skipped(self):
        # 4: mid "a" | 3: transport-wide sequence number 0x1234 | 7: unknown here | 9: nobody knows
        values = self.MAP.decode(header_with(0xBEDE, bytes.fromhex("40 61" + "31 1234" + "70 01" + "90 01" + "000000")))
        assert values == HeaderExtensions(mid="a", transport_sequence_number=0x1234)

    def test_no_extension(self):
        assert self.MAP.decode(RtpHeader(96, 0, 0, 0)) == HeaderExtensions()

    def test_a_value_of_another_length_is_absent(self):
        values = self.MAP.decode(header_with(0xBEDE, bytes.fromhex("32 123456" + "40 61" + "0000")))
        assert values == HeaderExtensions(mid="a")

    def test_the_last_of_two_counts(self):
        assert self.MAP.decode(header_with(0xBEDE, bytes.fromhex("40 61 40 62"))).mid == "b"

    def test_a_broken_container_is_malformed(self):
        with pytest.raises(MalformedPacketError):
            self.MAP.decode(header_with(0xBEDE, bytes.fromhex("4f 616263")))

    def test_what_was_not_negotiated_is_not_written(self):
        profile, data = self.MAP.encode(HeaderExtensions(mid="a", rid="b", transport_sequence_number=1))
        assert parse_elements(profile, data) == [(4, b"a"), (3, b"\0\1")]

    def test_nothing_to_write(self):
        assert self.MAP.encode(HeaderExtensions(rid="b")) == (None, b"")

    def test_long_values_where_mixed_forms_were_agreed_on(self):
        values = HeaderExtensions(mid="m" * 20, transport_sequence_number=9)
        with pytest.raises(ValueError, match="two-byte"):
            self.MAP.encode(values)
        mixed = ExtensionMap(self.MAP.ids, allow_two_byte=True)
        assert mixed.decode(header_with(*mixed.encode(values))) == values

    def test_what_is_in_it(self):
        assert ExtensionUri.MID in self.MAP
        assert "urn:unknown" in self.MAP
        assert ExtensionUri.RID not in self.MAP
        assert self.MAP.ids[ExtensionUri.TRANSPORT_WIDE_CC] == 3

    @pytest.mark.parametrize("number", [-1, 0, 15, 16, 255])
    def test_ids_that_the_short_form_does_not_have(self, number):
        with pytest.raises(ValueError, match="id"):
            ExtensionMap({ExtensionUri.MID: number})

    @pytest.mark.parametrize("number", [0, 15, 256])
    def test_ids_that_no_form_has(self, number):
        with pytest.raises(ValueError, match="id"):
            ExtensionMap({ExtensionUri.MID: number}, allow_two_byte=True)

    def test_one_id_for_two(self):
        with pytest.raises(ValueError, match="two extensions"):
            ExtensionMap({ExtensionUri.MID: 1, ExtensionUri.RID: 1})
