"""What came too early, kept until it can be judged."""

from typing import Generic, TypeVar

__all__ = ["Held"]

ItemT = TypeVar("ItemT")


class Held(Generic[ItemT]):
    """Keeps a bounded number of things in order; what there is no room for is dropped and counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: list[ItemT] = []
        self.dropped = 0

    def add(self, item: ItemT) -> None:
        """Keep it if there is room."""
        if len(self._items) < self._limit:
            self._items.append(item)
        else:
            self.dropped += 1

    def take(self) -> list[ItemT]:
        """All of it, oldest first; nothing is left."""
        items, self._items = self._items, []
        return items
