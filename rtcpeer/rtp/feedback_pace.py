"""How often arrivals are told to the sender: the more comes, the more often."""

from typing import Final

__all__ = ["FeedbackPace"]

FEEDBACK_BITS: Final = 8 * 68  # of a typical packet, SRTCP, UDP and IP around it


class FeedbackPace:
    """Feedback takes a share of what comes in, between two bounds: sound alone needs no twenty packets a second.

    Args:
        shortest: seconds between two feedbacks, however much comes.
        longest: seconds, however little comes.
        share: of the incoming bitrate, that feedback may take.
    """

    def __init__(self, shortest: float, longest: float, share: float) -> None:
        self._shortest = shortest
        self._longest = longest
        self._share = share
        self._interval = shortest
        self._since: float | None = None
        self._bytes = 0

    @property
    def due(self) -> float | None:
        """When to tell what came since the last time; None: nothing has come."""
        return self._since + self._interval if self._since is not None and self._bytes else None

    def arrived(self, size: int, now: float) -> None:
        """A packet of that many bytes came (hot path)."""
        self._bytes += size
        if self._since is None:
            self._since = now

    def told(self, now: float) -> None:
        """Feedback leaves."""
        if self._since is not None and now > self._since:
            bitrate = 8 * self._bytes / (now - self._since)
            self._interval = min(max(FEEDBACK_BITS / (self._share * bitrate), self._shortest), self._longest)
        self._since = now
        self._bytes = 0
