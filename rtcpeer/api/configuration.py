"""What a peer connection is configured with: the W3C's dictionary, and the settings the W3C has no name for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from rtcpeer.aio.tcp_mux import TcpMux
from rtcpeer.aio.udp_mux import UdpMux
from rtcpeer.api.dtls import RTCCertificate
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.errors import InvalidAccessError, InvalidModificationError, NotSupportedError
from rtcpeer.errors import SyntaxError as RTCSyntaxError
from rtcpeer.ice.settings import IceSettings
from rtcpeer.jsep.capabilities import MediaCapabilities
from rtcpeer.media.settings import CodecSettings
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.stack.servers import CredentialSource, ServerUrl
from rtcpeer.turn import Credentials, TurnSettings

if TYPE_CHECKING:
    from rtcpeer.rtp.settings import MediaSettings
    from rtcpeer.srtp.settings import SrtpSettings

__all__ = ["RTCBundlePolicy", "RTCConfiguration", "RTCIceServer", "RTCIceTransportPolicy", "Settings"]


class RTCBundlePolicy(StrEnum):
    """The values of ``bundlePolicy``, for programs that prefer names to strings, as aiortc's do."""

    BALANCED = "balanced"
    MAX_COMPAT = "max-compat"
    MAX_BUNDLE = "max-bundle"


class RTCIceTransportPolicy(StrEnum):
    """The values of ``iceTransportPolicy``, likewise."""

    ALL = "all"
    RELAY = "relay"


@dataclass(frozen=True)
class RTCIceServer:
    """A STUN or TURN server (W3C webrtc-pc section 4.2.2).

    Args:
        urls: one URL or several, ``stun:host[:port]`` or ``turn[s]:host[:port][?transport=udp|tcp]``; ``turns:`` is
            TLS, and with ``transport=udp`` DTLS.
        username: for TURN.
        credential: for TURN; or in place of both a function, plain or a coroutine's, that returns
            ``(username, credential)`` and maybe, third, for how many seconds they are good. It is called once for each
            gathering, before those seconds are over, and when the server takes the credentials no longer.
            `time_limited_credentials` are for servers with a shared secret.
        credentialType: only ``"password"``.
    """

    urls: str | Sequence[str]
    username: str | None = None
    credential: str | CredentialSource | None = field(default=None, repr=False)
    credentialType: str = "password"

    def parsed_urls(self) -> list[ServerUrl]:
        """The URLs, checked.

        Raises:
            SyntaxError: a URL is malformed, or there is none.
            InvalidAccessError: a TURN URL without username and credential, or without a function that makes them.
            NotSupportedError: a credential type that nobody implements.
        """
        urls = [self.urls] if isinstance(self.urls, str) else list(self.urls)

        if not urls:
            raise RTCSyntaxError("an RTCIceServer needs at least one URL")
        if self.credentialType != "password":
            raise NotSupportedError(f"credentialType is 'password', not {self.credentialType!r}")
        credentials = self._credentials()
        parsed = [ServerUrl.parse(url, credentials) for url in urls]
        for url in parsed:
            if url.scheme.is_turn and credentials is None:
                raise InvalidAccessError(f"{url.url} is a TURN server and needs a username and a credential")
        return parsed

    def _credentials(self) -> Credentials | CredentialSource | None:
        if callable(self.credential):
            return self.credential
        return Credentials(self.username, self.credential) if self.username and self.credential else None


