"""Sections of audio and video as text and as `RtpDescription` (RFC 9429 sections 5.2.1 and 5.3.1, RFC 8866).

Codecs with formats and feedback (RFC 8866, 4585), header extensions (RFC 8285), msid (RFC 8830), SSRCs (RFC 5576),
rids and simulcast (RFC 8851, 8853), RTCP (RFC 5761, 5506).
"""

import re
from collections.abc import Iterator, Sequence

from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.rtp.parameters import CodecParameters, Kind
from rtcpeer.sdp import media as sdp
from rtcpeer.sdp import transport
from rtcpeer.sdp.media import RtpMap
from rtcpeer.sdp.model import MediaSection, SessionDescription

__all__ = ["is_rtp_media", "media_kind", "read_rtp", "rtp_attributes"]

# RFC 9429 section 5.1.2: peers write any of these, and all mean SRTP with keys from DTLS.
_PROTOCOL = re.compile(r"((UDP|TCP)/(TLS|DTLS)/)?RTP/S?AVPF?", re.ASCII)
_RID = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)  # RFC 8851 section 10
_USUAL_PACKET_TIME_MS = 20  # RFC 3551 section 4.2, RFC 7587 section 4.2

# RFC 3551 section 6: these need no a=rtpmap.
_STATIC = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000), 13: ("CN", 8000)}

_Line = str | tuple[str, str]


def media_kind(section: MediaSection) -> Kind | None:
    """Whether it is audio or video."""
    match section.kind:
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return None


def is_rtp_media(section: MediaSection) -> bool:
    """Whether the section is audio or video over a protocol that we speak."""
    return media_kind(section) is not None and _PROTOCOL.fullmatch(section.protocol) is not None


def read_rtp(description: SessionDescription, section: MediaSection) -> RtpDescription:
    """What the section says.

    Raises:
        SdpSyntaxError: an attribute is malformed.
    """
    kind = media_kind(section)
    assert kind is not None
    stream_ids, track_id = _streams(section)
    repairs = tuple(
        (group.ssrcs[1], group.ssrcs[0])
        for group in sdp.source_groups(section)
        if group.semantics == "FID" and len(group.ssrcs) == 2
    )
    send_rids, receive_rids = _rids(section)
    return RtpDescription(
        kind=kind,
        direction=transport.direction(description, section),
        codecs=_codecs(section, kind),
        extensions=tuple(sdp.header_extensions(section)),
        stream_ids=stream_ids,
        track_id=track_id,
        ssrcs=_ssrcs(section),
        repairs=repairs,
        cname=next((source.value for source in sdp.sources(section) if source.name == "cname"), None),
        send_rids=send_rids,
        receive_rids=receive_rids,
        is_rtcp_multiplexed=transport.is_rtcp_multiplexed(section),
        is_reduced_size=transport.is_rtcp_reduced_size(section),
        allows_mixed_extensions=description.inherited(section, "extmap-allow-mixed") is not None,
        max_bitrate=_max_bitrate(section),
        packet_time_ms=_packet_time_ms(section),
    )


def rtp_attributes(rtp: RtpDescription, *, is_offer: bool) -> Iterator[_Line]:
    """The attributes that say this, without those of the transport."""
    if rtp.allows_mixed_extensions:
        yield "extmap-allow-mixed"
    for extension in rtp.extensions:
        direction = "" if extension.direction is None else f"/{extension.direction}"
        yield "extmap", f"{extension.id}{direction} {extension.uri}"
    yield rtp.direction.value
    track = "" if rtp.track_id is None else f" {rtp.track_id}"
    if rtp.direction.sends:
        for stream_id in rtp.stream_ids or ("-",):
            yield "msid", f"{stream_id}{track}"
    if rtp.is_rtcp_multiplexed:
        yield "rtcp-mux"
        if is_offer:
            yield "rtcp-mux-only"  # RFC 8858: there is no port for RTCP to fall back to
    if rtp.is_reduced_size:
        yield "rtcp-rsize"
    for codec in rtp.codecs:
        yield from _codec_lines(codec)
    yield from _rid_lines(rtp)
    if not rtp.send_rids:
        yield from _source_lines(rtp, track)


def _codecs(section: MediaSection, kind: Kind) -> tuple[CodecParameters, ...]:
    maps: dict[int, RtpMap] = {number: RtpMap(number, *static) for number, static in _STATIC.items()}
    maps |= {each.payload_type: each for each in sdp.rtp_maps(section)}
    formats = {each.payload_type: each.text for each in sdp.format_parameters(section)}
    feedback = sdp.feedback(section)
    codecs = []
    for text in dict.fromkeys(section.formats):
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else -1
        if number not in maps:
            continue  # a payload type that nobody explains
        found = maps[number]
        codecs.append(
            CodecParameters(
                kind=kind,
                name=found.encoding,
                payload_type=number,
                clock_rate=found.clock_rate_hz,
                channels=found.channels,
                parameters=_parameters(formats.get(number, "")),
                feedback=frozenset(
                    f"{each.kind} {each.parameter}".strip() for each in feedback if each.payload_type in {None, number}
                ),
            )
        )
    return tuple(codecs)


