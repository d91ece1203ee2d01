"""What a DTLS endpoint can be told (RFC 6347, RFC 5764)."""

from dataclasses import dataclass
from typing import Final

__all__ = ["DtlsSettings"]

SRTP_PROFILES: Final = ("SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM", "SRTP_AES128_CM_SHA1_80")

CIPHER_SUITES: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",  # RFC 8827 section 6.5: mandatory, with P-256
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
)


@dataclass(frozen=True, slots=True)
class DtlsSettings:
    """How an endpoint shakes hands and protects records; names of suites and profiles are OpenSSL's."""

    mtu: int = 1200  # bytes of a datagram during the handshake (RFC 6347 section 4.1.1)
    # Deviation: RFC 6347 section 4.2.4.1 says 1 s; a single lost datagram would then dominate the time to connect, and
    # ICE has just measured that the path answers. Doubles like the RFC's.
    retransmit_initial: float = 0.2
    retransmit_max: float = 3.0  # section 4.2.4.1 allows up to 60 s, which is longer than we try at all
    handshake_timeout: float = 30.0  # RFC 6347 leaves giving up to the application
    cipher_suites: tuple[str, ...] = CIPHER_SUITES  # best first (RFC 8827 section 6.5)
    srtp_profiles: tuple[str, ...] = SRTP_PROFILES  # best first (RFC 5764 section 4.1.2); empty: no use_srtp
    replay_window: int = 256  # records (RFC 6347 section 4.1.2.6: at least 32, 64 preferred)
    early_records: int = 64  # records held that overtook the peer's Finished (section 4.1: "MAY ... buffered")
    own_records: bool = True  # AES-GCM records without OpenSSL where that suite was negotiated
    false_start: bool = False  # RFC 7918: the client may seal after its Finished, one round trip earlier

    def __post_init__(self) -> None:
        if not 256 <= self.mtu <= 16384:
            raise ValueError(f"mtu must be between 256 and 16384 bytes, not {self.mtu}")
        if self.retransmit_initial <= 0:
            raise ValueError(f"retransmit_initial must be positive, not {self.retransmit_initial}")
        if self.retransmit_max < self.retransmit_initial:
            raise ValueError(f"retransmit_max must be at least retransmit_initial, not {self.retransmit_max}")
        if self.handshake_timeout <= 0:
            raise ValueError(f"handshake_timeout must be positive, not {self.handshake_timeout}")
        if not self.cipher_suites:
            raise ValueError("cipher_suites must name at least one suite")
        unknown = set(self.srtp_profiles) - set(SRTP_PROFILES)
        if unknown:
            raise ValueError(f"srtp_profiles can not contain {', '.join(sorted(unknown))}")
        if self.replay_window < 64:
            raise ValueError(f"replay_window must be at least 64 records, not {self.replay_window}")
        if self.early_records < 0:
            raise ValueError(f"early_records can not be negative, and is {self.early_records}")
