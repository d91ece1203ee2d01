"""Linux' segmentation offload for UDP: several datagrams of equal size in one system call (udp(7))."""

import functools
import socket
import struct
import sys
from typing import NamedTuple

__all__ = [
    "CONTROL_SIZE",
    "MAX_RUN_BYTES",
    "MAX_SEGMENTS",
    "Offload",
    "enable_coalescing",
    "offload",
    "run_length",
    "segment_control",
    "segment_size",
]

# linux/udp.h and linux/socket.h; Python's socket module has none of them before 3.14.
SOL_UDP = 17
UDP_SEGMENT = 103
UDP_GRO = 104

MAX_SEGMENTS = 64  # UDP_MAX_SEGMENTS of the kernels before 6.9
MAX_RUN_BYTES = 65_000  # the run is one IP packet until it is split: 65,535 less the headers of both families

_SEGMENT_SIZE_SENT = struct.Struct("=H")  # UDP_SEGMENT: unsigned short
_SEGMENT_SIZE_RECEIVED = struct.Struct("=i")  # UDP_GRO: int

CONTROL_SIZE = socket.CMSG_SPACE(_SEGMENT_SIZE_RECEIVED.size) if hasattr(socket, "CMSG_SPACE") else 0


class Offload(NamedTuple):
    """What this kernel offers; a device or tunnel may still refuse to segment, which the socket finds out itself."""

    segment: bool
    coalesce: bool


@functools.cache
def offload() -> Offload:
    """Probe the kernel, once per process."""
    if sys.platform != "linux":
        return Offload(segment=False, coalesce=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return Offload(segment=_accepts(sock, UDP_SEGMENT, 0), coalesce=enable_coalescing(sock))


def enable_coalescing(sock: socket.socket) -> bool:
    """Ask for runs of datagrams instead of single ones; returns whether the kernel agreed."""
    return _accepts(sock, UDP_GRO, 1)


def run_length(payloads: list[bytes], start: int) -> int:
    """How many payloads from ``start`` on may go in one call: all of the first one's size, the last may be smaller."""
    size = len(payloads[start])
    if not size:
        return 1
    limit = min(len(payloads), start + min(MAX_SEGMENTS, max(1, MAX_RUN_BYTES // size)))
    for index in range(start + 1, limit):
        following = len(payloads[index])
        if following != size:
            # An empty datagram would vanish: the kernel splits the bytes, and it adds none.
            return index - start + (0 < following < size)
    return limit - start


@functools.cache
def segment_control(size: int) -> list[tuple[int, int, bytes]]:
    """The ancillary data that has the kernel cut a buffer into datagrams of ``size``."""
    return [(SOL_UDP, UDP_SEGMENT, _SEGMENT_SIZE_SENT.pack(size))]


def segment_size(control: list[tuple[int, int, bytes]]) -> int:
    """The size of the datagrams in a coalesced buffer, 0 when it is a single one."""
    for level, kind, data in control:
        if level == SOL_UDP and kind == UDP_GRO and len(data) >= _SEGMENT_SIZE_RECEIVED.size:
            size: int = _SEGMENT_SIZE_RECEIVED.unpack_from(data)[0]
            return size
    return 0


def _accepts(sock: socket.socket, option: int, value: int) -> bool:
    try:
        sock.setsockopt(SOL_UDP, option, value)
    except OSError:
        return False
    return True
