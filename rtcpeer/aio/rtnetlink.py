"""Linux' own list of addresses, asked for over a netlink socket (rtnetlink(7), netlink(7)).

It costs a third of what getifaddrs(3) costs through ctypes, and it has the flags of IPv6 addresses with it.
"""

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["NetlinkAddress", "list_addresses", "parse_addresses"]

# linux/netlink.h and linux/rtnetlink.h
NLMSG_ERROR = 2
NLMSG_DONE = 3
RTM_NEWADDR = 20
RTM_GETADDR = 22
NLM_F_REQUEST_DUMP = 0x301

# linux/if_addr.h
IFA_ADDRESS = 1  # of the other end, where the interface is point-to-point
IFA_LOCAL = 2
IFA_FLAGS = 8  # supersedes the eight bits in the header

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface index; behind the header
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_FLAGS = struct.Struct("=I")

# The kernel answers while we ask; this is for the sandbox that lets the question pass and gives no answer.
TIMEOUT = 0.2
BUFFER_SIZE = 1 << 16


class NetlinkAddress(NamedTuple):
    """An address of an interface."""

    interface: int  # its index
    host: str  # numeric, without zone
    prefix_length: int
    flags: int  # IFA_F_...


def list_addresses() -> list[NetlinkAddress]:
    """Ask the kernel. Raises OSError where it does not answer: other systems, sandboxes."""
    addresses: list[NetlinkAddress] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(TIMEOUT)
        sock.send(_HEADER.pack(_HEADER.size + _ADDRESS.size, RTM_GETADDR, NLM_F_REQUEST_DUMP, 1, 0) + bytes(8))
        is_done = False
        while not is_done:
            found, is_done = parse_addresses(sock.recv(BUFFER_SIZE))
            addresses += found
    return addresses


def parse_addresses(data: bytes) -> tuple[list[NetlinkAddress], bool]:
    """The addresses of one datagram, and whether it ends the list; OSError when it is no such list."""
    addresses: list[NetlinkAddress] = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, offset)
        body = data[offset + _HEADER.size : offset + length]
        if kind == NLMSG_DONE:
            return addresses, True
        if kind == NLMSG_ERROR or len(body) < _ADDRESS.size or offset + length > len(data):
            raise OSError("the kernel did not list its addresses")
        if kind == RTM_NEWADDR:
            addresses += _address(body)
        offset += _aligned(length)
    return addresses, False


def _address(body: bytes) -> Iterator[NetlinkAddress]:
    family, prefix_length, flags, _, index = _ADDRESS.unpack_from(body)
    size = {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family)
    attributes = dict(_attributes(body[_ADDRESS.size :]))
    packed = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS, b"")
    if len(attributes.get(IFA_FLAGS, b"")) == _FLAGS.size:
        flags = _FLAGS.unpack(attributes[IFA_FLAGS])[0]
    if len(packed) == size:
        yield NetlinkAddress(index, socket.inet_ntop(family, packed), prefix_length, flags)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[offset + _ATTRIBUTE.size : offset + length]
        offset += _aligned(length)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
