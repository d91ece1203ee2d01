import pytest

from rtcpeer.jsep import Negotiation, NegotiationSettings
from rtcpeer.sdp import serialize
from tests.unit.jsep.parts import ANSWER, LOCAL, OFFER, OTHER, exchange, wanted, wish

CALL = wanted(wish(0, "audio"), wish(1), data_channel=True)


def offerer(policy):
    return Negotiation("1", NegotiationSettings(bundle_policy=policy))


def ports(description):
    return [(media.port, media.attributes.has("bundle-only")) for media in description.media]


@pytest.mark.parametrize("policy", ["balanced", "max-compat"])
def test_nothing_is_bundle_only_unless_it_is_asked_for(policy):
    assert ports(offerer(policy).create_offer(CALL, LOCAL)) == [(9, False)] * 3


def test_with_max_bundle_only_the_first_section_may_stand_alone():
    first = offerer("max-bundle")
    offer = first.create_offer(CALL, LOCAL)
    assert ports(offer) == [(9, False), (0, True), (0, True)]
    assert offer.attributes.first("group").value == "BUNDLE 0 1 2"
    applied, other = exchange(first, Negotiation("2"), CALL)
    assert applied.mids == other.mids == ("0", "1", "2")
    # What is bundled needs no mark; what is new does.
    grown = wanted(*CALL.transceivers, wish(2), data_channel=True)
    assert ports(first.create_offer(grown, LOCAL)) == [(9, False)] * 3 + [(0, True)]


def test_a_peer_that_does_not_bundle_rejects_what_is_bundle_only():
    first, second = offerer("max-bundle"), Negotiation("2")
    first.create_offer(CALL, LOCAL)
    first.set_local(OFFER)
    text = serialize(first.pending_local.sdp).replace("a=bundle-only\r\n", "")
    second.set_remote(OFFER, text.replace("a=group:BUNDLE 0 1 2\r\n", ""))
    reply = second.create_answer(OTHER)
    assert ports(reply) == [(9, False), (0, False), (0, False)]
    applied = first.set_remote(ANSWER, reply)
    assert applied.mids == ("0",)
    assert applied.stopped == (1,)
    assert applied.is_data_channel_refused
