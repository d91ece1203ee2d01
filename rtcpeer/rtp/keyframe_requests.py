"""Asking a sender of video for a keyframe: how, and not too often (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1)."""

import math
from enum import Enum

__all__ = ["KeyframeRequests", "RequestKind"]


class RequestKind(Enum):
    """By which message."""

    PLI = "nack pli"
    FIR = "ccm fir"


class KeyframeRequests:
    """Set `is_wanted`; `request` says when and how to ask."""

    def __init__(self, interval: float) -> None:
        self.is_wanted = False
        self.counts = {RequestKind.PLI: 0, RequestKind.FIR: 0}
        self._interval = interval
        self._asked_at = -math.inf

    @property
    def due(self) -> float | None:
        """When the request that is wanted may be sent."""
        return self._asked_at + self._interval if self.is_wanted else None

    def request(self, feedback: frozenset[str], now: float) -> RequestKind | None:
        """How to ask now, by what was agreed on; None: not now, or not at all."""
        if not self.is_wanted or now < self._asked_at + self._interval:
            return None
        self.is_wanted = False
        self._asked_at = now
        kind = next((kind for kind in RequestKind if kind.value in feedback), None)
        if kind is not None:
            self.counts[kind] += 1
        return kind

    @property
    def fir_number(self) -> int:
        """Of the request counted last: each new one has another (RFC 5104 section 4.3.1.1)."""
        return self.counts[RequestKind.FIR] & 0xFF
