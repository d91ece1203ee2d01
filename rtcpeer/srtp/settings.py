"""What a program may decide about SRTP."""

from dataclasses import dataclass

__all__ = ["SrtpSettings"]


@dataclass(frozen=True, slots=True)
class SrtpSettings:
    """Sections are those of RFC 3711."""

    replay_window: int = 1024  # packets; section 3.3.2 asks for 64 at least, which a burst of video reorders past
    # Sources that the peer may send under, RTP and RTCP together. Each costs state for as long as the session lives.
    max_incoming_ssrcs: int = 1024

    def __post_init__(self) -> None:
        """Refuse what SRTP can not do."""
        # libsrtp takes 64 to 0x7fff: beyond, a late packet can not be told from one after the counter has wrapped.
        if not 64 <= self.replay_window < 0x8000:
            raise ValueError("replay_window must be 64 to 32767")
        if self.max_incoming_ssrcs < 1:
            raise ValueError("max_incoming_ssrcs must be at least 1")
