"""What goes into a negotiation and what comes out of it, as values."""

from dataclasses import dataclass

from rtcpeer.jsep.signaling import DescriptionType, Side, SignalingState
from rtcpeer.sdp.model import SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = [
    "Applied",
    "DataChannelFacts",
    "Description",
    "LocalTransport",
    "RemoteTransport",
    "Section",
    "Session",
    "Wanted",
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an offer shall contain beyond what is negotiated already."""

    data_channel: bool = False


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our ICE and DTLS parameters, and the candidates of that generation gathered so far."""

    username_fragment: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]  # (algorithm, value) such as ("sha-256", "AB:CD:…")
    options: tuple[str, ...] = ("trickle", "ice2")
    is_lite: bool = False
    candidates: tuple[str, ...] = ()  # with or without "candidate:" in front
    is_end_of_candidates: bool = False


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """The peer's ICE and DTLS parameters, and the candidates that its description held."""

    username_fragment: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]  # (algorithm in lower case, value in upper case); never empty
    options: tuple[str, ...] = ()
    is_lite: bool = False
    setup: Setup | None = None
    candidates: tuple[str, ...] = ()  # values of a=candidate, unread
    is_end_of_candidates: bool = False


@dataclass(frozen=True, slots=True)
class DataChannelFacts:
    """What was negotiated for SCTP (RFC 8841)."""

    mid: str
    remote_port: int
    max_message_size: int  # the largest message that the peer takes, in bytes; 0 for any


@dataclass(frozen=True, slots=True)
class Section:
    """One m-section as the negotiation sees it; its place in the list is its m-line index, for ever."""

    mid: str
    kind: str  # "application", "audio", "video", ...
    protocol: str
    formats: tuple[str, ...]
    is_rejected: bool = False  # by either side, or about to be by our answer; its slot may be used again
    is_bundled: bool = True
    is_mid_signalled: bool = True  # False: the peer knows no mids, and this one is our invention

    @property
    def is_data_channel(self) -> bool:
        """Whether this is a living section for data channels."""
        return self.kind == "application" and not self.is_rejected


@dataclass(frozen=True, slots=True)
class Session:
    """Everything that a pair of descriptions settles; a rollback returns to the Session before."""

    sections: tuple[Section, ...] = ()
    used_mids: frozenset[str] = frozenset()  # also those of recycled sections, which never come back
    is_controlling: bool | None = None  # the ICE role; settled by the first answer and kept (RFC 8445 section 6.1.1)
    is_dtls_client: bool | None = None
    local_credentials: tuple[str, str] | None = None
    remote: RemoteTransport | None = None
    data_channel: DataChannelFacts | None = None

    @property
    def data_section(self) -> Section | None:
        """The living section for data channels, if there is one."""
        return next((section for section in self.sections if section.is_data_channel), None)


@dataclass(frozen=True, slots=True)
class Description:
    """A description that was applied; a local one is kept without its candidates."""

    type: DescriptionType
    sdp: SessionDescription


@dataclass(frozen=True, slots=True)
class Applied:
    """What setting a description has changed, for the owner of the transports to act upon."""

    side: Side
    type: DescriptionType
    state: SignalingState  # the new one
    sections: tuple[Section, ...]
    is_controlling: bool | None  # our ICE role; None while nobody has offered
    is_dtls_client: bool | None  # our DTLS role; None until an answer settles it
    remote: RemoteTransport | None  # None while the peer has not described a transport that is used
    data_channel: DataChannelFacts | None  # None until an answer accepts it, and again when it is closed
    is_data_channel_refused: bool = False  # an answer rejected the section, or a negotiated one was closed
    is_ice_restart: bool = False  # this side's ufrag or password differ from those before
    is_dtls_restart: bool = False  # the peer came with another certificate
    is_rolled_back: bool = False  # a pending offer was taken back, be it implicitly

    @property
    def mids(self) -> tuple[str, ...]:
        """The mids of the sections that live."""
        return tuple(section.mid for section in self.sections if not section.is_rejected)
