"""What descriptions say about codecs, streams and header extensions, read on demand.

RTP maps and formats (RFC 8866 section 6), feedback (RFC 4585), header extensions (RFC 8285), sources (RFC 5576),
streams (RFC 8830), rids and simulcast (RFC 8851, 8853). Malformed lines raise `SdpSyntaxError` when they are read.
"""

from collections.abc import Iterator
from typing import NamedTuple

from rtcpeer.errors import SdpSyntaxError
from rtcpeer.sdp.model import Attribute, MediaSection

__all__ = [
    "FormatParameters",
    "HeaderExtension",
    "MediaStreamId",
    "Rid",
    "RtcpFeedback",
    "RtpMap",
    "Simulcast",
    "SimulcastRid",
    "Source",
    "SourceGroup",
    "feedback",
    "format_parameters",
    "header_extensions",
    "media_stream_ids",
    "rids",
    "rtp_maps",
    "simulcast",
    "source_groups",
    "sources",
]


class RtpMap(NamedTuple):
    """``a=rtpmap``: what a payload type stands for."""

    payload_type: int
    encoding: str
    clock_rate_hz: int
    channels: int = 1


class FormatParameters(NamedTuple):
    """``a=fmtp``: parameters of a payload type, in the codec's own notation."""

    payload_type: int
    text: str

    @property
    def parameters(self) -> dict[str, str]:
        """``key=value`` pairs, keys in lower case; a bare word is a key without value."""
        pairs = (item.strip().partition("=") for item in self.text.split(";") if item.strip())
        return {key.strip().lower(): value.strip() for key, _, value in pairs}


class RtcpFeedback(NamedTuple):
    """``a=rtcp-fb``: a feedback message that may be sent; ``payload_type`` None for all (``*``)."""

    payload_type: int | None
    kind: str
    parameter: str = ""


class HeaderExtension(NamedTuple):
    """``a=extmap``: the id of an RTP header extension."""

    id: int
    uri: str
    direction: str | None = None
    attributes: str = ""


class Source(NamedTuple):
    """One attribute of an SSRC (``a=ssrc``)."""

    ssrc: int
    name: str
    value: str | None = None


class SourceGroup(NamedTuple):
    """SSRCs that belong together (``a=ssrc-group``), such as a stream and its retransmission (FID)."""

    semantics: str
    ssrcs: tuple[int, ...]


class MediaStreamId(NamedTuple):
    """``a=msid``: the stream (``-`` for none) and, where given, the track."""

    stream: str
    track: str | None = None


class Rid(NamedTuple):
    """``a=rid``: a restricted encoding of a section."""

    id: str
    direction: str
    restrictions: str = ""


class SimulcastRid(NamedTuple):
    """One choice within a simulcast stream."""

    rid: str
    is_paused: bool = False


class Simulcast(NamedTuple):
    """``a=simulcast``: streams of alternatives, for each direction."""

    send: tuple[tuple[SimulcastRid, ...], ...] = ()
    receive: tuple[tuple[SimulcastRid, ...], ...] = ()


def rtp_maps(section: MediaSection) -> list[RtpMap]:
    """The codecs, in the order of their lines; payload types that the m-line lacks included."""
    maps = []
    for attribute, fields in _fields(section, "rtpmap", 2):
        encoding, *numbers = fields[1].split("/")
        if not encoding or len(numbers) not in {1, 2}:
            raise _broken(attribute)
        values = [_integer(number, 0xFFFFFFFF, attribute) for number in numbers]
        maps.append(RtpMap(_payload_type(fields[0], attribute), encoding, *values))
    return maps


def format_parameters(section: MediaSection) -> list[FormatParameters]:
    """The parameters of codecs."""
    return [
        FormatParameters(_payload_type(fields[0], attribute), fields[1].strip())
        for attribute, fields in _fields(section, "fmtp", 2)
    ]


