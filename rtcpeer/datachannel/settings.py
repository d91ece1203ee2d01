"""Bounds of the data channels of one association."""

from dataclasses import dataclass

__all__ = ["MAX_STREAM_ID", "DataChannelSettings"]

MAX_STREAM_ID = 65534  # RFC 8832 section 6: 65535 is not a stream, because a stream count has 16 bits


@dataclass(frozen=True, slots=True)
class DataChannelSettings:
    """What a peer may make us hold; the association's stream counts bound the channels as well."""

    max_channels: int = MAX_STREAM_ID  # RFC 8831 section 6.2: as many as there are streams; W3C counts 65,534
    # A message may overtake the OPEN of its channel (RFC 8832 section 6), or come before the application has made the
    # negotiated channel that it is for. These many wait, for each stream and in bytes for all of them.
    max_early_messages: int = 16
    max_early_bytes: int = 256 * 1024
    max_partial_size: int = 256 * 1024  # of a message in deprecated partial messages (RFC 8831 section 6.6)
    # How long a closing channel waits for the peer to reset its own stream (RFC 8831 section 6.7 sets no bound). A peer
    # that has no such channel, which happens where channels are negotiated outside, never does.
    closing_timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.max_channels <= MAX_STREAM_ID:
            raise ValueError(f"max_channels must be within 1 and {MAX_STREAM_ID}")
        for name in ("max_early_messages", "max_early_bytes", "max_partial_size", "closing_timeout"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
