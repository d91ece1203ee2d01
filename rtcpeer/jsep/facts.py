"""What goes into a negotiation and what comes out of it, as values."""

from dataclasses import dataclass

from rtcpeer.jsep.capabilities import CodecCapability
from rtcpeer.jsep.codec_matching import CodecIdentity
from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.jsep.signaling import DescriptionType, Side, SignalingState
from rtcpeer.rtp.parameters import EncodingParameters, Kind, ReceiveParameters, SendParameters
from rtcpeer.sdp.model import SessionDescription
from rtcpeer.sdp.transport import Direction, Setup

__all__ = [
    "Applied",
    "DataChannelFacts",
    "Description",
    "LocalTransport",
    "MediaFacts",
    "RemoteTransport",
    "Section",
    "Session",
    "TransceiverWish",
    "TransportFacts",
    "Wanted",
]


@dataclass(frozen=True, slots=True)
class TransceiverWish:
    """A transceiver of ours as it is now (W3C webrtc-pc section 5.4), for offers and answers to say.

    Which section it is associated with, the negotiation knows by its key.
    """

    key: int  # the owner's choice from 0 up; a transceiver that a remote offer has made keeps its negative key
    kind: Kind
    direction: Direction = Direction.SENDRECV
    stream_ids: tuple[str, ...] = ()  # of the sender, for a=msid
    track_id: str | None = None  # likewise; not that of another transceiver, which Chromium would refuse
    encodings: tuple[EncodingParameters, ...] = ()  # several with rids are simulcast; none where we never send
    codec_preferences: tuple[CodecCapability, ...] = ()  # of our capabilities, those to use, the best first; () is all
    receive_rids: tuple[str, ...] = ()  # simulcast that we ask the peer for in offers (RFC 8853); a browser has none
    is_from_add_track: bool = False  # made by addTrack, or given its track by that: a remote offer may use it
    has_sent: bool = False  # once it was negotiated to; its SSRCs stay announced while it pauses
    # stop() was called. It must be listed until `Applied.stopped` has it, or until a stable state finds it without a
    # section: then no negotiation has known it.
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What descriptions shall contain beyond what is negotiated already."""

    data_channel: bool = False
    transceivers: tuple[TransceiverWish, ...] = ()  # all, in the order in which they came to be
    cname: str = ""  # of our RTP streams (RFC 7022)


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our ICE and DTLS parameters of one transport, and the candidates of that generation gathered so far."""

    username_fragment: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]  # (algorithm, value) such as ("sha-256", "AB:CD:…")
    options: tuple[str, ...] = ("trickle", "ice2")
    is_lite: bool = False
    candidates: tuple[str, ...] = ()  # with or without "candidate:" in front
    is_end_of_candidates: bool = False
    key: int = 0  # of the transport


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
class TransportFacts:
    """A transport: that of a BUNDLE group, or of one section which is in no group or not yet known to be bundled."""

    key: int  # from 0 up; it stays the same as long as the transport is needed
    mids: tuple[str, ...] = ()  # of the sections that it carries; none while an exchange that ends them is pending
    local_credentials: tuple[str, str] | None = None  # what our newest description says
    remote: RemoteTransport | None = None  # None while the peer has not described it
    is_dtls_client: bool | None = None  # None until an answer settles it


