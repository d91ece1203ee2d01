"""What a program may decide about TURN."""

from dataclasses import dataclass

__all__ = ["TurnSettings"]


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """Durations are seconds. Sections are those of RFC 8656 unless said."""

    # The allocation
    lifetime: int = 600  # what is asked for, section 3.2; the server decides
    max_lifetime: float = 3600.0  # section 7.2: what is granted beyond is not relied upon
    refresh_margin: float = (
        60.0  # section 8: refreshed so long before it expires, or after half its life if that is later
    )
    min_refresh_interval: float = 5.0  # however short a life the server claims to grant
    refresh_grace: float = 5.0  # an allocation is lost no sooner than this after its refresh was first sent
    retry_interval: float = 5.0  # between attempts when a refresh is refused or a permission remains unanswered
    close_timeout: float = 2.0  # how long the answer to the last Refresh is waited for

    # Permissions and channels
    permission_interval: float = 240.0  # section 9: they last 300
    permission_lifetime: float = 300.0
    channel_interval: float = 540.0  # section 12: they last 600
    channel_lifetime: float = 600.0
    max_hosts_per_request: int = 16  # peer addresses in one CreatePermission
    # More than the checks of one ICE pair: what is only checked gets no channel, what lives does.
    bind_after: int = 8  # Send indications to one peer until a channel is bound unasked; 0: only when asked

    # Requests (RFC 8489 section 6.2)
    rto: float = 0.5
    max_requests: int = 7  # Rc
    last_wait_factor: int = 16  # Rm
    reliable_timeout: float = 39.5  # Ti, RFC 8489 section 6.2.2: one request, no retransmission
    max_challenges: int = 3  # 401 and 438 taken for one request
    max_redirects: int = 3  # 300 followed, RFC 8489 section 10

    # Bounds on what peers and server can make us keep
    max_peers: int = 256
    max_queued: int = 64  # datagrams to one peer that wait for its permission
    max_unsent: int = 8192  # datagrams that wait to be pulled
    max_received: int = 8192  # datagrams that wait for `take_data`

    # What every request carries
    software: str | None = None  # RFC 8489 section 14.14
    fingerprint: bool = False  # RFC 8489 section 14.7: useful only where TURN shares its way with another protocol

    def __post_init__(self) -> None:
        """Refuse what can not work, naming the field."""
        for name in ("refresh_margin", "refresh_grace", "close_timeout", "bind_after", "max_redirects", "max_queued"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        for name in ("max_lifetime", "min_refresh_interval", "retry_interval", "rto", "reliable_timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0")
        counts = ("max_hosts_per_request", "max_requests", "last_wait_factor", "max_challenges", "max_peers")
        for name in (*counts, "max_unsent", "max_received"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        self._check_ranges()

    def _check_ranges(self) -> None:
        if not 0 < self.lifetime <= 0xFFFFFFFF:
            raise ValueError("lifetime must be between 1 and 2**32 - 1 s")
        if not 0 < self.permission_interval < self.permission_lifetime:
            raise ValueError("permission_interval must be greater than 0 and less than permission_lifetime")
        if not 0 < self.channel_interval < self.channel_lifetime:
            raise ValueError("channel_interval must be greater than 0 and less than channel_lifetime")
        if self.software is not None and len(self.software.encode()) > 763:
            raise ValueError("software must have at most 763 bytes (RFC 8489 section 14.14)")
