"""Audio and video between two of ours."""

from dataclasses import replace

import pytest

from rtcpeer.jsep import Negotiation
from rtcpeer.sdp import serialize
from tests.unit.jsep.parts import (
    ANSWER,
    INACTIVE,
    LOCAL,
    OFFER,
    OTHER,
    RECVONLY,
    SENDONLY,
    SENDRECV,
    exchange,
    section,
    values,
    wanted,
    wish,
)

CALL = wanted(wish(0, "audio"), wish(1, "video"), data_channel=True)


def pair():
    return Negotiation("1"), Negotiation("2")


def test_an_offer_of_audio_video_and_data():
    offer = Negotiation("1").create_offer(CALL, LOCAL)
    assert [media.kind for media in offer.media] == ["audio", "video", "application"]
    assert offer.attributes.first("group").value == "BUNDLE 0 1 2"
    audio, video, _ = offer.media
    assert audio.protocol == video.protocol == "UDP/TLS/RTP/SAVPF"
    assert audio.formats == ("111", "9", "0", "8", "110", "126")
    assert video.formats[:6] == ("96", "97", "98", "99", "108", "109")
    assert values(audio, "rtpmap")[0] == "111 opus/48000/2"
    assert values(audio, "fmtp") == ["111 minptime=10;stereo=1;useinbandfec=1"]
    assert values(video, "fmtp")[:2] == ["97 apt=96", "98 profile-id=0"]
    assert values(video, "rtcp-fb")[:5] == ["96 ccm fir", "96 goog-remb", "96 nack", "96 nack pli", "96 transport-cc"]
    assert values(video, "msid") == ["stream track1"]
    assert values(video, "ssrc-group") == ["FID 1001 2001"]
    assert "1001 cname:cname" in values(video, "ssrc")
    for name in ("sendrecv", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "extmap-allow-mixed"):
        assert video.attributes.has(name)


def test_a_call_both_ways():
    first, second = pair()
    applied, other = exchange(first, second, CALL, wanted(wish(0, "video"), wish(1, "audio")))
    assert [(facts.transceiver, facts.kind, facts.mid, facts.index) for facts in applied.media] == [
        (0, "audio", "0", 0),
        (1, "video", "1", 1),
    ]
    assert [(facts.transceiver, facts.mid) for facts in other.media] == [(1, "0"), (0, "1")]
    for facts in (*applied.media, *other.media):
        assert facts.current_direction is SENDRECV
        assert facts.send.is_sending
        assert facts.receive.is_receiving
        assert facts.send.cname == "cname"
        assert facts.send.mid == facts.receive.mid == facts.mid
        assert facts.send.is_reduced_size
        assert facts.send.allows_mixed_extensions
    ours, theirs = applied.media[1], other.media[1]
    assert ours.send.codecs == theirs.receive.codecs
    assert ours.send.encodings[0].ssrc == 1001
    assert theirs.receive.ssrcs == (1001,)
    assert theirs.receive.repairs == ((2001, 1001),)
    assert dict(ours.send.extensions) == dict(theirs.receive.extensions)
    assert ours.send.repair_of(ours.send.codecs[0]).payload_type == 97
    assert (theirs.remote_stream_ids, theirs.remote_track_id) == (("stream",), "track1")


def test_what_our_offer_announces_may_come_at_once():
    first, _ = pair()
    first.create_offer(CALL, LOCAL)
    audio, video = first.set_local(OFFER).media
    assert audio.receive.is_receiving
    assert [codec.payload_type for codec in video.receive.codecs][:2] == [96, 97]
    assert audio.send is video.send is audio.current_direction is None


