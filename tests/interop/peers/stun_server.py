"""STUN servers as small as they come: one that tells an address of the test's choice, and one that never answers."""

import asyncio
import ipaddress
import struct
from types import TracebackType
from typing import Self

MAGIC_COOKIE = 0x2112A442
HEADER = struct.Struct(">HHI12s")  # type, length, cookie, transaction id
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
XOR_MAPPED_ADDRESS = 0x0020


class StunServer(asyncio.DatagramProtocol):
    """`mapped` is the IPv4 address that it says everybody has (the port is the true one); None: it keeps silent."""

    def __init__(self, mapped: str | None, host: str = "10.77.0.2") -> None:
        self.mapped = mapped
        self.host = host
        self.requests = 0
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def url(self) -> str:
        assert self._transport is not None
        return f"stun:{self.host}:{self._transport.get_extra_info('sockname')[1]}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._transport is not None
        self._transport.close()
        await asyncio.sleep(0)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < HEADER.size:
            return
        message_type, _, cookie, transaction_id = HEADER.unpack_from(data)
        if message_type != BINDING_REQUEST or cookie != MAGIC_COOKIE:
            return
        self.requests += 1
        if self.mapped is None or self._transport is None:
            return
        port = addr[1] ^ MAGIC_COOKIE >> 16
        address = int(ipaddress.IPv4Address(self.mapped)) ^ MAGIC_COOKIE
        attribute = struct.pack(">HHBBHI", XOR_MAPPED_ADDRESS, 8, 0, 1, port, address)
        self._transport.sendto(HEADER.pack(BINDING_SUCCESS, len(attribute), cookie, transaction_id) + attribute, addr)


async def is_answering(host: str, port: int, *, within: float = 20.0) -> bool:
    """Whether a server that is being started begins to answer in time."""
    loop = asyncio.get_running_loop()
    answered = asyncio.Event()

    class Asker(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            answered.set()

    deadline = loop.time() + within
    while loop.time() < deadline and not answered.is_set():
        # A new socket each time: one that was told "connection refused" keeps the error.
        transport, _ = await loop.create_datagram_endpoint(Asker, remote_addr=(host, port))
        transport.sendto(HEADER.pack(BINDING_REQUEST, 0, MAGIC_COOKIE, bytes(12)))
        try:
            async with asyncio.timeout(0.1):
                await answered.wait()
        except TimeoutError:
            continue
        finally:
            transport.close()
    return answered.is_set()
