"""Audio and video with what foreign peers really say.

Safari's offer is composed after what WebKit logs, for want of a machine that runs it; the others were recorded.
"""

import pytest

from rtcpeer.jsep import Negotiation
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.sdp import media as sdp
from rtcpeer.sdp import parse
from tests.unit.jsep.parts import (
    ANSWER,
    INACTIVE,
    LOCAL,
    OFFER,
    RECVONLY,
    SENDRECV,
    section,
    simulcast,
    values,
    wanted,
    wish,
)
from tests.unit.sdp.fixtures import NAMES, read

MEDIA_OFFERS = [
    name for name in NAMES if "-offer-" in name and ("-av" in name or "-simulcast" in name or "-inactive" in name)
]
CALL = wanted(wish(0, "audio"), wish(1, "video"))
OPUS_AND_G711 = (111, 9, 0, 8)

# What we send there, the best first: payload types of audio and of video, with RTX behind its codec.
EXPECTED = {
    "chromium": (
        (*OPUS_AND_G711, 110, 126),
        (96, 97, 102, 103, 104, 107, 108, 109, 114, 115, 116, 117, 39, 40, 45, 46, 98, 99),
    ),
    "firefox": ((109, 9, 0, 8, 101), (120, 124, 121, 125, 99, 100)),
    "safari": ((*OPUS_AND_G711, 110, 126), (96, 97, 98, 99, 102, 103, 106, 107, 108, 109)),
    "pion": (OPUS_AND_G711, (96, 97, 98, 99, 102, 121, 127, 120, 125, 107, 108, 109, 123, 118)),
    "gstreamer": ((111,), (96,)),
    "aiortc": ((96, 9, 0, 8), (97, 98, 99, 100, 101, 102)),
}


def answered(name, wishes=CALL):
    """Our answer to a fixture, section by section with what was offered, and what it applied."""
    negotiation = Negotiation("1")
    offer = parse(read(name))
    negotiation.set_remote(OFFER, offer, wishes)
    reply = negotiation.create_answer(LOCAL, wishes)
    return list(zip(offer.media, reply.media, strict=True)), negotiation.set_local(ANSWER)


@pytest.mark.parametrize("name", MEDIA_OFFERS)
def test_every_section_is_accepted_in_its_place_and_bundled(name):
    pairs, applied = answered(name)
    assert [ours.kind for _, ours in pairs] == [theirs.kind for theirs, _ in pairs]
    assert all(ours.port for _, ours in pairs)
    assert [values(ours, "mid") for _, ours in pairs] == [values(theirs, "mid") for theirs, _ in pairs]
    assert applied.mids == tuple(values(theirs, "mid")[0] for theirs, _ in pairs)
    assert applied.remote.candidates


@pytest.mark.parametrize("name", MEDIA_OFFERS)
def test_payload_types_and_their_order_are_the_offerers(name):
    expected = dict(zip(("audio", "video"), EXPECTED[name.split("-")[0]], strict=True))
    pairs, applied = answered(name)
    for theirs, ours in pairs:
        if theirs.kind in expected:
            numbers = [int(number) for number in ours.formats]
            assert tuple(numbers) == expected[theirs.kind]
            assert [number for number in theirs.formats if number in ours.formats] == list(ours.formats)
            encodings = {each.payload_type: each.encoding for each in sdp.rtp_maps(theirs)}
            assert all(each.encoding == encodings[each.payload_type] for each in sdp.rtp_maps(ours))
    for facts in applied.media:
        assert tuple(codec.payload_type for codec in facts.send.codecs) == expected[facts.kind]
        assert tuple(codec.payload_type for codec in facts.receive.codecs) == expected[facts.kind]


