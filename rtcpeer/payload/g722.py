"""G.722 (RFC 3551 section 4.5.2): 64 kbit/s, an octet for two samples of 16 kHz.

The RTP clock runs at 8000 Hz although there are 16000 samples a second: RFC 1890 said so by mistake, and it stayed.
`AudioPacketizer` and `AudioDepacketizer` carry the octets.
"""

__all__ = ["BYTES_PER_MS", "CLOCK_RATE_HZ", "SAMPLE_RATE_HZ", "duration_ticks", "sample_count"]

CLOCK_RATE_HZ = 8000
SAMPLE_RATE_HZ = 16000
BYTES_PER_MS = 8


def duration_ticks(payload: bytes) -> int:
    """How far the RTP timestamp advances over a payload: one tick of the clock an octet."""
    return len(payload)


def sample_count(payload: bytes) -> int:
    """How many samples come out of a decoder, at `SAMPLE_RATE_HZ`."""
    return 2 * len(payload)
