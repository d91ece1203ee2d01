"""Which transceiver has which section: rollback, stopping, recycled m-lines, offers that replace each other."""

from dataclasses import replace

import pytest

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep import Negotiation, Side, SignalingState
from rtcpeer.sdp import serialize
from tests.unit.jsep.parts import (
    ANSWER,
    LOCAL,
    OFFER,
    OTHER,
    PRANSWER,
    RECVONLY,
    ROLLBACK,
    SENDONLY,
    SENDRECV,
    exchange,
    section,
    values,
    wanted,
    wish,
)


def pair():
    return Negotiation("1"), Negotiation("2")


def offer_of(negotiation, *wishes, data_channel=False):
    text = serialize(negotiation.create_offer(wanted(*wishes, data_channel=data_channel), LOCAL))
    negotiation.set_local(OFFER, text)
    return text


def test_rollback_of_our_offer_takes_sections_and_parameters_back():
    negotiation = Negotiation("1")
    before = negotiation.session
    offer_of(negotiation, wish(0), wish(1))
    applied = negotiation.set_local(ROLLBACK)
    assert applied.is_rolled_back
    assert applied.media == applied.removed == applied.stopped == ()
    assert negotiation.session == before
    # Nobody has seen the first offer's mids bound to anything.
    assert values(section(offer_of(negotiation, wish(1))), "mid") == ["0"]


@pytest.mark.parametrize("side", Side)
def test_rollback_of_a_remote_offer_removes_what_it_made_and_frees_what_it_used(side):
    first, second = pair()
    offer = offer_of(first, wish(0), wish(1, "audio"))
    applied = second.set_remote(OFFER, offer, wanted(wish(7, "audio")))
    assert [facts.transceiver for facts in applied.media] == [-1, 7]
    applied = second.set_local(ROLLBACK) if side is Side.LOCAL else second.set_remote(ROLLBACK)
    assert applied.removed == (-1,)
    assert applied.media == ()
    # What is made next is another transceiver.
    assert [facts.transceiver for facts in second.set_remote(OFFER, offer).media] == [-2, -3]


def test_a_removed_transceiver_that_addtrack_has_used_meanwhile_goes_on_without_a_section():
    first, second = pair()
    second.set_remote(OFFER, offer_of(first, wish(0)))
    assert second.set_local(ROLLBACK).removed == (-1,)
    kept = wish(-1)
    assert values(section(offer_of(second, kept)), "msid") == ["stream track-1"]
    assert second.set_local(ROLLBACK).removed == ()


def test_glare_gives_our_transceiver_the_peers_section():
    first, second = pair()
    ours = wish(0)
    offer_of(second, ours, wish(1, "audio", is_from_add_track=False))
    applied = second.set_remote(OFFER, offer_of(first, wish(0, "audio"), wish(1)), wanted(ours))
    assert applied.is_rolled_back
    assert [(facts.transceiver, facts.mid, facts.index) for facts in applied.media] == [(-1, "0", 0), (0, "1", 1)]
    assert applied.removed == ()


def test_an_offer_that_replaces_another_keeps_its_transceivers():
    first, second = pair()
    second.set_remote(OFFER, offer_of(first, wish(0)), wanted())
    first.create_offer(wanted(wish(0), wish(1)), LOCAL)
    first.set_local(OFFER)
    applied = second.set_remote(OFFER, first.pending_local.sdp)
    assert [facts.transceiver for facts in applied.media] == [-1, -2]
    assert applied.removed == ()
    first.create_offer(wanted(replace(wish(0), is_stopped=True), wish(1)), LOCAL)
    first.set_local(OFFER)
    applied = second.set_remote(OFFER, first.pending_local.sdp)
    assert [facts.transceiver for facts in applied.media] == [-2]
    assert applied.removed == (-1,)
    assert second.set_local(ROLLBACK).removed == (-2,)


