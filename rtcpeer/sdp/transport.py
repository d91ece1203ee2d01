"""What descriptions say about ICE, DTLS, SCTP and BUNDLE, read on demand.

ICE (RFC 8839, 8840), DTLS (RFC 8122, 8842), SCTP (RFC 8841), BUNDLE (RFC 9143). Attributes that a session may state
for all its sections are looked up there when the section is silent. A malformed one raises `SdpSyntaxError` when it is
read, so that a peer's mistake in a section that nobody uses costs nothing.
"""

import re
from enum import Enum
from typing import NamedTuple

from rtcpeer.errors import SdpSyntaxError
from rtcpeer.sdp.model import Attribute, MediaSection, SessionDescription

__all__ = [
    "Direction",
    "FingerprintAttribute",
    "SctpMap",
    "Setup",
    "bundle_groups",
    "candidates",
    "direction",
    "fingerprints",
    "has_end_of_candidates",
    "ice_options",
    "ice_password",
    "ice_username_fragment",
    "is_bundle_only",
    "is_ice_lite",
    "is_rtcp_multiplexed",
    "is_rtcp_reduced_size",
    "max_message_size",
    "mid",
    "sctp_map",
    "sctp_port",
    "setup",
]


class Setup(Enum):
    """Who begins the DTLS handshake (RFC 8842 section 5.1, RFC 4145 section 4)."""

    ACTIVE = "active"
    PASSIVE = "passive"
    ACTPASS = "actpass"
    HOLDCONN = "holdconn"


class Direction(Enum):
    """Which way media flows, seen from who wrote the description (RFC 8866 section 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> "Direction":
        """The direction of a side that sends, receives, does both or neither."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE

    @property
    def sends(self) -> bool:
        """Whether media flows from the side that says this."""
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        """Whether media flows to the side that says this."""
        return self in {Direction.SENDRECV, Direction.RECVONLY}

    @property
    def reversed(self) -> "Direction":
        """The same, seen from the other side."""
        return Direction.of(sends=self.receives, receives=self.sends)

    def __and__(self, other: "Direction") -> "Direction":
        """What both allow, seen from the same side (RFC 9429 section 5.3.1)."""
        return Direction.of(sends=self.sends and other.sends, receives=self.receives and other.receives)


class FingerprintAttribute(NamedTuple):
    """The hash of a certificate: algorithm in lower case, value as upper-case hex with colons (RFC 8122 section 5)."""

    algorithm: str
    value: str


class SctpMap(NamedTuple):
    """``a=sctpmap`` of peers older than RFC 8841."""

    port: int
    application: str
    streams: int | None


_FINGERPRINT = re.compile(r"([A-Za-z0-9-]+) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*) *")


def bundle_groups(description: SessionDescription) -> list[tuple[str, ...]]:
    """The mids of each BUNDLE group, the tagged section's first (RFC 9143 section 7)."""
    groups = []
    for attribute in description.attributes.named("group"):
        semantics, *mids = _text(attribute).split()
        if semantics == "BUNDLE":
            groups.append(tuple(mids))
    return groups


def mid(section: MediaSection) -> str | None:
    """The section's name (RFC 5888 section 4)."""
    attribute = section.attributes.first("mid")
    if attribute is None:
        return None
    value = _text(attribute)
    if " " in value:
        raise _broken(attribute)
    return value


def ice_username_fragment(description: SessionDescription, section: MediaSection) -> str | None:
    """The ufrag; its length is not checked here."""
    return _optional_text(description.inherited(section, "ice-ufrag"))


def ice_password(description: SessionDescription, section: MediaSection) -> str | None:
    """The ICE password; its length is not checked here."""
    return _optional_text(description.inherited(section, "ice-pwd"))


def ice_options(description: SessionDescription, section: MediaSection) -> tuple[str, ...]:
    """The options of the session and of the section (RFC 8839 section 5.6), each once."""
    options: dict[str, None] = {}
    for level in (description, section):
        for attribute in level.attributes.named("ice-options"):
            # libdatachannel separates them with a comma.
            options |= dict.fromkeys((attribute.value or "").replace(",", " ").split())
    return tuple(options)


