from dataclasses import replace

import pytest

from rtcpeer.jsep import Negotiation
from tests.unit.jsep.parts import (
    ANSWER,
    INACTIVE,
    LOCAL,
    NO_MEDIA,
    OFFER,
    RECVONLY,
    SENDONLY,
    SENDRECV,
    exchange,
    wanted,
    wish,
)


def connected(offered=SENDRECV, answered=SENDRECV):
    """Offerer and answerer of one video section, and what each of them wants."""
    first, second = Negotiation("1"), Negotiation("2")
    exchange(first, second, wanted(wish(0, direction=offered)), wanted(wish(5, direction=answered)))
    return first, second, wish(0, direction=offered), second.session.sections[0].transceiver


def is_needed(negotiation, *wishes):
    return negotiation.is_negotiation_needed(wanted(*wishes))


def test_a_new_transceiver_asks_and_a_settled_one_does_not():
    first, _, ours, _ = connected()
    assert not is_needed(first, ours)
    assert is_needed(first, ours, wish(1, "audio"))
    assert not is_needed(first)


def test_stopping_asks_where_there_is_a_section_only():
    first, _, ours, _ = connected()
    assert is_needed(first, replace(ours, is_stopped=True))
    assert not is_needed(first, ours, wish(1, is_stopped=True))


def test_without_a_codec_there_is_nothing_to_offer():
    negotiation = Negotiation("1", NO_MEDIA)
    assert not is_needed(negotiation, wish(0))
    assert not negotiation.create_offer(wanted(wish(0)), LOCAL).media


@pytest.mark.parametrize("direction", [SENDONLY, RECVONLY, INACTIVE])
def test_another_direction_asks(direction):
    first, second, ours, key = connected()
    assert is_needed(first, replace(ours, direction=direction))
    assert not is_needed(second, wish(key))
    assert is_needed(second, wish(key, direction=direction))


def test_the_offerer_is_content_when_the_peer_has_narrowed_its_offer_to_what_is_now_wanted():
    first, _, ours, _ = connected(SENDRECV, RECVONLY)
    assert first.session.sections[0].media.current_direction is SENDONLY
    assert not is_needed(first, ours)
    assert not is_needed(first, replace(ours, direction=SENDONLY))
    assert is_needed(first, replace(ours, direction=RECVONLY))


def test_the_answerer_compares_with_what_was_offered():
    _, second, _, key = connected(SENDONLY, RECVONLY)
    assert not is_needed(second, wish(key, direction=RECVONLY))
    assert is_needed(second, wish(key, direction=INACTIVE))


def test_other_streams_ask():
    first, second, ours, key = connected()
    for streams in (("stream", "another"), ("another",), ()):
        assert is_needed(first, replace(ours, stream_ids=streams))
        assert is_needed(second, wish(key, stream_ids=streams))
    assert not is_needed(second, wish(key, direction=SENDRECV))


def test_a_track_that_the_peer_does_not_want_asks_for_nothing():
    _, second, _, key = connected(SENDONLY, SENDRECV)
    assert second.session.sections[0].media.current_direction is RECVONLY
    assert not is_needed(second, wish(key, direction=SENDRECV))


def test_what_is_pending_counts_for_nothing():
    first, second, ours, _ = connected()
    changed = replace(ours, direction=RECVONLY)
    first.create_offer(wanted(changed), LOCAL)
    first.set_local(OFFER)
    assert is_needed(first, changed)
    second.set_remote(OFFER, first.pending_local.sdp)
    first.set_remote(ANSWER, second.create_answer(LOCAL))
    assert not is_needed(first, changed)
