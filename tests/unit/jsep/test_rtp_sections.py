from dataclasses import replace

import pytest

from rtcpeer.errors import SdpSyntaxError
from rtcpeer.jsep import Negotiation
from rtcpeer.jsep.rtp_sections import is_rtp_media, read_rtp, rtp_attributes
from rtcpeer.sdp.model import Attributes, MediaSection, SessionDescription
from tests.unit.jsep.parts import ANSWER, INACTIVE, LOCAL, OFFER, SENDONLY, section, simulcast, wanted, wish
from tests.unit.sdp.fixtures import read

PROTOCOL = "UDP/TLS/RTP/SAVPF"


def media(*lines, kind="video", formats=("96",), bandwidths=()):
    pairs = [tuple(line.split(":", 1)) if ":" in line else line for line in lines]
    return MediaSection(kind, 9, PROTOCOL, formats, attributes=Attributes.of(*pairs), bandwidths=bandwidths)


def read_section(*lines, **changes):
    return read_rtp(SessionDescription(), media(*lines, **changes))


@pytest.mark.parametrize(
    "transceiver",
    [wish(0), wish(0, "audio", SENDONLY), simulcast(0, "q", "h"), wish(0, direction=INACTIVE, receive_rids=("a",))],
)
def test_what_is_written_is_read_again(transceiver):
    negotiation = Negotiation("1")
    description = negotiation.create_offer(wanted(transceiver), LOCAL)
    text = section(description)
    read_back = read_rtp(description, text)
    written = Attributes.of(*rtp_attributes(read_back, is_offer=True))
    transport = ("mid", "ice-ufrag", "ice-pwd", "fingerprint", "setup")
    assert written == text.attributes.without(*transport)


@pytest.mark.parametrize(
    ("protocol", "is_known"),
    [
        ("UDP/TLS/RTP/SAVPF", True),
        ("UDP/TLS/RTP/SAVP", True),
        ("TCP/DTLS/RTP/SAVPF", True),
        ("RTP/SAVPF", True),
        ("RTP/AVP", True),
        ("UDP/BFCP", False),
        ("RTP/SAVPFX", False),
    ],
)
def test_protocols(protocol, is_known):
    assert is_rtp_media(replace(media(), protocol=protocol)) is is_known
    assert not is_rtp_media(replace(media(), protocol=protocol, kind="text"))


def test_static_payload_types_need_no_rtpmap_and_others_do():
    rtp = read_section(kind="audio", formats=("0", "8", "9", "96", "x", "1000"))
    assert [(codec.payload_type, codec.name) for codec in rtp.codecs] == [(0, "PCMU"), (8, "PCMA"), (9, "G722")]


def test_parameters_keep_their_order_and_bare_words():
    rtp = read_section("rtpmap:96 telephone-event/8000", "fmtp:96  0-15 ; b=2;A=1;", kind="audio")
    assert rtp.codecs[0].parameters == (("", "0-15"), ("b", "2"), ("A", "1"))


def test_feedback_for_all_payload_types():
    rtp = read_section(
        "rtpmap:96 VP8/90000", "rtpmap:97 VP9/90000", "rtcp-fb:* nack", "rtcp-fb:97 nack pli", formats=("96", "97")
    )
    assert [codec.feedback for codec in rtp.codecs] == [{"nack"}, {"nack", "nack pli"}]


@pytest.mark.parametrize(
    ("lines", "streams", "track"),
    [
        (["msid:s t"], ("s",), "t"),
        (["msid:s t", "msid:r t", "msid:s t"], ("s", "r"), "t"),
        (["msid:- t"], (), "t"),
        (["msid:s"], ("s",), None),
        (["ssrc:1 msid:s t"], ("s",), "t"),
        (["msid:s t", "ssrc:1 msid:x y"], ("s",), "t"),
        (["ssrc:1 cname:x"], (), None),
    ],
)
def test_streams(lines, streams, track):
    rtp = read_section(*lines)
    assert (rtp.stream_ids, rtp.track_id) == (streams, track)


def test_repair_and_error_correction_are_no_streams_of_their_own():
    groups = ("ssrc-group:FID 1 2", "ssrc-group:FEC-FR 1 3", "ssrc-group:SIM 1 4", "ssrc-group:FID 5 6 7")
    rtp = read_section(*groups, *(f"ssrc:{ssrc} cname:c" for ssrc in (1, 2, 3, 4)))
    assert rtp.ssrcs == (1, 4)
    assert rtp.repairs == ((2, 1),)
    assert rtp.cname == "c"


@pytest.mark.parametrize(
    ("bandwidths", "expected"),
    [
        ((), None),
        (("TIAS:500000",), 500_000),
        (("AS:500",), 459_000),
        (("AS:500", "TIAS:1"), 1),
        (("AS:1",), 0),
        (("AS:many", "CT"), None),
    ],
)
def test_bandwidth(bandwidths, expected):
    assert read_section(bandwidths=bandwidths).max_bitrate == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), None),
        (("ptime:40",), 40),
        (("ptime:40", "maxptime:20"), 20),
        (("maxptime:20",), None),
        (("maxptime:10",), 10),
        (("ptime:0", "maxptime:0"), None),
        (("ptime:forty",), None),
    ],
)
def test_packet_times(lines, expected):
    assert read_section(*lines).packet_time_ms == expected


def test_limits_of_the_peer_reach_our_sender():
    negotiation = Negotiation("1")
    text = read("chromium-offer-av").replace("a=mid:0\n", "a=mid:0\na=ptime:60\n")
    text = text.replace("m=video", "b=AS:64\nm=video", 1)  # after the attributes of audio
    negotiation.set_remote(OFFER, text)
    negotiation.create_answer(LOCAL)
    audio, video = negotiation.set_local(ANSWER).media
    assert (audio.send.packet_time_ms, audio.send.max_bitrate) == (60, 44_800)
    assert (video.send.packet_time_ms, video.send.max_bitrate) == (None, None)


@pytest.mark.parametrize("line", ["rtpmap:x VP8/90000", "extmap:1/up urn:x", "simulcast:sideways a", "rid:a up"])
def test_malformed_lines_are_named(line):
    with pytest.raises(SdpSyntaxError, match=line.split(":", maxsplit=1)[0]):
        read_section(line, "simulcast:send a")