def is_ice_lite(description: SessionDescription) -> bool:
    """Whether the writer answers checks only (RFC 8839 section 5.3)."""
    return description.attributes.has("ice-lite")


def candidates(section: MediaSection) -> tuple[str, ...]:
    """The values of ``a=candidate``, unread."""
    return tuple(attribute.value for attribute in section.attributes.named("candidate") if attribute.value)


def has_end_of_candidates(description: SessionDescription, section: MediaSection) -> bool:
    """Whether no candidate will follow (RFC 8840 section 4.4.2)."""
    return description.inherited(section, "end-of-candidates") is not None


def fingerprints(description: SessionDescription, section: MediaSection) -> tuple[FingerprintAttribute, ...]:
    """All fingerprints of the section, else all of the session (RFC 8122 section 5)."""
    level = section if section.attributes.has("fingerprint") else description
    return tuple(_fingerprint(attribute) for attribute in level.attributes.named("fingerprint"))


def setup(description: SessionDescription, section: MediaSection) -> Setup | None:
    """The DTLS role that the writer wants."""
    attribute = description.inherited(section, "setup")
    if attribute is None:
        return None
    try:
        return Setup(_text(attribute).strip())
    except ValueError:
        raise _broken(attribute) from None


def sctp_port(section: MediaSection) -> int | None:
    """The port inside DTLS (RFC 8841 section 5)."""
    attribute = section.attributes.first("sctp-port")
    return None if attribute is None else _number(attribute, 65535)


def sctp_map(section: MediaSection) -> SctpMap | None:
    """What older peers send instead of ``a=sctp-port``."""
    attribute = section.attributes.first("sctpmap")
    if attribute is None:
        return None
    fields = _text(attribute).split()
    if len(fields) not in {2, 3} or not all(_is_number(text) for text in (fields[0], *fields[2:])):
        raise _broken(attribute)
    port = int(fields[0])
    if port > 65535:
        raise _broken(attribute)
    return SctpMap(port, fields[1], int(fields[2]) if len(fields) == 3 else None)


def max_message_size(section: MediaSection) -> int | None:
    """The largest message the writer takes; 0 for any (RFC 8841 section 6)."""
    attribute = section.attributes.first("max-message-size")
    return None if attribute is None else _number(attribute, (1 << 64) - 1)


def direction(description: SessionDescription, section: MediaSection) -> Direction:
    """The section's direction, else the session's, else both ways (RFC 8866 section 6.7)."""
    for level in (section, description):
        for value in Direction:
            if level.attributes.has(value.value):
                return value
    return Direction.SENDRECV


def is_rtcp_multiplexed(section: MediaSection) -> bool:
    """Whether RTCP shares RTP's port (RFC 5761)."""
    return section.attributes.has("rtcp-mux")


def is_rtcp_reduced_size(section: MediaSection) -> bool:
    """Whether RTCP packets may come without reports (RFC 5506)."""
    return section.attributes.has("rtcp-rsize")


def is_bundle_only(section: MediaSection) -> bool:
    """Whether the section stands or falls with its bundle (RFC 9143 section 6); a zero port is no rejection then."""
    return section.attributes.has("bundle-only")


def _fingerprint(attribute: Attribute) -> FingerprintAttribute:
    match = _FINGERPRINT.fullmatch(_text(attribute))
    if match is None:
        raise _broken(attribute)
    return FingerprintAttribute(match[1].lower(), match[2].upper())


def _number(attribute: Attribute, maximum: int) -> int:
    text = _text(attribute).strip()
    if not _is_number(text) or int(text) > maximum:
        raise _broken(attribute)
    return int(text)


def _is_number(text: str) -> bool:
    # Twenty digits hold 64 bits; Python refuses to read absurdly long numbers with a ValueError.
    return text.isascii() and text.isdigit() and len(text) <= 20


def _text(attribute: Attribute) -> str:
    if not attribute.value or attribute.value.isspace():
        raise SdpSyntaxError(f"a={attribute.name} lacks its value", attribute.line_number)
    return attribute.value


def _optional_text(attribute: Attribute | None) -> str | None:
    return None if attribute is None else _text(attribute)


def _broken(attribute: Attribute) -> SdpSyntaxError:
    return SdpSyntaxError(f"a={str(attribute)[:80]} is malformed", attribute.line_number)