@pytest.mark.parametrize("name", MEDIA_OFFERS)
def test_extensions_keep_the_offerers_ids_and_their_directions_are_turned_round(name):
    pairs, applied = answered(name)
    for theirs, ours in pairs:
        offered = {each.uri: each for each in sdp.header_extensions(theirs)}
        for each in sdp.header_extensions(ours):
            assert each.id == offered[each.uri].id
            turned = {"sendonly": "recvonly", "recvonly": "sendonly", None: None}
            assert each.direction == turned[offered[each.uri].direction]
    for facts in applied.media:
        offered = {each.uri: each for each in sdp.header_extensions(pairs[facts.index][0])}
        for parameters, forbidden in ((facts.send, "sendonly"), (facts.receive, "recvonly")):
            assert all(offered[uri].id == number for uri, number in parameters.extensions)
            assert not any(offered[uri].direction == forbidden for uri, _ in parameters.extensions)


@pytest.mark.parametrize("name", MEDIA_OFFERS)
def test_feedback_is_what_both_know(name):
    for theirs, ours in answered(name)[0]:
        assert set(values(ours, "rtcp-fb")) <= {value.strip() for value in values(theirs, "rtcp-fb")}
        assert ours.attributes.has("rtcp-rsize") == (theirs.attributes.has("rtcp-rsize") and theirs.port != 0) or (
            theirs.attributes.has("bundle-only")
        )


@pytest.mark.parametrize("name", [name for name in MEDIA_OFFERS if "-av" in name])
def test_a_track_of_ours_goes_back_where_the_peer_receives(name):
    pairs, applied = answered(name)
    for facts, (_, ours) in zip(applied.media, pairs, strict=False):
        assert facts.transceiver == {"audio": 0, "video": 1}[facts.kind]
        assert facts.current_direction is SENDRECV
        assert values(ours, "msid") == [f"stream track{facts.transceiver}"]
        assert facts.remote_stream_ids
        assert facts.remote_track_id
        assert facts.receive.ssrcs


@pytest.mark.parametrize("name", [name for name in MEDIA_OFFERS if "-inactive" in name])
def test_an_inactive_section_stays_inactive(name):
    _, applied = answered(name)
    assert [facts.current_direction for facts in applied.media] == [SENDRECV, INACTIVE]
    assert applied.media[1].transceiver == -1
    assert applied.media[1].remote_stream_ids == ()


@pytest.mark.parametrize("name", [name for name in MEDIA_OFFERS if "-simulcast" in name])
def test_simulcast_of_a_browser_is_received(name):
    pairs, applied = answered(name, wanted())
    _, ours = pairs[0]
    assert values(ours, "rid") == ["q recv", "h recv", "f recv"]
    assert values(ours, "simulcast") == ["recv q;h;f"]
    (facts,) = applied.media
    assert facts.current_direction is RECVONLY
    assert facts.receive.rids == ("q", "h", "f")
    assert {ExtensionUri.MID, ExtensionUri.RID, ExtensionUri.REPAIRED_RID} <= dict(facts.receive.extensions).keys()
    if name == "firefox-offer-simulcast":
        assert facts.receive.ssrcs == (2514754521, 3624903453, 1315266988)
        assert facts.receive.repairs[0] == (3824537886, 2514754521)


def test_rtx_and_h264_are_answered_as_they_were_offered():
    pairs, applied = answered("chromium-offer-av")
    answer_of = {each.payload_type: each.parameters for each in sdp.format_parameters(pairs[1][1])}
    assert answer_of[97] == {"apt": "96"}
    assert answer_of[108] == {
        "level-asymmetry-allowed": "1",
        "packetization-mode": "1",
        "profile-level-id": "42e01f",
    }
    send = applied.media[1].send
    assert send.repair_of(send.codecs[0]).payload_type == 97


def test_what_the_peer_says_of_its_opus_counts_for_what_we_send_and_ours_for_what_we_take():
    _, applied = answered("firefox-offer-av")
    send, receive = applied.media[0].send.codecs[0], applied.media[0].receive.codecs[0]
    assert send.parameter("maxplaybackrate") == "48000"
    assert receive.parameter("maxplaybackrate") is None
    assert receive.parameter("minptime") == "10"
    _, applied = answered("gstreamer-offer-av")
    assert applied.media[0].receive.codecs[0].parameter("sprop-stereo") == "1"


