import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import ChunkType
from rtcpeer.sctp.handshake import Capabilities, Cookie, CookieJar, Init, pack_init, parse_init
from rtcpeer.sctp.parameters import ParameterType, pack_parameter

FIXED = bytes.fromhex("00000001 00020000 0010 0020 00000007")  # tag, window, outbound, inbound, initial TSN


def test_init_is_laid_out_as_in_section_3_3_2() -> None:
    chunk = pack_init(ChunkType.INIT, Init(1, 0x20000, 16, 32, 7))
    assert chunk[4:20] == FIXED
    # FORWARD-TSN-Supported, and Supported Extensions naming RE-CONFIG and FORWARD-TSN
    assert chunk[20:] == bytes.fromhex("c000 0004 8008 0006 82c0 0000")[: len(chunk) - 20]
    assert parse_init(chunk[4:]) == Init(1, 0x20000, 16, 32, 7, Capabilities(True, True))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (b"", (False, False)),
        (pack_parameter(ParameterType.FORWARD_TSN_SUPPORTED, b""), (True, False)),
        (pack_parameter(ParameterType.SUPPORTED_EXTENSIONS, b"\xc0"), (True, False)),
        (pack_parameter(ParameterType.SUPPORTED_EXTENSIONS, b"\x0f\x82"), (False, True)),
    ],
)
def test_extensions_count_only_when_announced(parameters: bytes, expected: tuple[bool, bool]) -> None:
    assert parse_init(FIXED + parameters).capabilities == Capabilities(*expected)


def test_unknown_parameters_follow_their_high_bits() -> None:
    cookie = pack_parameter(ParameterType.STATE_COOKIE, b"c")
    skipped = parse_init(FIXED + pack_parameter(0x8FFF, b"x") + cookie)
    assert (skipped.unrecognized, skipped.cookie) == ((), b"c")
    reported = parse_init(FIXED + pack_parameter(0xCFFF, b"x") + cookie)
    assert (reported.unrecognized, reported.cookie) == ((pack_parameter(0xCFFF, b"x"),), b"c")
    stopped = parse_init(FIXED + pack_parameter(0x4FFF, b"x") + cookie)
    assert (stopped.unrecognized, stopped.cookie) == ((pack_parameter(0x4FFF, b"x"),), None)


def test_addresses_are_ignored_over_dtls() -> None:
    addresses = pack_parameter(ParameterType.IPV4_ADDRESS, bytes(4)) + pack_parameter(12, b"\0\5")
    assert parse_init(FIXED + addresses) == Init(1, 0x20000, 16, 32, 7)
    with pytest.raises(MalformedPacketError):
        parse_init(FIXED[:-1])


def test_a_cookie_is_opened_by_its_jar_only() -> None:
    cookie = Cookie(12.5, 1, 2, 3, 4, 5, 6, 7, 3, 8, 9)
    sealed = CookieJar(b"a" * 32).seal(cookie)
    assert CookieJar(b"a" * 32).open(sealed) == cookie
    assert CookieJar(b"b" * 32).open(sealed) is None
    assert CookieJar(b"a" * 32).open(sealed + b"\0") is None
