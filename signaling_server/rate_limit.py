"""How fast one client may send: a token bucket, told the time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """Tokens a second, and how many may be saved up."""

    rate: float = 256.0
    burst: float = 2048.0

    def __post_init__(self) -> None:
        for name, value in (("rate", self.rate), ("burst", self.burst)):
            if not 0 < value < float("inf"):
                msg = f"{name} must be above 0 and finite, not {value}"
                raise ValueError(msg)


class TokenBucket:
    """Says how long to wait rather than yes or no, so that a sender is slowed down and loses nothing."""

    def __init__(self, settings: RateLimitSettings, now: float) -> None:
        self._settings = settings
        self._tokens = settings.burst
        self._updated = now

    def take(self, count: float, now: float) -> float:
        """Take the tokens now, on credit if need be; the seconds until the debt is paid."""
        refilled = self._tokens + (now - self._updated) * self._settings.rate
        self._tokens = min(self._settings.burst, refilled) - count
        self._updated = now
        return max(0.0, -self._tokens / self._settings.rate)


def cost(size: int) -> int:
    """The tokens of a message of so many bytes: one for each begun KiB."""
    return 1 + max(0, size - 1) // 1024
