import struct

import pytest

from rtcpeer.aio.hops import offender_of, trace_hops
from rtcpeer.core import TransportAddress

# sock_extended_err: errno 113, origin ICMP, type, code, padding, info, data; then a sockaddr_in.
TIME_EXCEEDED = struct.pack("=IBBBBII", 113, 2, 11, 0, 0, 0, 0) + bytes.fromhex("0200 0000 64400001 0000000000000000")


def test_who_let_the_time_to_live_end():
    assert offender_of(TIME_EXCEEDED) == "100.64.0.1"


@pytest.mark.parametrize("length", range(24))
def test_what_is_cut_off_is_nobody(length):
    assert offender_of(TIME_EXCEEDED[:length]) is None


@pytest.mark.parametrize(("origin", "kind"), [(1, 11), (3, 11), (2, 3)])
def test_other_complaints_are_not_about_hops(origin, kind):
    other = bytearray(TIME_EXCEEDED)
    other[4], other[5] = origin, kind
    assert offender_of(bytes(other)) is None


async def test_only_over_ipv4():
    assert await trace_hops("2001:db8::1", TransportAddress("2001:db8::2", 3478)) == []


async def test_only_on_linux(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert await trace_hops("192.0.2.1", TransportAddress("192.0.2.2", 3478)) == []
