"""Keys for MESSAGE-INTEGRITY from user names and passwords (RFC 8489 section 9)."""

import hashlib
import unicodedata

__all__ = ["long_term_key", "short_term_key", "user_hash"]


def short_term_key(password: str) -> bytes:
    """The key of the short-term mechanism, which ICE uses (section 9.1.1)."""
    return _opaque_string(password).encode()


def long_term_key(username: str, realm: str, password: str, algorithm: str = "md5") -> bytes:
    """The key of the long-term mechanism, which TURN uses (sections 9.2.2 and 18.5.1); ``algorithm`` md5 or sha256."""
    text = f"{username}:{_opaque_string(realm)}:{_opaque_string(password)}".encode()
    # MD5 is what the protocol prescribes unless the server offers better; the HMAC over it is what protects.
    return hashlib.new(algorithm, text, usedforsecurity=False).digest()


def user_hash(username: str, realm: str) -> bytes:
    """The value of USERHASH (section 14.4)."""
    return hashlib.sha256(f"{_opaque_string(username)}:{_opaque_string(realm)}".encode()).digest()


def _opaque_string(text: str) -> str:
    """The OpaqueString profile (RFC 8265 section 4.2): any space becomes U+0020, then NFC."""
    if text.isascii():  # every ICE password
        return text
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    return unicodedata.normalize("NFC", spaced)