@pytest.mark.parametrize(
    ("name", "audio", "video"),
    [
        ("chromium", (*OPUS_AND_G711, 110, 126), (96, 97, 102, 103, 104, 107, 108, 109, 114, 115, 116, 117)),
        ("firefox", (*OPUS_AND_G711, 126), (96, 97, 45, 46, 98, 99)),
        ("pion", OPUS_AND_G711, (96, 97, 102, 103, 104, 108, 109, 114, 98, 99)),
        ("gstreamer", (111,), (96,)),
        ("aiortc", OPUS_AND_G711, (96, 97, 102, 103, 108, 109)),
    ],
)
def test_every_foreign_answer_completes_our_call(name, audio, video):
    negotiation = Negotiation("1")
    negotiation.create_offer(CALL, LOCAL)
    negotiation.set_local(OFFER)
    applied = negotiation.set_remote(ANSWER, read(f"{name}-answer-av"))
    for facts, expected in zip(applied.media, (audio, video), strict=True):
        assert facts.current_direction is SENDRECV
        assert tuple(codec.payload_type for codec in facts.send.codecs)[: len(expected)] == expected
        assert facts.send.encodings
        assert facts.receive.ssrcs
        assert facts.remote_track_id
        turned = {ExtensionUri.PLAYOUT_DELAY} if name == "firefox" and facts.kind == "video" else set()
        assert dict(facts.send.extensions).keys() - turned == dict(facts.receive.extensions).keys()
    assert not negotiation.is_negotiation_needed(CALL)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-restart-av")])
def test_a_peers_restart_keeps_its_media(name):
    negotiation = Negotiation("1")
    negotiation.create_offer(CALL, LOCAL)
    negotiation.set_local(OFFER)
    before = negotiation.set_remote(ANSWER, read(name.replace("restart", "answer")))
    applied = negotiation.set_remote(OFFER, read(name), CALL)
    assert applied.is_ice_restart
    assert [facts.transceiver for facts in applied.media] == [0, 1]
    assert [facts.send for facts in applied.media] == [facts.send for facts in before.media]
    negotiation.create_answer(LOCAL, CALL)
    applied = negotiation.set_local(ANSWER)
    assert [facts.current_direction for facts in applied.media] == [SENDRECV, SENDRECV]


def test_chromium_takes_the_rids_that_it_is_offered():
    """Chromium's answers to simulcast have the same lines as this; those that it leaves out are not sent."""
    sender = wanted(simulcast(0, "q", "h", "f"))
    negotiation = Negotiation("1")
    offer = negotiation.create_offer(sender, LOCAL)
    assert values(section(offer), "simulcast") == ["send q;h;f"]
    assert not values(section(offer), "ssrc")
    negotiation.set_local(OFFER)
    reply = "a=rid:q recv\na=rid:f recv\na=simulcast:recv q;f\n"
    text = read("chromium-answer-av").replace("BUNDLE 0 1", "BUNDLE 0").replace("a=mid:1", "a=mid:0")
    head, _, rest = text.partition("m=audio")
    _, _, video = rest.partition("m=video")
    applied = negotiation.set_remote(ANSWER, f"{head}m=video{video}{reply}")
    assert [encoding.rid for encoding in applied.media[0].send.encodings] == ["q", "f"]


def test_the_next_offer_adds_nothing_to_what_was_agreed_on_but_codecs():
    negotiation = Negotiation("1")
    negotiation.create_offer(CALL, LOCAL)
    negotiation.set_local(OFFER)
    negotiation.set_remote(ANSWER, read("aiortc-answer-av"))
    audio, video = negotiation.create_offer(CALL, LOCAL).media
    assert [value.split()[1] for value in values(audio, "extmap")] == [ExtensionUri.AUDIO_LEVEL, ExtensionUri.MID]
    assert not video.attributes.has("rtcp-rsize")
    feedback = values(video, "rtcp-fb")
    assert {value for value in feedback if value.startswith("96 ")} == {"96 goog-remb", "96 nack", "96 nack pli"}
    assert "98 transport-cc" in feedback
    assert video.formats[:6] == ("96", "97", "102", "103", "108", "109")
    assert "98" in video.formats
