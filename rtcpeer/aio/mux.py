"""What shared ports of both kinds have in common: one port on every address, which the program opens and closes."""

import errno
from abc import ABC, abstractmethod
from typing import Self

from rtcpeer.aio.address_choice import choose_hosts, report_failed_filter
from rtcpeer.aio.network import Network, SystemNetwork
from rtcpeer.core import TransportAddress
from rtcpeer.errors import InvalidStateError
from rtcpeer.ice.settings import IceSettings

__all__ = ["Mux"]


class Mux(ABC):
    """Opens on the addresses that the settings choose; what it does with what comes is its kinds' business."""

    def __init__(self, protocol: str, port: int, settings: IceSettings | None, network: Network | None) -> None:
        if not 0 <= port <= 65535:
            raise ValueError("port must be between 0 and 65535")
        self._protocol = protocol
        self._port = port
        self._settings = settings or IceSettings()
        self._network: Network = network or SystemNetwork()
        self._is_open = False

    async def open(self) -> None:
        """Bind to every address that the settings choose.

        Raises:
            OSError: the port is taken, or there is no address.
            InvalidStateError: the mux is open already.
        """
        if self._is_open:
            raise InvalidStateError(f"the {self._protocol} mux is open already")
        self._is_open = True
        try:
            for host in choose_hosts(self._network, self._settings, report_failed_filter):
                await self._bind(host)
            if not self.addresses:
                raise OSError(errno.EADDRNOTAVAIL, f"there is no address for the {self._protocol} mux to bind to")
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def close(self) -> None:
        """Let go of the port; idempotent."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    @property
    @abstractmethod
    def addresses(self) -> list[TransportAddress]:
        """Where it is bound, most preferred first, with the ports that the system chose."""

    @abstractmethod
    async def _bind(self, host: str) -> None:
        """Take the port at one address. Raises OSError where that can not be had."""
