"""User name fragment and password of one side (RFC 8445 section 5.3)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rtcpeer.core import Entropy
from rtcpeer.stun import short_term_key

if TYPE_CHECKING:  # the settings' own checks need what depends on this
    from rtcpeer.ice.settings import IceSettings

__all__ = ["RENOMINATION", "IceParameters", "generate_parameters"]

RENOMINATION = "renomination"  # the option of draft-thatcher-ice-renomination section 3

# ice-char of RFC 8839 section 5.4: 64 of them, so that six random bits choose one without bias.
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass(frozen=True, slots=True)
class IceParameters:
    """What one side tells the other about itself, beside its candidates."""

    username_fragment: str
    password: str
    is_lite: bool = False
    options: tuple[str, ...] = ()
    integrity_key: bytes = field(init=False, repr=False, compare=False)  # from the password (RFC 8489 section 9.1.1)

    def __post_init__(self) -> None:
        """The lengths of RFC 8839 section 5.4; characters beyond ice-char are seen in the field and do no harm."""
        if not 4 <= len(self.username_fragment) <= 256 or ":" in self.username_fragment:
            raise ValueError("username_fragment must have 4 to 256 characters and no colon")
        if not 22 <= len(self.password) <= 256:
            raise ValueError("password must have 22 to 256 characters")
        object.__setattr__(self, "integrity_key", short_term_key(self.password))


def generate_parameters(settings: "IceSettings", entropy: Entropy, *, is_restart: bool = False) -> IceParameters:
    """Fresh credentials for ourselves, as the settings want them; a restart needs others than those that they fix."""
    fragment, password = (None, None) if is_restart else (settings.username_fragment, settings.password)
    return IceParameters(
        fragment or _random_text(settings.username_fragment_length, entropy),
        password or _random_text(settings.password_length, entropy),
        is_lite=settings.lite,
        options=("trickle", RENOMINATION) if settings.renomination else ("trickle",),
    )


def _random_text(length: int, entropy: Entropy) -> str:
    return "".join(_ALPHABET[byte & 0x3F] for byte in entropy(length))
