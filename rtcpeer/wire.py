"""Serial-number arithmetic (RFC 1982) and reads that can not run past the end of a packet."""

from rtcpeer.errors import MalformedPacketError

__all__ = ["Reader", "serial16_greater", "serial32_greater"]


def serial16_greater(a: int, b: int) -> bool:
    """Whether ``a`` comes after ``b`` in 16-bit serial-number order."""
    return 0 < (a - b) & 0xFFFF < 0x8000


def serial32_greater(a: int, b: int) -> bool:
    """Whether ``a`` comes after ``b`` in 32-bit serial-number order."""
    return 0 < (a - b) & 0xFFFFFFFF < 0x80000000


class Reader:
    """Reads a packet from front to back in network byte order; `MalformedPacketError` where it ends too early."""

    __slots__ = ("_data", "_offset")

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data
        self._offset = 0

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._offset

    def take(self, length: int) -> bytes:
        """The next ``length`` bytes."""
        end = self._offset + length
        if length < 0 or end > len(self._data):
            raise MalformedPacketError(f"{length} bytes expected at offset {self._offset}, {self.remaining} left")
        taken = bytes(self._data[self._offset : end])
        self._offset = end
        return taken

    def uint8(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def uint16(self) -> int:
        """The next two bytes."""
        return int.from_bytes(self.take(2), "big")

    def uint32(self) -> int:
        """The next four bytes."""
        return int.from_bytes(self.take(4), "big")

    def uint64(self) -> int:
        """The next eight bytes."""
        return int.from_bytes(self.take(8), "big")

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.remaining)
