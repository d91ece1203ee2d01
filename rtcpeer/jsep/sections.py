"""The m-sections that this side writes, and which it understands (RFC 9429 sections 5.2.1, 5.3.1; RFC 8841)."""

from collections.abc import Mapping, Sequence

from rtcpeer.jsep.candidates import DISCARD_PORT
from rtcpeer.jsep.facts import LocalTransport, Section
from rtcpeer.jsep.rtp_sections import rtp_attributes
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.sdp.model import Attributes, Connection, MediaSection, SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = ["assemble", "described_media", "is_data_channel_media", "is_legacy", "rejected_media"]

_PROTOCOLS = frozenset({"UDP/DTLS/SCTP", "TCP/DTLS/SCTP"})
_LEGACY_PROTOCOL = "DTLS/SCTP"  # draft-ietf-mmusic-sctp-sdp-07 and older peers
_LEGACY_STREAMS = 65535


def is_data_channel_media(media: MediaSection) -> bool:
    """Whether the section describes data channels in a way that we speak."""
    if media.kind != "application":
        return False
    if media.protocol in _PROTOCOLS:
        return "webrtc-datachannel" in media.formats
    return media.protocol == _LEGACY_PROTOCOL


def is_legacy(section: Section) -> bool:
    """Whether the peer writes the SCTP port as a format and ``a=sctpmap`` (before RFC 8841)."""
    return section.protocol == _LEGACY_PROTOCOL


def assemble(sections: Sequence[Section], media: tuple[MediaSection, ...], local: LocalTransport) -> SessionDescription:
    """A description of the sections, its o= line still to come, with their groups (RFC 9143 section 7.2)."""
    groups: dict[int, list[str]] = {}
    for section in sections:
        if section.group is not None and not section.is_rejected:
            groups.setdefault(section.group, []).append(section.mid)
    # Deviation: no a=tls-id (RFC 8842 section 4); no browser sends or reads it, fingerprints tell associations apart.
    attributes = Attributes.of(*(("group", f"BUNDLE {' '.join(mids)}") for mids in groups.values()))
    if local.options:
        attributes = attributes.plus([("ice-options", " ".join(local.options))])
    if local.is_lite:
        attributes = attributes.plus(["ice-lite"])
    return SessionDescription(attributes=attributes, media=media)


def described_media(
    section: Section,
    transports: Mapping[int, LocalTransport],
    setups: Mapping[int, Setup],
    settings: NegotiationSettings,
    *,
    is_offer: bool,
) -> MediaSection:
    """A section as our description has it, without candidates."""
    if section.is_rejected:
        return rejected_media(section)
    local, setup = transports[section.transport], setups[section.transport]
    transport = Attributes.of(
        *_mid(section),
        ("ice-ufrag", local.username_fragment),
        ("ice-pwd", local.password),
        *(("fingerprint", f"{algorithm} {value}") for algorithm, value in local.fingerprints),
        ("setup", setup.value),
    )
    if section.is_bundle_only:
        transport = transport.plus(["bundle-only"])
    if section.local is None:
        return _data_channel_media(section, transport, settings)
    return MediaSection(
        section.kind,
        _port(section),
        section.protocol,
        tuple(str(codec.payload_type) for codec in section.local.codecs),
        connections=(Connection(),),
        attributes=transport.plus(rtp_attributes(section.local, is_offer=is_offer)),
    )


def _data_channel_media(section: Section, attributes: Attributes, settings: NegotiationSettings) -> MediaSection:
    formats = section.formats
    if is_legacy(section):
        formats = (str(settings.sctp_port),)
        attributes = attributes.plus([("sctpmap", f"{settings.sctp_port} webrtc-datachannel {_LEGACY_STREAMS}")])
    else:
        attributes = attributes.plus([("sctp-port", settings.sctp_port)])
    attributes = attributes.plus([("max-message-size", settings.max_message_size)])
    return MediaSection(
        section.kind, _port(section), section.protocol, formats, connections=(Connection(),), attributes=attributes
    )


def rejected_media(section: Section) -> MediaSection:
    """A section with port zero; its formats are the other side's (RFC 3264 section 6)."""
    attributes = Attributes.of(*_mid(section), "inactive")
    return MediaSection(
        section.kind, 0, section.protocol, section.formats, connections=(Connection(),), attributes=attributes
    )


def _port(section: Section) -> int:
    return 0 if section.is_bundle_only else DISCARD_PORT


def _mid(section: Section) -> list[tuple[str, str]]:
    return [("mid", section.mid)] if section.is_mid_signalled else []
