import pytest

from rtcpeer.jsep import Negotiation, NegotiationSettings
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.sdp import serialize
from tests.unit.jsep.parts import (
    ANSWER,
    LOCAL,
    OFFER,
    OTHER,
    RECVONLY,
    SENDONLY,
    exchange,
    section,
    simulcast,
    values,
    wanted,
    wish,
)


def pair(**settings):
    return Negotiation("1"), Negotiation("2", NegotiationSettings(**settings))


def rids(facts):
    return tuple(encoding.rid for encoding in facts.send.encodings)


def test_simulcast_is_offered_by_rids_and_without_ssrcs():
    media = section(Negotiation("1").create_offer(wanted(simulcast(0, "q", "h", "f")), LOCAL))
    assert values(media, "rid") == ["q send", "h send", "f send"]
    assert values(media, "simulcast") == ["send q;h;f"]
    assert not media.attributes.has("ssrc")
    assert not media.attributes.has("ssrc-group")
    uris = {value.split()[1] for value in values(media, "extmap")}
    assert {ExtensionUri.MID, ExtensionUri.RID, ExtensionUri.REPAIRED_RID} <= uris


def test_one_encoding_is_no_simulcast():
    media = section(Negotiation("1").create_offer(wanted(simulcast(0, "q")), LOCAL))
    assert not media.attributes.has("simulcast")
    assert media.attributes.has("ssrc")


def test_all_encodings_are_sent_and_expected():
    applied, other = exchange(*pair(), wanted(simulcast(0, "q", "h", "f")))
    assert rids(applied.media[0]) == other.media[0].receive.rids == ("q", "h", "f")
    assert other.media[0].receive.ssrcs == ()


def test_without_simulcast_in_the_answer_the_first_encoding_is_sent():
    applied, other = exchange(*pair(accepts_simulcast=False), wanted(simulcast(0, "q", "h", "f")))
    assert rids(applied.media[0]) == ("q",)
    assert other.media[0].receive.rids == ()


def test_without_the_rid_extension_there_is_no_simulcast():
    first, second = pair()
    offer = serialize(first.create_offer(wanted(simulcast(0, "q", "h")), LOCAL)).replace(ExtensionUri.RID, "urn:x")
    second.set_remote(OFFER, offer)
    assert not section(second.create_answer(OTHER)).attributes.has("simulcast")


def test_an_answer_may_take_some_encodings():
    first, second = pair()
    first.create_offer(wanted(simulcast(0, "q", "h", "f")), LOCAL)
    first.set_local(OFFER)
    second.set_remote(OFFER, first.pending_local.sdp)
    reply = serialize(second.create_answer(OTHER)).replace("simulcast:recv q;h;f", "simulcast:recv ~f,h;q;x")
    assert rids(first.set_remote(ANSWER, reply).media[0]) == ("q", "f")


def test_a_peer_asks_for_simulcast():
    """A forwarding server offers to receive rids; the owner gives its sender those encodings before it answers."""
    first, second = pair()
    asking = wanted(wish(0, direction=RECVONLY, receive_rids=("lo", "hi")))
    first.create_offer(asking, LOCAL)
    first.set_local(OFFER)
    offer = first.pending_local.sdp
    assert values(section(offer), "simulcast") == ["recv lo;hi"]
    (facts,) = second.set_remote(OFFER, offer, wanted(wish(0))).media
    assert facts.requested_rids == ("lo", "hi")
    reply = second.create_answer(OTHER, wanted(simulcast(0, "lo", "hi", "more")))
    assert values(section(reply), "rid") == ["lo send", "hi send"]
    (facts,) = second.set_local(ANSWER).media
    assert rids(facts) == ("lo", "hi")
    assert facts.requested_rids == ()
    (facts,) = first.set_remote(ANSWER, reply).media
    assert facts.receive.rids == ("lo", "hi")


def test_an_answer_without_the_encodings_that_were_asked_for_is_no_simulcast():
    first, second = pair()
    first.create_offer(wanted(wish(0, direction=RECVONLY, receive_rids=("lo", "hi"))), LOCAL)
    first.set_local(OFFER)
    second.set_remote(OFFER, first.pending_local.sdp, wanted(wish(0)))
    reply = second.create_answer(OTHER, wanted(wish(0)))
    assert not section(reply).attributes.has("simulcast")
    assert section(reply).attributes.has("ssrc")
    (facts,) = second.set_local(ANSWER).media
    assert len(facts.send.encodings) == 1


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a=rid:a send", "a=simulcast:send a;b"], ("a",)),
        (["a=rid:a send", "a=rid:b send"], ()),
        (["a=rid:a send", "a=rid:b send", "a=simulcast:send b,a"], ("b",)),
        (["a=rid:a send", "a=rid:b send pt=96;max-width=320", "a=simulcast:send ~b;a"], ("b", "a")),
        (["a=rid:a! send", "a=rid:b send", "a=simulcast:send a!;b"], ("b",)),
        (["a=rid:a recv", "a=simulcast:send a"], ()),
    ],
)
def test_rids_that_an_offer_describes(lines, expected):
    first, second = pair()
    offer = serialize(first.create_offer(wanted(wish(0, direction=SENDONLY)), LOCAL))
    second.set_remote(OFFER, offer + "".join(f"{line}\r\n" for line in lines))
    assert (
        tuple(value.removesuffix(" recv") for value in values(section(second.create_answer(OTHER)), "rid")) == expected
    )