@dataclass(frozen=True, slots=True)
class DataChannelFacts:
    """What was negotiated for SCTP (RFC 8841)."""

    mid: str
    remote_port: int
    max_message_size: int  # the largest message that the peer takes, in bytes; 0 for any


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What is known about one transceiver that is associated with a living section of audio or video.

    ``send`` and ``receive`` are in force now: until an answer they are those of the exchange before, but what our own
    offer announces may come in at once. Provisional answers count like final ones.
    """

    transceiver: int  # its key: that of a wish, or a new one below zero when the remote offer has made it
    kind: Kind
    mid: str
    index: int  # of its m-section
    current_direction: Direction | None = None  # None before the first answer
    remote_direction: Direction | None = None  # in the peer's newest description, seen from our side
    remote_stream_ids: tuple[str, ...] = ()  # of the track that the peer sends
    remote_track_id: str | None = None
    requested_rids: tuple[str, ...] = ()  # simulcast that a remote offer asks us for; our answer may have no others
    send: SendParameters | None = None
    receive: ReceiveParameters | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One m-section as the negotiation sees it; its place in the list is its m-line index, for ever."""

    mid: str
    kind: str  # "application", "audio", "video", ...
    protocol: str
    formats: tuple[str, ...]
    is_rejected: bool = False  # by either side, or about to be by our answer; its slot may be used again
    transport: int = 0  # the key of the one that carries it
    # The BUNDLE group that it is in, by the key of the transport that its members share, or will if the peer agrees.
    group: int | None = 0
    is_bundle_only: bool = (
        False  # our offer is to be accepted within the BUNDLE group or not at all (RFC 9143 section 6)
    )
    is_mid_signalled: bool = True  # False: the peer knows no mids, and this one is our invention
    media: MediaFacts | None = None  # of audio and video while the section lives
    local: RtpDescription | None = None  # what our newest description says of audio or video
    remote: RtpDescription | None = None  # what the peer's newest description says

    @property
    def is_data_channel(self) -> bool:
        """Whether this is a living section for data channels."""
        return self.kind == "application" and not self.is_rejected

    @property
    def transceiver(self) -> int | None:
        """The key of the transceiver that a living section of audio or video belongs to."""
        return None if self.media is None or self.is_rejected else self.media.transceiver


@dataclass(frozen=True, slots=True)
class Session:
    """Everything that a pair of descriptions settles; a rollback returns to the Session before."""

    sections: tuple[Section, ...] = ()
    used_mids: frozenset[str] = frozenset()  # also those of recycled sections, which never come back
    is_controlling: bool | None = None  # the ICE role; settled by the first answer and kept (RFC 8445 section 6.1.1)
    transports: tuple[TransportFacts, ...] = ()  # in the order of their sections
    data_channel: DataChannelFacts | None = None
    payload_types: tuple[tuple[int, CodecIdentity], ...] = ()  # what each stands for, in all sections, for good
    extension_ids: tuple[tuple[str, int], ...] = ()  # by URI, likewise
    made: frozenset[int] = frozenset()  # transceivers that came to be with the pending remote offer

    @property
    def remote(self) -> RemoteTransport | None:
        """The peer's side of the first transport."""
        return self.transports[0].remote if self.transports else None

    def transport(self, key: int) -> TransportFacts:
        """What is known of it; nothing, where it is new."""
        return next((each for each in self.transports if each.key == key), TransportFacts(key))

    @property
    def transceivers(self) -> frozenset[int]:
        """The keys of those that have a living section."""
        return frozenset(section.transceiver for section in self.sections if section.transceiver is not None)

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
    transports: tuple[TransportFacts, ...]  # those that are needed; what is not among them any more can be closed
    data_channel: DataChannelFacts | None  # None until an answer accepts it, and again when it is closed
    is_data_channel_refused: bool = False  # an answer rejected the section, or a negotiated one was closed
    ice_restarts: frozenset[int] = frozenset()  # transports whose ufrag or password differ, on this side, from before
    dtls_restarts: frozenset[int] = frozenset()  # transports to which the peer came with another certificate
    is_rolled_back: bool = False  # a pending offer was taken back, be it implicitly
    stopped: tuple[int, ...] = ()  # transceivers whose sections this answer has ended
    # Transceivers that a remote offer had made which is now rolled back. They are no more, unless addTrack has given
    # them a track meanwhile (RFC 9429 section 4.1.10.2); those stay without a section.
    removed: tuple[int, ...] = ()

    @property
    def remote(self) -> RemoteTransport | None:
        """The peer's side of the first transport."""
        return self.transports[0].remote if self.transports else None

    @property
    def is_dtls_client(self) -> bool | None:
        """Our DTLS role in the first transport; None until an answer settles it."""
        return self.transports[0].is_dtls_client if self.transports else None

    @property
    def is_ice_restart(self) -> bool:
        """Whether this description restarts ICE in any transport."""
        return bool(self.ice_restarts)

    @property
    def is_dtls_restart(self) -> bool:
        """Whether the peer came with another certificate to any transport."""
        return bool(self.dtls_restarts)

    @property
    def mids(self) -> tuple[str, ...]:
        """The mids of the sections that live."""
        return tuple(section.mid for section in self.sections if not section.is_rejected)

    @property
    def media(self) -> tuple[MediaFacts, ...]:
        """Every transceiver that has a living section, in the order of the sections; the others have no mid."""
        return tuple(section.media for section in self.sections if section.media and not section.is_rejected)