def _parameters(text: str) -> tuple[tuple[str, str], ...]:
    """``key=value`` pairs in their order; what is no pair has the key ""."""
    items = (item.strip() for item in text.split(";"))
    pairs = (item.partition("=") for item in items if item)
    return tuple((name.strip(), value.strip()) if equals else ("", name) for name, equals, value in pairs)


def _streams(section: MediaSection) -> tuple[tuple[str, ...], str | None]:
    """Streams and track of ``a=msid``, else those of ``a=ssrc`` as GStreamer still has them."""
    told: Sequence[sdp.MediaStreamId] = sdp.media_stream_ids(section)
    if not told:
        sources = (source.value for source in sdp.sources(section) if source.name == "msid" and source.value)
        told = [sdp.MediaStreamId(*value.split()[:2]) for value in sources if value.split()]
    streams = dict.fromkeys(each.stream for each in told if each.stream != "-")
    return tuple(streams), next((each.track for each in told if each.track is not None), None)


def _ssrcs(section: MediaSection) -> tuple[int, ...]:
    """The SSRCs of media: not those of retransmission and forward error correction, which stand second."""
    others = {
        ssrc
        for group in sdp.source_groups(section)
        if group.semantics in {"FID", "FEC", "FEC-FR"}
        for ssrc in group.ssrcs[1:]
    }
    return tuple(dict.fromkeys(source.ssrc for source in sdp.sources(section) if source.ssrc not in others))


def _rids(section: MediaSection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The simulcast streams of both directions; of alternatives the first that has its a=rid line."""
    simulcast = sdp.simulcast(section)
    if simulcast is None:
        return (), ()
    described = {(each.id, each.direction) for each in sdp.rids(section) if _RID.fullmatch(each.id)}
    chosen = []
    for direction, streams in (("send", simulcast.send), ("recv", simulcast.receive)):
        first = (next((each.rid for each in stream if (each.rid, direction) in described), None) for stream in streams)
        chosen.append(tuple(dict.fromkeys(rid for rid in first if rid is not None)))
    return chosen[0], chosen[1]


def _max_bitrate(section: MediaSection) -> int | None:
    """RFC 9429 section 5.10: b=TIAS, else b=AS less what IP, UDP and SRTP need."""
    limits = dict(line.split(":", 1) for line in section.bandwidths if ":" in line)
    tias, kilobits = (_small_number(limits.get(name)) for name in ("TIAS", "AS"))
    if tias is not None:
        return tias
    return None if kilobits is None else max(0, kilobits * 950 - 50 * 40 * 8)


def _packet_time_ms(section: MediaSection) -> int | None:
    """RFC 8866 sections 6.4 and 6.5; what is no less than the codecs' own 20 ms limits nothing."""
    wanted, highest = (
        _small_number(None if attribute is None else attribute.value)
        for attribute in (section.attributes.first("ptime"), section.attributes.first("maxptime"))
    )
    if wanted:
        return min(wanted, highest or wanted)
    return highest if highest and highest < _USUAL_PACKET_TIME_MS else None


def _small_number(text: str | None) -> int | None:
    """A number as attributes that only advise have it; None where it is none."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _codec_lines(codec: CodecParameters) -> Iterator[_Line]:
    channels = f"/{codec.channels}" if codec.channels != 1 else ""
    yield "rtpmap", f"{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"
    for feedback in sorted(codec.feedback):
        yield "rtcp-fb", f"{codec.payload_type} {feedback}"
    if codec.parameters:
        text = ";".join(f"{name}={value}" if name else value for name, value in codec.parameters)
        yield "fmtp", f"{codec.payload_type} {text}"


def _rid_lines(rtp: RtpDescription) -> Iterator[_Line]:
    for direction, rids in (("send", rtp.send_rids), ("recv", rtp.receive_rids)):
        yield from (("rid", f"{rid} {direction}") for rid in rids)
    parts = [f"{name} {';'.join(rids)}" for name, rids in (("send", rtp.send_rids), ("recv", rtp.receive_rids)) if rids]
    if parts:
        yield "simulcast", " ".join(parts)


def _source_lines(rtp: RtpDescription, track: str) -> Iterator[_Line]:
    """SSRCs; not for simulcast, where rids name the streams (RFC 9429 section 5.2.1)."""
    for repair, ssrc in rtp.repairs:
        yield "ssrc-group", f"FID {ssrc} {repair}"
    repair_of = {ssrc: repair for repair, ssrc in rtp.repairs}
    for ssrc in rtp.ssrcs:
        for each in (ssrc, repair_of.get(ssrc)):
            if each is None:
                continue
            yield "ssrc", f"{each} cname:{rtp.cname or ''}"
            # GStreamer finds the stream here alone.
            yield "ssrc", f"{each} msid:{(rtp.stream_ids or ('-',))[0]}{track}"
