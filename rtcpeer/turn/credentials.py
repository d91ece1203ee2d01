"""The long-term credential mechanism as TURN uses it (RFC 8489 section 9.2)."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import AttributeType, StunMessage, long_term_key, user_hash
from rtcpeer.wire import Reader

__all__ = ["Authenticator", "Challenge", "Credentials", "Signature", "time_limited_credentials"]

_MAX_TEXT_BYTES = 763  # RFC 8489 sections 14.9 and 14.10: REALM and NONCE
_NONCE_COOKIE = b"obMatJos2"  # section 9.2
_FEATURE_CHARACTERS = 4  # 24 bits in base64
_PASSWORD_ALGORITHMS_BIT = 1 << 23  # section 18.1: bit 0 is the leftmost
_USERNAME_ANONYMITY_BIT = 1 << 22
_ALGORITHMS = {0x0001: "md5", 0x0002: "sha256"}  # section 18.5


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name with its password; the password is kept out of logs."""

    username: str
    password: str = field(repr=False)


def time_limited_credentials(secret: str, *, expires_at: float, user_id: str = "", separator: str = ":") -> Credentials:
    """Credentials as a TURN server with a shared secret takes them (coturn's ``use-auth-secret``).

    This is draft-uberti-behave-turn-rest: the user name is ``expiry:id``, the password the base64 of its HMAC-SHA1. Who
    has the secret is a server of the program's own; its clients get what this returns, as ``RTCIceServer.credential``
    or from a function there.

    Args:
        secret: what the server has as ``static-auth-secret``.
        expires_at: wall-clock time, seconds since 1970.
        user_id: whom the server accounts the traffic to; without it the user name is the expiry alone.
        separator: coturn's ``rest-api-separator``.
    """
    username = f"{int(expires_at)}{separator}{user_id}" if user_id else str(int(expires_at))
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return Credentials(username, base64.b64encode(digest).decode())


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server wants requests to carry, from a 401 or 438."""

    realm: str
    nonce: bytes
    algorithms: bytes | None = None  # PASSWORD-ALGORITHMS, to be sent back as it came
    algorithm: int = 0x0001  # ours of these
    is_anonymous: bool = False  # USERHASH instead of USERNAME

    @classmethod
    def parse(cls, response: StunMessage, realm: str | None) -> "Challenge":
        """Read the challenge of an error response; ``realm`` is the one known before, where this one has none.

        Raises:
            MalformedPacketError: there is no realm or nonce, they are too long, or no algorithm of theirs is ours.
        """
        nonce = response.value(AttributeType.NONCE)
        realm = response.text(AttributeType.REALM) or realm
        if not nonce or not realm or max(len(nonce), len(realm.encode())) > _MAX_TEXT_BYTES:
            raise MalformedPacketError("a challenge without usable REALM and NONCE")
        features = _security_features(nonce)
        offered = response.value(AttributeType.PASSWORD_ALGORITHMS)
        # Section 9.2.5: somebody on the way may have taken the attribute out, to have us use the weaker algorithm.
        if features & _PASSWORD_ALGORITHMS_BIT and offered is None:
            raise MalformedPacketError("the nonce announces PASSWORD-ALGORITHMS, and there are none")
        algorithm = 0x0001 if offered is None else _choose_algorithm(offered)
        return cls(realm, nonce, offered, algorithm, bool(features & _USERNAME_ANONYMITY_BIT))


class Signature(NamedTuple):
    """What a request was signed with; its response is verified with the same."""

    credentials: Credentials
    challenge: Challenge
    key: bytes

    def verifies(self, response: StunMessage) -> bool:
        """Whether whoever made the response knows the password."""
        return response.verify_integrity(self.key)


class Authenticator:
    """Signs requests with the newest challenge, once there is one."""

    __slots__ = ("_fallback", "challenge", "credentials")

    def __init__(self, credentials: Credentials | None) -> None:
        self.credentials = credentials
        self.challenge: Challenge | None = None
        self._fallback: Credentials | None = None

    def serialize(self, message: StunMessage, *, fingerprint: bool) -> tuple[bytes, Signature | None]:
        """The message as bytes, signed where the server has asked for it."""
        credentials, challenge = self.credentials, self.challenge
        if credentials is None or challenge is None:
            return message.serialize(fingerprint=fingerprint), None
        realm = challenge.realm
        if challenge.is_anonymous:
            message.add(AttributeType.USERHASH, user_hash(credentials.username, realm))
        else:
            message.add_text(AttributeType.USERNAME, credentials.username)
        message.add_text(AttributeType.REALM, realm)
        message.add(AttributeType.NONCE, challenge.nonce)
        name = _ALGORITHMS[challenge.algorithm]
        key = long_term_key(credentials.username, realm, credentials.password, name)
        signature = Signature(credentials, challenge, key)
        if challenge.algorithms is None:
            return message.serialize(key, fingerprint=fingerprint), signature
        # Section 9.2.5: both attributes, and from then on only the stronger integrity.
        message.add(AttributeType.PASSWORD_ALGORITHMS, challenge.algorithms)
        message.add(AttributeType.PASSWORD_ALGORITHM, challenge.algorithm.to_bytes(2, "big") + bytes(2))
        return message.serialize(sha256_key=key, fingerprint=fingerprint), signature

    def replace(self, credentials: Credentials) -> None:
        """Sign with these from now on; those that the allocation was made with are kept to fall back on."""
        if self._fallback is None:
            self._fallback = self.credentials
        self.credentials = credentials

    def fall_back(self) -> bool:
        """Return to the first credentials, since the server holds on to them (RFC 8656 section 5); False if in use."""
        fallback, self._fallback = self._fallback, None
        if fallback is None or fallback == self.credentials:
            return False
        self.credentials = fallback
        return True


def _security_features(nonce: bytes) -> int:
    """The 24 bits behind the nonce cookie (RFC 8489 section 9.2); none without it."""
    encoded = nonce[len(_NONCE_COOKIE) :][:_FEATURE_CHARACTERS]
    if not nonce.startswith(_NONCE_COOKIE) or len(encoded) < _FEATURE_CHARACTERS:
        return 0
    try:
        return int.from_bytes(base64.b64decode(encoded, validate=True), "big")
    except binascii.Error:
        return 0


def _choose_algorithm(offered: bytes) -> int:
    """The first algorithm of the list that we have (RFC 8489 sections 9.2.5 and 14.11)."""
    reader = Reader(offered)
    while reader.remaining:
        number, length = reader.uint16(), reader.uint16()
        reader.take(length)
        reader.take(min(-length % 4, reader.remaining))
        if number in _ALGORITHMS and not length:
            return number
    raise MalformedPacketError("none of the server's password algorithms is ours")