def test_stopping_rejects_the_section_and_the_answer_ends_it_on_both_sides():
    first, second = pair()
    exchange(first, second, wanted(wish(0), wish(1, "audio")))
    stopped = wanted(replace(wish(0), is_stopped=True), wish(1, "audio"))
    first.create_offer(stopped, LOCAL)
    applied = first.set_local(OFFER)
    assert section(first.pending_local.sdp).port == 0
    assert first.pending_local.sdp.attributes.first("group").value == "BUNDLE 1"
    assert applied.stopped == ()
    assert [facts.transceiver for facts in applied.media] == [1]
    applied = second.set_remote(OFFER, first.pending_local.sdp)
    assert applied.stopped == ()
    reply = second.create_answer(OTHER)
    assert section(reply).port == 0
    applied = second.set_local(ANSWER)
    assert applied.stopped == (-1,)
    assert [facts.transceiver for facts in applied.media] == [-2]
    assert first.set_remote(ANSWER, reply).stopped == (0,)


def test_a_stopped_offer_can_be_rolled_back():
    first, second = pair()
    exchange(first, second, wanted(wish(0)))
    offer_of(first, replace(wish(0), is_stopped=True))
    applied = first.set_local(ROLLBACK)
    assert applied.stopped == ()
    assert [facts.transceiver for facts in applied.media] == [0]


def test_the_answerer_stops():
    first, second = pair()
    exchange(first, second, wanted(wish(0)))
    second.set_remote(OFFER, offer_of(first, wish(0)))
    reply = second.create_answer(OTHER, wanted(wish(-1, is_stopped=True)))
    assert section(reply).port == 0
    assert second.set_local(ANSWER).stopped == (-1,)
    assert first.set_remote(ANSWER, reply).stopped == (0,)


def test_a_dead_slot_is_used_again_under_another_mid_by_either_kind():
    first, second = pair()
    exchange(first, second, wanted(wish(0), wish(1)))
    exchange(first, second, wanted(replace(wish(0), is_stopped=True), wish(1)))
    offer = first.create_offer(wanted(wish(1), wish(2, "audio")), LOCAL)
    assert [(media.kind, values(media, "mid")) for media in offer.media] == [("audio", ["2"]), ("video", ["1"])]
    applied, other = exchange(first, second, wanted(wish(1), wish(2, "audio")))
    assert [(facts.transceiver, facts.kind, facts.index) for facts in applied.media] == [
        (2, "audio", 0),
        (1, "video", 1),
    ]
    assert [facts.transceiver for facts in other.media] == [-3, -2]


def test_a_slot_is_not_used_again_before_both_sides_have_given_it_up():
    first, second = pair()
    exchange(first, second, wanted(wish(0)))
    stopped = replace(wish(0), is_stopped=True)
    offer_of(first, stopped)
    offer = first.create_offer(wanted(stopped, wish(1)), LOCAL)
    assert [(media.port, values(media, "mid")) for media in offer.media] == [(0, ["0"]), (9, ["1"])]


def test_a_peer_that_rejects_our_section_stops_our_transceiver():
    first, second = pair()
    offer = offer_of(first, wish(0), wish(1, "audio"))
    second.set_remote(OFFER, offer)
    reply = serialize(second.create_answer(OTHER, wanted(wish(-1, is_stopped=True))))
    applied = first.set_remote(ANSWER, reply)
    assert applied.stopped == (0,)
    assert [facts.transceiver for facts in applied.media] == [1]


def test_removing_a_track_keeps_the_section():
    first, second = pair()
    exchange(first, second, wanted(wish(0)), wanted(wish(0)))
    applied, other = exchange(first, second, wanted(wish(0, direction=RECVONLY)), wanted(wish(0)))
    assert applied.media[0].current_direction is RECVONLY
    assert not applied.media[0].send.is_sending
    assert other.media[0].remote_stream_ids == ()
    applied, other = exchange(first, second, wanted(wish(0, stream_ids=("other",))), wanted(wish(0)))
    assert other.media[0].remote_stream_ids == ("other",)
    assert applied.media[0].send.is_sending


def test_until_the_answer_media_goes_on_as_before():
    first, second = pair()
    applied, other = exchange(first, second, wanted(wish(0)), wanted(wish(0)))
    first.create_offer(wanted(wish(0, direction=SENDONLY)), LOCAL)
    pending = first.set_local(OFFER).media[0]
    assert pending.send == applied.media[0].send
    assert pending.receive.is_receiving
    assert pending.current_direction is SENDRECV
    pending = second.set_remote(OFFER, first.pending_local.sdp).media[0]
    assert (pending.send, pending.receive) == (other.media[0].send, other.media[0].receive)
    assert pending.remote_direction is RECVONLY


