import socket
import struct
import sys
from typing import Self

import pytest

from rtcpeer.aio import rtnetlink
from rtcpeer.aio.rtnetlink import NetlinkAddress, list_addresses, parse_addresses


def packed(layout: str, *fields: int) -> bytes:
    return struct.pack(f"={layout}", *fields)  # netlink is in the machine's byte order


def attribute(kind: int, value: bytes) -> bytes:
    return packed("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, body: bytes) -> bytes:
    return packed("IHHII", 16 + len(body), kind, 2, 1, 77) + body


def address(family: int, prefix_length: int, flags: int, index: int, *attributes: bytes) -> bytes:
    return message(20, packed("BBBBI", family, prefix_length, flags, 0, index) + b"".join(attributes))


DONE = message(3, bytes(4))
IPV4 = address(2, 24, 0x80, 2, attribute(1, b"\xc0\0\2\1"), attribute(2, b"\xc0\0\2\1"), attribute(3, b"eth0\0"))
IPV6_BYTES = socket.inet_pton(socket.AF_INET6, "2001:db8::aa")
IPV6 = address(10, 64, 0x01, 2, attribute(1, IPV6_BYTES), attribute(8, packed("I", 0x301)))
TUNNEL = address(2, 32, 0x80, 3, attribute(1, b"\xc6\x33\x64\2"), attribute(2, b"\xc6\x33\x64\1"))


def test_addresses_with_their_flags() -> None:
    assert parse_addresses(IPV4 + IPV6 + DONE) == (
        [NetlinkAddress(2, "192.0.2.1", 24, 0x80), NetlinkAddress(2, "2001:db8::aa", 64, 0x301)],
        True,
    )


def test_of_a_tunnel_our_own_end() -> None:
    assert parse_addresses(TUNNEL) == ([NetlinkAddress(3, "198.51.100.1", 32, 0x80)], False)


def test_what_is_no_address_is_left_out() -> None:
    other_family = address(17, 0, 0, 2, attribute(1, bytes(6)))
    without = address(2, 24, 0, 2)
    link = message(16, bytes(16))
    broken = address(2, 24, 0, 2, packed("HH", 0, 1))
    assert parse_addresses(other_family + without + link + broken + DONE) == ([], True)


def test_a_refusal_is_an_error() -> None:
    with pytest.raises(OSError, match="did not list"):
        parse_addresses(message(2, packed("i", -1) + bytes(16)))


def test_no_prefix_of_a_list_is_taken_for_all_of_it() -> None:
    whole = IPV4 + IPV6 + DONE
    for length in range(len(IPV4 + IPV6)):
        try:
            addresses, is_done = parse_addresses(whole[:length])
        except OSError:
            continue
        assert not is_done
        assert addresses in ([], parse_addresses(IPV4)[0])


class FakeNetlink:
    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def settimeout(self, timeout: float) -> None:
        assert timeout > 0

    def send(self, data: bytes) -> None:
        self.asked.append(data)

    def recv(self, size: int) -> bytes:
        if not self.answers:
            raise TimeoutError
        return self.answers.pop(0)


@pytest.mark.skipif(sys.platform != "linux", reason="netlink is Linux'")
def test_the_question_and_an_answer_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    netlink = FakeNetlink(IPV4, IPV6, DONE)
    monkeypatch.setattr(rtnetlink.socket, "socket", lambda *_: netlink)
    assert [found.host for found in list_addresses()] == ["192.0.2.1", "2001:db8::aa"]
    assert netlink.asked == [packed("IHHII", 24, 22, 0x301, 1, 0) + bytes(8)]
    with pytest.raises(TimeoutError):
        list_addresses()
