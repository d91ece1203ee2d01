"""The retransmission schedule of a request over UDP (RFC 8489 section 6.2.1)."""

__all__ = ["Transaction"]


class Transaction:
    """One request on its way: when to send it again, and when to stop hoping for an answer.

    The owner calls `poll` when `next_timeout` has come and sends what it returns; once `is_expired`, nothing will come
    any more. Each wait counts from the transmission before it, so that an owner that was late sends no burst.
    """

    __slots__ = (
        "_due",
        "_interval",
        "_last_request",
        "_last_wait",
        "_max_requests",
        "_rto",
        "request",
        "requests_sent",
    )

    def __init__(self, request: bytes, *, rto: float = 0.5, max_requests: int = 7, last_wait_factor: int = 16) -> None:
        self.request = request
        self.requests_sent = 0
        self._rto = rto
        self._interval = rto
        self._max_requests = max_requests  # Rc
        self._last_request = max_requests  # the number of the request that is the last one
        self._last_wait = rto * last_wait_factor  # Rm
        self._due = float("-inf")

    @property
    def transaction_id(self) -> bytes:
        """By which the response is found."""
        return self.request[8:20]

    @property
    def is_sending(self) -> bool:
        """Whether transmissions are left."""
        return self.requests_sent < self._last_request

    def next_timeout(self) -> float:
        """When `poll` wants to be called or the transaction expires; minus infinity before the first transmission."""
        return self._due

    def is_expired(self, now: float) -> bool:
        """Whether the last transmission has remained without an answer for as long as the protocol waits."""
        return not self.is_sending and now >= self._due

    def poll(self, now: float) -> bytes | None:
        """The request, where it is due to be sent (again) now."""
        if not self.is_sending or now < self._due:
            return None
        self.requests_sent += 1
        if self.requests_sent < self._last_request:
            self._due = now + self._interval
            self._interval *= 2
        else:
            self._due = now + self._last_wait
        return self.request

    def stop_sending(self) -> None:
        """Send no more, but take an answer for as long as the schedule would have run (RFC 8445 section 7.3.1.4)."""
        remaining = self._last_request - self.requests_sent
        if remaining:
            # The waits behind the one that runs are a geometric series, and then the last wait.
            self._due += self._interval * (2 ** (remaining - 1) - 1) + self._last_wait
        self._last_request = self.requests_sent

    def restart(self, now: float) -> None:
        """Send again now and run the whole schedule anew: there is news that an answer may come through."""
        self._last_request = self.requests_sent + self._max_requests
        self._interval = self._rto
        self._due = now

    def postpone(self, seconds: float) -> None:
        """Wait that much longer: whoever should have received the answer did not run meanwhile."""
        self._due += seconds
