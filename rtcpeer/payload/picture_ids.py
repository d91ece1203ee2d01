"""The numbers of pictures as a forwarder sends them on: continuous where it switches sources or leaves out pictures."""

from collections import deque

__all__ = ["PICTURE_ID_BITS", "CounterMap", "PictureIdMap"]

PICTURE_ID_BITS = 15
_PICTURE_ID_MASK = (1 << PICTURE_ID_BITS) - 1
_HISTORY = 128  # changes of the shift that are remembered, for pictures whose packets come late


class PictureIdMap:
    """Numbers that come with the pictures of one source at a time, to the numbers with which they go on.

    The numbers in are of 7 or 15 bits, those out are of 15. Packets of a source may come out of order and repeatedly.
    """

    def __init__(self) -> None:
        self._newest_in: int | None = None  # unwrapped
        self._newest_out: int | None = None  # unwrapped
        # Each shift holds from its picture on: (the first picture, what is added), oldest first.
        self._shifts: deque[tuple[int, int]] = deque(maxlen=_HISTORY)

    def switch(self) -> None:
        """The next picture is the first one of another source; it follows the newest that was sent on."""
        self._newest_in = None

    def forward(self, picture_id: int, bits: int) -> int:
        """The number with which this picture goes on."""
        if self._newest_in is None:
            first = picture_id if self._newest_out is None else self._newest_out + 1
            self._newest_in = picture_id
            self._shifts.clear()
            self._shifts.append((picture_id, first - picture_id))
        number = _unwrap(picture_id, bits, self._newest_in)
        self._newest_in = max(self._newest_in, number)
        out = number + self._shift(number)
        self._newest_out = out if self._newest_out is None else max(self._newest_out, out)
        return out & _PICTURE_ID_MASK

    def drop(self, picture_id: int, bits: int) -> None:
        """This picture is not sent on, and the next one takes its number.

        Called for each of its packets or for one. When later pictures have been sent on already, their numbers stand,
        and the picture looks lost.
        """
        if self._newest_in is None:
            return
        number = _unwrap(picture_id, bits, self._newest_in)
        if number > self._newest_in:
            self._shifts.append((number + 1, self._shift(number) - 1))
            self._newest_in = number

    def _shift(self, number: int) -> int:
        # Pictures come nearly in order, so that the shift to find is near the end.
        for first, shift in reversed(self._shifts):
            if number >= first:
                return shift
        return self._shifts[0][1]


class CounterMap:
    """The same for a number that only counts on: it follows the newest that was sent on when the source changes."""

    def __init__(self, bits: int) -> None:
        self._size = 1 << bits
        self._shift = 0
        self._newest_out: int | None = None
        self._has_switched = False

    def switch(self) -> None:
        """The next number is the first one of another source."""
        self._has_switched = True

    def forward(self, number: int) -> int:
        """The number as it goes on."""
        if self._has_switched and self._newest_out is not None:
            self._shift = self._newest_out + 1 - number
        self._has_switched = False
        out = (number + self._shift) % self._size
        if self._newest_out is None or (out - self._newest_out) % self._size < self._size // 2:
            self._newest_out = out
        return out


def _unwrap(number: int, bits: int, near: int) -> int:
    """The number without wrapping: of all that end in these bits, the one nearest to another."""
    half = 1 << (bits - 1)
    return near + ((number - near + half) & ((1 << bits) - 1)) - half
