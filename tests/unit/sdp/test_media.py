import pytest

from rtcpeer.errors import SdpSyntaxError
from rtcpeer.sdp import media as sdp
from rtcpeer.sdp import parse
from tests.unit.sdp.fixtures import NAMES, read

READERS = [
    sdp.rtp_maps,
    sdp.format_parameters,
    sdp.feedback,
    sdp.header_extensions,
    sdp.sources,
    sdp.source_groups,
    sdp.media_stream_ids,
    sdp.rids,
    sdp.simulcast,
]


def section_with(*attributes):
    text = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\nm=video 9 UDP/TLS/RTP/SAVPF 96\n" + "".join(
        f"a={a}\n" for a in attributes
    )
    return parse(text).media[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_foreign_section_can_be_read(name):
    for section in parse(read(name)).media:
        for reader in READERS:
            reader(section)
        if section.kind != "application" and section.port:
            mapped = {str(entry.payload_type) for entry in sdp.rtp_maps(section)}
            assert set(section.formats) <= mapped


def test_reads_codecs_of_chromium():
    audio, video, _ = parse(read("chromium-offer-av-data")).media
    assert sdp.rtp_maps(audio)[0] == (111, "opus", 48000, 2)
    assert sdp.rtp_maps(video)[0] == (96, "VP8", 90000, 1)
    assert sdp.format_parameters(audio)[0].parameters == {"minptime": "10", "useinbandfec": "1"}
    assert sdp.RtcpFeedback(96, "nack", "pli") in sdp.feedback(video)
    assert sdp.header_extensions(video)[0] == (14, "urn:ietf:params:rtp-hdrext:toffset", None, "")
    assert sdp.source_groups(video) == [("FID", (2944381189, 3910408899))]
    assert sdp.sources(video)[0] == (2944381189, "cname", "cC0+9BAAdT5luE7j")
    assert sdp.media_stream_ids(audio)[0].stream == "c6ff13dc-8f53-4071-8c2a-9285d650130e"


def test_reads_simulcast_of_firefox():
    (video,) = parse(read("firefox-offer-simulcast")).media
    assert sdp.rids(video) == [("q", "send", ""), ("h", "send", ""), ("f", "send", "")]
    found = sdp.simulcast(video)
    assert found is not None
    assert [stream[0].rid for stream in found.send] == ["q", "h", "f"]
    assert found.receive == ()


def test_reads_alternatives_and_pauses():
    assert sdp.simulcast(section_with("simulcast:recv 1;~2,3 send 4")) == (
        (((("4", False),)),),
        ((("1", False),), (("2", True), ("3", False))),
    )


def test_feedback_for_payload_types_that_are_gone_is_ignored():
    assert sdp.feedback(section_with("rtcp-fb:96 nack ", "rtcp-fb:97 nack", "rtcp-fb:* ccm fir")) == [
        (96, "nack", ""),
        (None, "ccm", "fir"),
    ]


@pytest.mark.parametrize(
    "attribute",
    [
        "rtpmap:96",
        "rtpmap:128 VP8/90000",
        "rtpmap:96 VP8",
        "rtpmap:96 VP8/x",
        "rtpmap:96 /9",
        "fmtp:x y",
        "fmtp:96 ",
        "rtcp-fb:96",
        "extmap:0x1 urn:x",
        "extmap:1/both urn:x",
        "extmap:1",
        "ssrc:4294967296 cname:x",
        "ssrc:1",
        "ssrc-group:FID",
        "ssrc-group:FID x",
        "msid:",
        "rid:1",
        "rid:1 both",
        "simulcast:",
        "simulcast:send",
        "simulcast:send 1 send 2",
        "simulcast:send 1;;2",
    ],
)
def test_malformed_lines_are_named(attribute):
    section = section_with(attribute)
    reader = next(reader for reader in READERS if _reads(reader, attribute))
    with pytest.raises(SdpSyntaxError) as caught:
        reader(section)
    assert caught.value.sdpLineNumber == 6


def _reads(reader, attribute):
    names = dict(
        zip(
            ["rtpmap", "fmtp", "rtcp-fb", "extmap", "ssrc", "ssrc-group", "msid", "rid", "simulcast"],
            READERS,
            strict=True,
        )
    )
    return names[attribute.partition(":")[0]] is reader
