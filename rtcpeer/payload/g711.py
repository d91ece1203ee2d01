"""PCMU and PCMA (RFC 3551 section 4.5.14): an octet a sample, 8000 samples a second.

`AudioPacketizer` and `AudioDepacketizer` carry the octets.
"""

__all__ = ["BYTES_PER_MS", "CLOCK_RATE_HZ", "PCMA_SILENCE", "PCMU_SILENCE", "duration_ticks"]

CLOCK_RATE_HZ = 8000
BYTES_PER_MS = 8
PCMU_SILENCE, PCMA_SILENCE = 0xFF, 0xD5  # the octet of the smallest positive sample (ITU-T G.711)


def duration_ticks(payload: bytes) -> int:
    """How far the RTP timestamp advances over a payload of one channel."""
    return len(payload)
