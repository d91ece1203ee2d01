"""Addresses and interfaces of a real kernel come and go."""

import asyncio
import subprocess

import pytest

from rtcpeer.aio.interfaces import list_interfaces
from rtcpeer.aio.network import SystemNetwork

pytestmark = pytest.mark.interop


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def hosts() -> set[str]:
    return {address.host for interface in list_interfaces() for address in interface.addresses}


async def test_the_kernel_tells_of_addresses_and_of_links_that_go_down():
    changed = asyncio.Event()
    end = SystemNetwork().watch(3600.0, changed.set)  # far too rare to be what tells

    async def told(*, is_there: bool) -> None:
        async with asyncio.timeout(10):
            while True:
                await changed.wait()
                changed.clear()
                if ("10.78.0.2" in hosts()) is is_there:
                    return

    ip("link", "add", "watch0", "type", "veth", "peer", "name", "watch1")
    try:
        ip("link", "set", "watch1", "up")
        ip("link", "set", "watch0", "up")
        ip("address", "add", "10.78.0.2/24", "dev", "watch0")
        await told(is_there=True)
        ip("link", "set", "watch1", "down")  # the cable is pulled: the address stays configured
        await told(is_there=False)
        ip("link", "set", "watch1", "up")
        await told(is_there=True)
    finally:
        ip("link", "delete", "watch0")
        end()
