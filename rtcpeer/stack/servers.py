"""URLs of STUN and TURN servers (RFC 7064 section 3.1, RFC 7065 section 3.1)."""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from rtcpeer.errors import SyntaxError as RTCSyntaxError
from rtcpeer.turn import Credentials

__all__ = ["CredentialAnswer", "CredentialSource", "ServerScheme", "ServerUrl"]

CredentialAnswer = Credentials | tuple[str, str] | tuple[str, str, float]
"""User name and password, and maybe for how many seconds they are good."""
CredentialSource = Callable[[], CredentialAnswer | Awaitable[CredentialAnswer]]
"""What is asked for credentials before a TURN server is asked, and again when they end or are refused."""

# scheme ":" host [":" port] ["?transport=" transport]; an IPv6 address stands in brackets.
_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9_.~-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>[A-Za-z0-9_.~-]+))?",
    re.IGNORECASE,
)


class ServerScheme(Enum):
    """What kind of server a URL names, and whether the way to it is encrypted."""

    STUN = "stun"
    STUNS = "stuns"
    TURN = "turn"
    TURNS = "turns"

    @property
    def is_turn(self) -> bool:
        """Whether the server relays, and so wants credentials."""
        return self in {ServerScheme.TURN, ServerScheme.TURNS}

    @property
    def is_secure(self) -> bool:
        """Whether the server is reached over TLS or DTLS."""
        return self in {ServerScheme.STUNS, ServerScheme.TURNS}


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """One URL of an ``RTCIceServer``, parsed."""

    url: str  # as the program wrote it
    scheme: ServerScheme
    host: str
    port: int
    transport: str  # "udp" or "tcp"
    credentials: Credentials | None = None  # for a TURN server
    credential_source: CredentialSource | None = None  # where they come from, if they are not known yet

    @classmethod
    def parse(cls, url: str, credentials: Credentials | CredentialSource | None = None) -> "ServerUrl":
        """Parse a ``stun:``, ``stuns:``, ``turn:`` or ``turns:`` URL.

        Raises:
            SyntaxError: the URL does not follow its RFC (W3C webrtc-pc section 4.4.1.6).
        """
        match = _URL.fullmatch(url)
        if match is None:
            raise RTCSyntaxError(f"{url!r} is not the URL of an ICE server, such as stun:example.org:3478")
        if match["ipv6"] and not _is_ipv6(match["ipv6"]):
            raise RTCSyntaxError(f"{url!r}: {match['ipv6']!r} is no IPv6 address")
        scheme = ServerScheme(match["scheme"].lower())
        port = int(match["port"]) if match["port"] else 5349 if scheme.is_secure else 3478
        if not 0 < port < 0x10000:
            raise RTCSyntaxError(f"{url!r} names port {port}; ports go from 1 to 65535")
        if match["transport"] and not scheme.is_turn:
            raise RTCSyntaxError(f"{url!r}: only TURN URLs take ?transport=")
        transport = (match["transport"] or ("tcp" if scheme.is_secure else "udp")).lower()
        if transport not in {"udp", "tcp"}:
            raise RTCSyntaxError(f"{url!r}: transport is udp or tcp, not {transport!r}")
        known, source = (None, credentials) if callable(credentials) else (credentials, None)
        return cls(url, scheme, match["ipv6"] or match["host"], port, transport, known, source)

    @property
    def is_stream(self) -> bool:
        """Whether a connection to the server comes before anything is asked."""
        return self.transport == "tcp"

    @property
    def is_dtls(self) -> bool:
        """Whether the server is asked over DTLS."""
        return self.scheme is ServerScheme.TURNS and not self.is_stream


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
