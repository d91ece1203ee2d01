"""Keys from the master secret: TLS 1.2's PRF and key block (RFC 5246 sections 5, 6.3), and SRTP's (RFC 5764)."""

import hmac
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["AeadSuite", "RecordKeys", "Secrets", "SrtpKeys", "aead_suite", "record_keys", "srtp_keys", "prf"]


class Secrets(NamedTuple):
    """What a finished key exchange leaves behind."""

    master: bytes
    client_random: bytes
    server_random: bytes

    def __repr__(self) -> str:
        return "Secrets(...)"  # must not end up in a log


class AeadSuite(NamedTuple):
    """An AES-GCM suite, whose records we can protect ourselves (RFC 5288, RFC 5289)."""

    key_length: int
    prf_hash: str


class RecordKeys(NamedTuple):
    """One direction's key and implicit nonce (RFC 5288 section 3)."""

    key: bytes
    salt: bytes

    def __repr__(self) -> str:
        return "RecordKeys(...)"


SALT_LENGTH: Final = 4

# RFC 5764 section 4.1.2, RFC 7714 section 14.2: master key and salt lengths.
SRTP_LENGTHS: Final = {
    "SRTP_AES128_CM_SHA1_80": (16, 14),
    "SRTP_AEAD_AES_128_GCM": (16, 12),
    "SRTP_AEAD_AES_256_GCM": (32, 12),
}


@dataclass(frozen=True, slots=True, repr=False)
class SrtpKeys:
    """Master keys and salts for SRTP, already sorted by direction."""

    profile: str
    local_key: bytes
    local_salt: bytes
    remote_key: bytes
    remote_salt: bytes


def aead_suite(name: str | None) -> AeadSuite | None:
    """The suite by OpenSSL's name, if it is one of AES-GCM."""
    if name is None or not name.startswith("ECDHE-"):
        return None
    if name.endswith("-AES128-GCM-SHA256"):
        return AeadSuite(16, "sha256")
    if name.endswith("-AES256-GCM-SHA384"):
        return AeadSuite(32, "sha384")
    return None


def prf(secret: bytes, label: bytes, seed: bytes, length: int, prf_hash: str) -> bytes:
    """TLS 1.2's pseudo-random function, P_hash (RFC 5246 section 5)."""
    seed = label + seed
    output = b""
    a = seed
    while len(output) < length:
        a = hmac.digest(secret, a, prf_hash)
        output += hmac.digest(secret, a + seed, prf_hash)
    return output[:length]


def record_keys(secrets: Secrets, suite: AeadSuite) -> tuple[RecordKeys, RecordKeys]:
    """The client's and the server's write keys (RFC 5246 section 6.3; AEAD suites have no MAC keys)."""
    size = suite.key_length
    seed = secrets.server_random + secrets.client_random
    block = prf(secrets.master, b"key expansion", seed, 2 * (size + SALT_LENGTH), suite.prf_hash)
    salts = block[2 * size :]
    return (
        RecordKeys(block[:size], salts[:SALT_LENGTH]),
        RecordKeys(block[size : 2 * size], salts[SALT_LENGTH:]),
    )


def srtp_material_length(profile: str) -> int:
    """How many bytes `srtp_keys` wants from the exporter."""
    return 2 * sum(SRTP_LENGTHS[profile])


def srtp_keys(profile: str, material: bytes, *, is_client: bool) -> SrtpKeys:
    """Cut the exporter's bytes in RFC 5764 section 4.2's order: client key, server key, client salt, server salt."""
    key, salt = SRTP_LENGTHS[profile]
    if len(material) != srtp_material_length(profile):
        raise ValueError(f"{profile} needs {srtp_material_length(profile)} bytes, not {len(material)}")
    client_key, server_key = material[:key], material[key : 2 * key]
    client_salt, server_salt = material[2 * key : 2 * key + salt], material[2 * key + salt :]
    if is_client:
        return SrtpKeys(profile, client_key, client_salt, server_key, server_salt)
    return SrtpKeys(profile, server_key, server_salt, client_key, client_salt)