def test_an_offer_makes_transceivers_that_only_receive():
    first, second = pair()
    first.create_offer(CALL, LOCAL)
    offer = first.set_local(OFFER)
    applied = second.set_remote(OFFER, first.pending_local.sdp)
    assert [facts.transceiver for facts in applied.media] == [-1, -2]
    assert [facts.remote_direction for facts in applied.media] == [SENDRECV, SENDRECV]
    assert applied.media[0].receive is applied.media[0].current_direction is None
    answer = second.create_answer(OTHER)
    assert all(media.attributes.has("recvonly") for media in answer.media[:2])
    assert not any(media.attributes.has("msid") or media.attributes.has("ssrc") for media in answer.media)
    applied = second.set_local(ANSWER)
    assert [facts.current_direction for facts in applied.media] == [RECVONLY, RECVONLY]
    assert not applied.media[0].send.is_sending
    assert applied.media[0].receive.is_receiving
    assert offer.media[0].transceiver == 0


@pytest.mark.parametrize("offered", [SENDRECV, SENDONLY, RECVONLY, INACTIVE])
@pytest.mark.parametrize("answered", [SENDRECV, SENDONLY, RECVONLY, INACTIVE])
def test_directions_are_what_both_allow(offered, answered):
    first, second = pair()
    # A transceiver that the application has made on its own is not used for an offer that only sends.
    exchange(first, second, wanted(wish(0)))
    applied, other = exchange(first, second, wanted(wish(0, direction=offered)), wanted(wish(-1, direction=answered)))
    ours, theirs = applied.media[0], other.media[0]
    assert ours.current_direction is offered & answered.reversed
    assert theirs.current_direction is ours.current_direction.reversed
    assert ours.send.is_sending == theirs.receive.is_receiving == (offered.sends and answered.receives)
    assert theirs.send.is_sending == ours.receive.is_receiving == (answered.sends and offered.receives)


@pytest.mark.parametrize("direction", [RECVONLY, INACTIVE])
@pytest.mark.parametrize("has_sent", [True, False])
def test_ssrcs_stay_announced_through_a_pause(direction, has_sent):
    """Chromium decodes what comes after the pause, but shows nothing, if its SSRC was gone from a description."""
    pausing = wanted(wish(0, direction=direction, has_sent=has_sent))
    offer = Negotiation("1").create_offer(pausing, LOCAL)
    first, second = pair()
    second.set_remote(OFFER, serialize(first.create_offer(wanted(wish(0)), LOCAL)))
    for description in (offer, second.create_answer(OTHER, wanted(wish(-1, direction=direction, has_sent=has_sent)))):
        (video,) = description.media
        assert bool(values(video, "ssrc")) is has_sent
        assert values(video, "msid") == []


def test_only_what_add_track_made_is_used_for_a_remote_section_and_only_where_the_peer_receives():
    for direction, changes, key in (
        (SENDRECV, {}, 5),
        (RECVONLY, {}, 5),
        (SENDONLY, {}, -1),
        (INACTIVE, {}, -1),
        (SENDRECV, {"is_from_add_track": False}, -1),
        (SENDRECV, {"is_stopped": True}, -1),
        (SENDRECV, {"kind": "audio"}, -1),
    ):
        first, second = pair()
        first.create_offer(wanted(wish(0, direction=direction)), LOCAL)
        first.set_local(OFFER)
        applied = second.set_remote(OFFER, first.pending_local.sdp, wanted(replace(wish(5), **changes)))
        assert [facts.transceiver for facts in applied.media] == [key]


def test_renegotiation_keeps_numbers_mids_and_order():
    first, second = pair()
    exchange(first, second, CALL)
    before = first.current_local.sdp
    grown = replace(CALL, transceivers=(*CALL.transceivers, wish(2), wish(3, "audio")))
    offer = first.create_offer(grown, LOCAL)
    assert [values(media, "mid")[0] for media in offer.media] == ["0", "1", "2", "3", "4"]
    assert offer.media[1].formats == before.media[1].formats == offer.media[3].formats
    assert values(offer.media[1], "extmap") == values(offer.media[3], "extmap")


def test_the_data_section_alone_is_said_as_without_media():
    with_media, without = Negotiation("1"), Negotiation("1")
    first = with_media.create_offer(wanted(data_channel=True), LOCAL)
    assert serialize(first) == serialize(without.create_offer(replace(CALL, transceivers=()), LOCAL))
    assert not section(first).attributes.has("extmap-allow-mixed")