def test_provisional_answers_count():
    first, second = pair()
    offer = offer_of(first, wish(0))
    second.set_remote(OFFER, offer, wanted(wish(0)))
    reply = serialize(second.create_answer(OTHER, wanted(wish(0, direction=SENDONLY))))
    applied = second.set_local(PRANSWER, reply)
    assert applied.media[0].current_direction is SENDONLY
    other = first.set_remote(PRANSWER, reply)
    assert other.state is SignalingState.HAVE_REMOTE_PRANSWER
    assert other.media[0].current_direction is RECVONLY
    reply = serialize(second.create_answer(OTHER, wanted(wish(0))))
    assert second.set_local(ANSWER, reply).media[0].current_direction is SENDRECV
    assert first.set_remote(ANSWER, reply).media[0].current_direction is SENDRECV


def test_a_section_without_a_common_codec_is_rejected_and_the_rest_lives():
    first, second = pair()
    offer = offer_of(first, wish(0), wish(1, "audio"), data_channel=True)
    for name in ("VP8", "VP9", "H264", "AV1"):
        offer = offer.replace(f"{name}/90000", f"x-{name}/90000")
    applied = second.set_remote(OFFER, offer)
    assert [facts.transceiver for facts in applied.media] == [-1]
    reply = second.create_answer(OTHER)
    assert [media.port for media in reply.media] == [0, 9, 9]
    second.set_local(ANSWER)
    applied = first.set_remote(ANSWER, reply)
    assert applied.stopped == (0,)
    assert applied.data_channel is not None


def test_an_answer_without_a_common_codec_is_refused():
    first, second = pair()
    offer = offer_of(first, wish(0))
    second.set_remote(OFFER, offer)
    reply = serialize(second.create_answer(OTHER))
    for name in ("VP8", "VP9", "H264", "AV1"):
        reply = reply.replace(f"{name}/90000", f"x-{name}/90000")
    with pytest.raises(InvalidAccessError, match="no codec of the offer"):
        first.set_remote(ANSWER, reply)
    assert first.state is SignalingState.HAVE_LOCAL_OFFER


@pytest.mark.parametrize("kind", [OFFER, ANSWER])
def test_rtcp_needs_to_be_multiplexed(kind):
    first, second = pair()
    offer = offer_of(first, wish(0))
    if kind is OFFER:
        with pytest.raises(InvalidAccessError, match="rtcp-mux"):
            second.set_remote(OFFER, offer.replace("a=rtcp-mux\r\n", ""))
        return
    second.set_remote(OFFER, offer)
    with pytest.raises(InvalidAccessError, match="rtcp-mux"):
        first.set_remote(ANSWER, serialize(second.create_answer(OTHER)).replace("a=rtcp-mux\r\n", ""))


@pytest.mark.parametrize("kind", [OFFER, ANSWER])
def test_plan_b_is_refused_in_offers_and_answers(kind):
    first, second = pair()
    offer = offer_of(first, wish(0))
    tracks = "a=rtcp-mux\r\na=ssrc:1 msid:stream one\r\na=ssrc:2 msid:stream two\r\n"
    if kind is OFFER:
        with pytest.raises(InvalidAccessError, match="Plan B"):
            second.set_remote(OFFER, offer.replace("a=rtcp-mux\r\n", tracks))
        return
    second.set_remote(OFFER, offer)
    with pytest.raises(InvalidAccessError, match="Plan B"):
        first.set_remote(ANSWER, serialize(second.create_answer(OTHER)).replace("a=rtcp-mux\r\n", tracks))


def test_a_peer_without_mids_gets_none_in_packets():
    first, second = pair()
    offer = offer_of(first, wish(0)).replace("a=mid:0\r\n", "").replace("a=group:BUNDLE 0\r\n", "")
    second.set_remote(OFFER, offer)
    second.create_answer(OTHER)
    (facts,) = second.set_local(ANSWER).media
    assert facts.mid == "0"
    assert facts.send.mid is facts.receive.mid is None
