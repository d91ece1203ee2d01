import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.events import ErrorCause
from rtcpeer.sctp.parameters import (
    CauseCode,
    ParameterType,
    is_reported_when_unknown,
    is_skipped_when_unknown,
    iterate_parameters,
    pack_cause,
    pack_parameter,
    parse_causes,
)


def test_parameters_are_padded_lists() -> None:
    data = pack_parameter(ParameterType.STATE_COOKIE, b"abc") + pack_parameter(ParameterType.FORWARD_TSN_SUPPORTED, b"")
    assert data == bytes.fromhex("0007 0007 616263 00 c000 0004")
    assert list(iterate_parameters(data)) == [(7, b"abc"), (0xC000, b"")]
    assert list(iterate_parameters(data, 8)) == [(0xC000, b"")]
    assert list(iterate_parameters(b"")) == []


@pytest.mark.parametrize("data", ["0007 00", "0007 0003", "0007 0005", "0007 0008 000000"])
def test_a_length_that_runs_out_is_malformed(data: str) -> None:
    with pytest.raises(MalformedPacketError):
        list(iterate_parameters(bytes.fromhex(data)))


def test_causes_end_where_they_are_malformed() -> None:
    good = pack_cause(CauseCode.USER_INITIATED_ABORT, b"bye")
    assert parse_causes(good + bytes.fromhex("0003 00ff")) == (ErrorCause(12, b"bye"),)
    assert parse_causes(b"\0") == ()


def test_the_two_high_bits_of_an_unknown_type() -> None:
    kinds = (0x3FFF, 0x7FFF, 0xBFFF, 0xFFFF)
    assert [is_skipped_when_unknown(kind) for kind in kinds] == [False, False, True, True]
    assert [is_reported_when_unknown(kind) for kind in kinds] == [False, True, False, True]