def feedback(section: MediaSection) -> list[RtcpFeedback]:
    """The feedback for payload types that the m-line has; Firefox leaves lines for others."""
    wanted = []
    for attribute, fields in _fields(section, "rtcp-fb", 2):
        if fields[0] != "*" and fields[0] not in section.formats:
            continue
        payload_type = None if fields[0] == "*" else _payload_type(fields[0], attribute)
        kind, _, parameter = fields[1].strip().partition(" ")
        wanted.append(RtcpFeedback(payload_type, kind, parameter.strip()))
    return wanted


def header_extensions(section: MediaSection) -> list[HeaderExtension]:
    """The header extensions (RFC 8285 section 8); ids up to 14 fit the one-byte form."""
    extensions = []
    for attribute, fields in _fields(section, "extmap", 2):
        number, slash, direction = fields[0].partition("/")
        uri, _, parameters = fields[1].partition(" ")
        if slash and direction not in {"sendrecv", "sendonly", "recvonly", "inactive"}:
            raise _broken(attribute)
        extensions.append(
            HeaderExtension(_integer(number, 4351, attribute), uri, direction if slash else None, parameters.strip())
        )
    return extensions


def sources(section: MediaSection) -> list[Source]:
    """The attributes of SSRCs, in order."""
    found = []
    for attribute, fields in _fields(section, "ssrc", 2):
        name, colon, value = fields[1].partition(":")
        found.append(Source(_integer(fields[0], 0xFFFFFFFF, attribute), name, value if colon else None))
    return found


def source_groups(section: MediaSection) -> list[SourceGroup]:
    """The groups of SSRCs."""
    return [
        SourceGroup(fields[0], tuple(_integer(text, 0xFFFFFFFF, attribute) for text in fields[1].split()))
        for attribute, fields in _fields(section, "ssrc-group", 2)
    ]


def media_stream_ids(section: MediaSection) -> list[MediaStreamId]:
    """The streams that the section's track is in."""
    return [MediaStreamId(*" ".join(fields).split()[:2]) for _, fields in _fields(section, "msid", 1)]


def rids(section: MediaSection) -> list[Rid]:
    """The restricted encodings."""
    found = []
    for attribute, fields in _fields(section, "rid", 2):
        direction, _, restrictions = fields[1].partition(" ")
        if direction not in {"send", "recv"}:
            raise _broken(attribute)
        found.append(Rid(fields[0], direction, restrictions.strip()))
    return found


def simulcast(section: MediaSection) -> Simulcast | None:
    """The simulcast streams of both directions; ``~`` marks those that begin paused."""
    attribute = section.attributes.first("simulcast")
    if attribute is None:
        return None
    words = (attribute.value or "").split()
    lists = dict(zip(words[::2], words[1::2], strict=False))
    if len(words) not in {2, 4} or len(lists) * 2 != len(words) or not lists.keys() <= {"send", "recv"}:
        raise _broken(attribute)
    return Simulcast(_streams(lists.get("send"), attribute), _streams(lists.get("recv"), attribute))


def _streams(text: str | None, attribute: Attribute) -> tuple[tuple[SimulcastRid, ...], ...]:
    if text is None:
        return ()
    streams = tuple(
        tuple(SimulcastRid(rid.removeprefix("~"), rid.startswith("~")) for rid in alternatives.split(","))
        for alternatives in text.split(";")
    )
    if not all(choice.rid for stream in streams for choice in stream):
        raise _broken(attribute)
    return streams


def _fields(section: MediaSection, name: str, minimum: int) -> Iterator[tuple[Attribute, list[str]]]:
    """Each attribute of that name with its first word and the rest."""
    for attribute in section.attributes.named(name):
        fields = (attribute.value or "").strip().split(" ", 1)
        if len(fields) < minimum or not fields[0] or not fields[-1].strip():
            raise _broken(attribute)
        fields[-1] = fields[-1].lstrip()
        yield attribute, fields


def _payload_type(text: str, attribute: Attribute) -> int:
    return _integer(text, 127, attribute)


def _integer(text: str, maximum: int, attribute: Attribute) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > maximum:
        raise _broken(attribute)
    return int(text)


def _broken(attribute: Attribute) -> SdpSyntaxError:
    return SdpSyntaxError(f"a={str(attribute)[:80]} is malformed", attribute.line_number)
