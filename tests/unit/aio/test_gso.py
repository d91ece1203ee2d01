import errno
import socket
import sys
from typing import Self

import pytest

from rtcpeer.aio import gso


@pytest.mark.parametrize(
    ("sizes", "start", "expected"),
    [
        ([100], 0, 1),
        ([100, 100, 100], 0, 3),
        ([100, 100, 100], 1, 2),
        ([100, 100, 40], 0, 3),  # the last may be smaller
        ([100, 100, 40, 40], 0, 3),  # and only the last
        ([40, 100, 100], 0, 1),  # a larger one begins a new run
        ([100, 100, 0, 100], 0, 2),  # an empty datagram can not be part of a run
        ([0, 0], 0, 1),
        ([100] * 200, 0, gso.MAX_SEGMENTS),
        ([1200] * 200, 0, 65_000 // 1200),
        ([40_000] * 3, 0, 1),
        ([65_507] * 2, 0, 1),
    ],
)
def test_run_length(sizes: list[int], start: int, expected: int) -> None:
    assert gso.run_length([bytes(size) for size in sizes], start) == expected


def test_a_run_never_exceeds_what_one_ip_packet_holds() -> None:
    for size in range(1, 65_508, 97):
        count = gso.run_length([bytes(size)] * 70, 0)
        assert count == 1 or count * size <= gso.MAX_RUN_BYTES


def test_the_segment_size_is_sent_as_an_unsigned_short() -> None:
    ((level, kind, data),) = gso.segment_control(1200)
    assert (level, kind, data) == (17, 103, (1200).to_bytes(2, sys.byteorder))


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ([], 0),
        ([(17, 104, bytes.fromhex("b0040000"))], 1200),
        ([(0, 8, b"\0\0\0\0"), (17, 104, bytes.fromhex("b0040000"))], 1200),  # something else came along
        ([(17, 104, b"\xb0")], 0),  # cut short
    ],
)
def test_segment_size(control: list[tuple[int, int, bytes]], expected: int) -> None:
    assert gso.segment_size(control) == expected


def test_only_linux_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert gso.offload.__wrapped__() == (False, False)


def test_an_old_kernel_has_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    class OldKernel:
        def __init__(self, family: int, kind: int) -> None: ...
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *error: object) -> None: ...
        def setsockopt(self, level: int, option: int, value: int) -> None:
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(socket, "socket", OldKernel)
    assert gso.offload.__wrapped__() == (False, False)