@dataclass(frozen=True)
class RTCConfiguration:
    """The W3C's configuration dictionary (webrtc-pc section 4.2.1); plain dicts are taken as well.

    Args:
        iceServers: none is contacted that is not listed here.
        iceTransportPolicy: which candidates may be used; ``"all"`` or ``"relay"``.
        bundlePolicy: ``"balanced"``, one transport is offered, and others are made where the peer does not bundle;
            ``"max-compat"``, each section is offered with its own; ``"max-bundle"``, what is not bundled is rejected.
        rtcpMuxPolicy: only ``"require"``.
        certificates: at most one is used; made for this connection when empty.
        iceCandidatePoolSize: 0 to 255.
    """

    iceServers: Sequence[RTCIceServer | Mapping[str, Any]] = ()
    iceTransportPolicy: Literal["all", "relay"] | RTCIceTransportPolicy = "all"
    bundlePolicy: Literal["balanced", "max-compat", "max-bundle"] | RTCBundlePolicy = "balanced"
    rtcpMuxPolicy: Literal["require"] = "require"
    certificates: Sequence[RTCCertificate] = ()
    iceCandidatePoolSize: int = 0

    def __post_init__(self) -> None:
        servers = tuple(
            server if isinstance(server, RTCIceServer) else RTCIceServer(**server) for server in self.iceServers or ()
        )
        object.__setattr__(self, "iceServers", servers)
        object.__setattr__(self, "certificates", tuple(self.certificates or ()))
        _one_of("iceTransportPolicy", self.iceTransportPolicy, tuple(RTCIceTransportPolicy))
        _one_of("bundlePolicy", self.bundlePolicy, tuple(RTCBundlePolicy))
        for name in ("iceTransportPolicy", "bundlePolicy"):
            object.__setattr__(self, name, str(getattr(self, name)))
        _one_of("rtcpMuxPolicy", self.rtcpMuxPolicy, ("require",))
        if not 0 <= self.iceCandidatePoolSize <= 255:
            raise TypeError(f"iceCandidatePoolSize is 0 to 255, not {self.iceCandidatePoolSize}")

    @classmethod
    def of(cls, configuration: "RTCConfiguration | Mapping[str, Any] | None") -> "RTCConfiguration":
        """The configuration from an object, a dictionary in the browser's form, or nothing.

        Raises:
            TypeError: an unknown member, or a value outside its enumeration.
        """
        if configuration is None:
            return cls()
        if isinstance(configuration, RTCConfiguration):
            return configuration
        known = {f.name for f in fields(cls)}
        unknown = set(configuration) - known
        if unknown:
            raise TypeError(f"RTCConfiguration has no member {', '.join(sorted(unknown))}")
        return cls(**configuration)

    def modified(self, new: "RTCConfiguration", *, is_pool_fixed: bool) -> "RTCConfiguration":
        """``new``, with our certificates where it has none (W3C webrtc-pc section 4.4.1.6).

        Raises:
            InvalidModificationError: something differs that must not any more.
        """
        for name in ("bundlePolicy", "rtcpMuxPolicy"):
            if getattr(new, name) != getattr(self, name):
                raise InvalidModificationError(f"{name} is {getattr(self, name)!r} and can not be changed")
        if new.certificates and new.certificates != self.certificates:
            raise InvalidModificationError("the certificates of a connection can not be changed")
        if is_pool_fixed and new.iceCandidatePoolSize != self.iceCandidatePoolSize:
            raise InvalidModificationError("iceCandidatePoolSize can not be changed after a local description was set")
        return replace(new, certificates=self.certificates)

    def server_urls(self) -> list[ServerUrl]:
        """Every URL of every server, checked; see `RTCIceServer.parsed_urls` for what is raised."""
        return [url for server in self.iceServers if isinstance(server, RTCIceServer) for url in server.parsed_urls()]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the browser has no knob for; one part for each protocol, and what connections may share."""

    ice: IceSettings = field(default_factory=IceSettings)
    dtls: DtlsSettings = field(default_factory=DtlsSettings)
    sctp: SctpSettings = field(default_factory=SctpSettings)
    turn: TurnSettings = field(default_factory=TurnSettings)
    media: "MediaSettings | None" = None  # RTP; None for the defaults, which a program without media does not import
    srtp: "SrtpSettings | None" = None  # likewise
    codecs: CodecSettings = field(default_factory=CodecSettings)
    capabilities: MediaCapabilities | None = None  # codecs and header extensions; None: what PyAV has here
    udp_mux: UdpMux | None = None  # the program's to close
    tcp_mux: TcpMux | None = None  # the program's to close

    def configured(self, configuration: RTCConfiguration) -> "Settings":
        """These, with what the configuration says of it: the W3C's transport policy is one of our ICE settings."""
        if configuration.iceTransportPolicy == "all":
            return self
        return replace(self, ice=replace(self.ice, transport_policy="relay"))


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise TypeError(f"{name} is one of {', '.join(allowed)}, not {value!r}")
