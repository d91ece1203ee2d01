"""Counters that wrap (RTP's sequence numbers and timestamps, RFC 3550 section 5.1) as integers that do not."""

__all__ = ["SEQUENCE_NUMBER_BITS", "TIMESTAMP_BITS", "Unwrapper"]

SEQUENCE_NUMBER_BITS = 16
TIMESTAMP_BITS = 32


class Unwrapper:
    """Maps each value to the integer nearest to the newest one so far; the first value stands for itself.

    Integers may be negative, where packets from before the first one arrive late.
    """

    __slots__ = ("_half", "_mask", "newest")

    def __init__(self, bits: int = SEQUENCE_NUMBER_BITS) -> None:
        self._mask = (1 << bits) - 1
        self._half = 1 << (bits - 1)
        self.newest: int | None = None

    def unwrap(self, value: int) -> int:
        """The integer for this value; what is newer than all before becomes the newest."""
        newest = self.newest
        if newest is None:
            self.newest = value & self._mask
            return self.newest
        ahead = (value - newest) & self._mask
        if ahead >= self._half:
            return newest + ahead - self._mask - 1
        self.newest = newest + ahead
        return self.newest

    def peek(self, value: int) -> int:
        """As `unwrap`, but remembers nothing."""
        if self.newest is None:
            return value & self._mask
        ahead = (value - self.newest) & self._mask
        return self.newest + (ahead if ahead < self._half else ahead - self._mask - 1)
