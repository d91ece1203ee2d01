import pytest

from rtcpeer.errors import (
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    OperationError,
    SdpSyntaxError,
)
from rtcpeer.jsep import Negotiation, SignalingState, Wanted
from rtcpeer.sdp import serialize
from tests.unit.jsep.parts import (
    ANSWER,
    DATA,
    LOCAL,
    OFFER,
    OTHER,
    PRANSWER,
    RESTARTED,
    ROLLBACK,
    answer,
    connected,
    offered,
)
from tests.unit.sdp.fixtures import read


def test_two_of_us_agree():
    first, second = connected()
    assert first.state is second.state is SignalingState.STABLE
    assert first.session.is_controlling is True
    assert second.session.is_controlling is False
    assert first.session.transport(0).is_dtls_client is False
    assert second.session.transport(0).is_dtls_client is True
    assert first.session.remote.username_fragment == OTHER.username_fragment
    assert second.session.remote.fingerprints == LOCAL.fingerprints
    assert first.current_local is not None
    assert first.pending_local is first.pending_remote is None


def test_either_side_may_restart():
    first, second = connected()
    offer = serialize(first.create_offer(Wanted(), RESTARTED))
    assert first.set_local(OFFER, offer).is_ice_restart
    assert second.set_remote(OFFER, offer).is_ice_restart
    second.create_answer(OTHER)
    assert not second.set_local(ANSWER).is_ice_restart
    assert second.session.remote.username_fragment == RESTARTED.username_fragment


def test_rollback_of_our_offer():
    negotiation, _ = offered()
    applied = negotiation.set_local(ROLLBACK)
    assert applied.is_rolled_back
    assert applied.sections == ()
    assert applied.is_controlling is None
    assert negotiation.pending_local is None
    assert negotiation.state is SignalingState.STABLE


def test_rollback_of_a_remote_offer_brings_the_old_transport_back():
    negotiation = Negotiation("1")
    answer(negotiation, read("chromium-offer-data"))
    before = negotiation.session
    negotiation.set_remote(OFFER, read("chromium-offer-data").replace("DLoK", "XXXX"))
    assert negotiation.session.remote.username_fragment == "XXXX"
    assert negotiation.set_remote(ROLLBACK).remote.username_fragment == "DLoK"
    assert negotiation.session == before


def test_glare_takes_our_offer_back():
    negotiation, _ = offered()
    applied = negotiation.set_remote(OFFER, read("firefox-offer-data"))
    assert applied.is_rolled_back
    assert applied.state is SignalingState.HAVE_REMOTE_OFFER
    assert applied.is_controlling is False
    assert negotiation.pending_local is None


def test_a_bad_offer_in_glare_changes_nothing():
    negotiation, _ = offered()
    with pytest.raises(InvalidAccessError):
        negotiation.set_remote(OFFER, read("firefox-offer-data").replace("a=ice-pwd", "a=x"))
    assert negotiation.state is SignalingState.HAVE_LOCAL_OFFER
    assert negotiation.pending_local is not None
    assert negotiation.set_remote(ANSWER, read("firefox-answer-data")).data_channel is not None


@pytest.mark.parametrize(
    "change",
    [
        ("a=mid:0", "a=mid:1"),
        ("a=sctp-port:5000", "a=sctp-port:5001"),
        ("o=- 1 0", "o=- 1 1"),
        ("ourfrag1", "ourfrag9"),
    ],
)
def test_a_modified_description_is_refused(change):
    negotiation = Negotiation("1")
    text = serialize(negotiation.create_offer(DATA, LOCAL))
    assert change[0] in text
    with pytest.raises(InvalidModificationError):
        negotiation.set_local(OFFER, text.replace(*change))
    assert negotiation.state is SignalingState.STABLE


def test_what_was_never_created_or_is_outdated_can_not_be_set():
    negotiation = Negotiation("1")
    with pytest.raises(InvalidModificationError, match="no offer was created"):
        negotiation.set_local(OFFER)
    stale = negotiation.create_offer(DATA, LOCAL)
    answer(negotiation, read("chromium-offer-data"))
    with pytest.raises(InvalidModificationError):
        negotiation.set_local(OFFER, stale)


def test_wrong_states():
    negotiation = Negotiation("1")
    for call in (negotiation.set_local, negotiation.set_remote):
        for kind in (ANSWER, PRANSWER, ROLLBACK):
            with pytest.raises(InvalidStateError, match="stable"):
                call(kind, "")
    with pytest.raises(SdpSyntaxError):
        negotiation.set_remote(OFFER, "nonsense")
    with pytest.raises(SdpSyntaxError):
        negotiation.set_remote(OFFER)


def test_nothing_after_close():
    negotiation, _ = offered()
    negotiation.close()
    with pytest.raises(InvalidStateError, match="closed"):
        negotiation.set_remote(ANSWER, read("chromium-answer-data"))
    with pytest.raises(InvalidStateError, match="closed"):
        negotiation.create_offer(DATA, LOCAL)
    with pytest.raises(InvalidStateError, match="closed"):
        negotiation.implied_local_type()


def test_the_type_that_an_empty_call_means():
    negotiation, _ = offered()
    assert negotiation.implied_local_type() is OFFER
    negotiation.set_remote(OFFER, read("chromium-offer-data"))
    assert negotiation.implied_local_type() is ANSWER


def test_negotiation_is_needed_until_the_channel_has_its_section():
    negotiation = Negotiation("1")
    assert not negotiation.is_negotiation_needed(Wanted())
    assert negotiation.is_negotiation_needed(DATA)
    answer(negotiation, read("chromium-offer-av"))
    assert negotiation.is_negotiation_needed(DATA)
    first, _ = connected()
    assert not first.is_negotiation_needed(DATA)


@pytest.mark.parametrize(("mid", "index"), [("application2", None), ("application2", 0), (None, 2), ("", 2)])
def test_candidates_find_their_section(mid, index):
    negotiation = Negotiation("1")
    negotiation.set_remote(OFFER, read("gstreamer-offer-av-data"))
    assert negotiation.find_section(mid, index).kind == "application"


def test_candidates_without_a_section():
    negotiation = Negotiation("1")
    with pytest.raises(InvalidStateError):
        negotiation.find_section("0", 0)
    negotiation.set_remote(OFFER, read("chromium-offer-data"))
    for mid, index in (("7", 0), (None, 1), (None, -1)):
        with pytest.raises(OperationError):
            negotiation.find_section(mid, index)
    with pytest.raises(TypeError):
        negotiation.find_section(None, None)


def test_a_remote_provisional_answer():
    negotiation, _ = offered()
    applied = negotiation.set_remote(PRANSWER, read("chromium-answer-data"))
    assert applied.state is SignalingState.HAVE_REMOTE_PRANSWER
    assert applied.remote is not None
    assert applied.is_dtls_client is False
    assert negotiation.current_remote is None
    assert negotiation.set_remote(ANSWER, read("chromium-answer-data")).state is SignalingState.STABLE


def test_descriptions_by_name():
    negotiation, text = offered()
    assert negotiation.local_description_text("pending") == text
    assert negotiation.local_description_text("effective") == text
    assert negotiation.local_description_text("current") is None
    assert negotiation.remote_description() is None
    negotiation.set_remote(ANSWER, read("chromium-answer-data"))
    assert negotiation.local_description_text("current") == text
    assert negotiation.local_description_text("pending") is None
    assert negotiation.remote_description("current").type is ANSWER
    assert negotiation.remote_description("pending") is None
