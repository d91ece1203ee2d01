import re

import pytest

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep import LocalTransport, Negotiation, NegotiationSettings
from rtcpeer.sdp import serialize
from tests.unit.jsep.parts import ANSWER, LOCAL, OFFER, OTHER, ROLLBACK, exchange, wanted, wish

CALL = wanted(wish(0, "audio"), wish(1), data_channel=True)


def offerer(policy, **changes):
    return Negotiation("1", NegotiationSettings(bundle_policy=policy, **changes))


def ports(description):
    return [(media.port, media.attributes.has("bundle-only")) for media in description.media]


def local(side, generation=""):
    """A transport of its own for each key."""

    def transport(key):
        name = f"{side}{generation}{key}"
        return LocalTransport(f"frag{name}", f"password-of-{name}-password", (("sha-256", "AA:BB"),), key=key)

    return transport


def offer_of(negotiation, wishes=CALL, generation=""):
    text = serialize(negotiation.create_offer(wishes, local("a", generation)))
    negotiation.set_local(OFFER, text)
    return text


def stripped(text):
    return re.sub("a=group:BUNDLE .*\r\n", "", text)


def answer_of(negotiation, offer, wishes=CALL, generation=""):
    negotiation.set_remote(OFFER, offer, wishes)
    text = serialize(negotiation.create_answer(local("b", generation), wishes))
    return text, negotiation.set_local(ANSWER, text)


def fragments(text):
    return re.findall("a=ice-ufrag:(.*)\r", text)


def transports(applied):
    return {each.key: each.mids for each in applied.transports}


def unbundled():
    """Two negotiations that have settled a transport for each of three sections."""
    first, second = offerer("max-compat"), offerer("max-compat")
    reply, _ = answer_of(second, stripped(offer_of(first)))
    first.set_remote(ANSWER, reply)
    return first, second


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
    text = serialize(first.pending_local.sdp)
    second.set_remote(OFFER, stripped(text))
    reply = second.create_answer(OTHER)
    assert ports(reply) == [(9, False), (0, False), (0, False)]
    applied = first.set_remote(ANSWER, reply)
    assert applied.mids == ("0",)
    assert applied.stopped == (1,)
    assert applied.is_data_channel_refused


@pytest.mark.parametrize(("policy", "number"), [("balanced", 1), ("max-compat", 3), ("max-bundle", 1)])
def test_offers_have_transports_by_the_policy_and_answers_that_bundle_leave_one(policy, number):
    first, second = offerer(policy), offerer(policy)
    offer = offer_of(first)
    assert len(set(fragments(offer))) == number
    assert "a=group:BUNDLE 0 1 2\r\n" in offer
    assert len(first.session.transports) == number
    reply, answered = answer_of(second, offer)
    assert len(set(fragments(reply))) == 1
    applied = first.set_remote(ANSWER, reply)
    assert transports(applied) == transports(answered) == {0: ("0", "1", "2")}
    assert applied.remote.username_fragment == "fragb0"
    # The peer is known to bundle: what is new has the transport that there is.
    offer = offer_of(first, wanted(*CALL.transceivers, wish(2), data_channel=True))
    assert set(fragments(offer)) == {"fraga0"}


def test_an_offer_without_groups_is_answered_with_a_transport_for_each_section():
    first, second = offerer("max-compat"), Negotiation("2")
    reply, answered = answer_of(second, stripped(offer_of(first)))
    assert "BUNDLE" not in reply
    assert fragments(reply) == ["fragb0", "fragb1", "fragb2"]
    applied = first.set_remote(ANSWER, reply)
    assert transports(applied) == transports(answered) == {0: ("0",), 1: ("1",), 2: ("2",)}
    assert [each.remote.username_fragment for each in applied.transports] == ["fragb0", "fragb1", "fragb2"]
    assert [each.is_dtls_client for each in applied.transports] == [False] * 3
    assert [each.is_dtls_client for each in answered.transports] == [True] * 3


def test_what_an_answer_takes_out_of_a_group_keeps_the_credentials_that_were_offered():
    first, second = offerer("balanced"), Negotiation("2")
    reply, _ = answer_of(second, stripped(offer_of(first)))
    applied = first.set_remote(ANSWER, reply)
    assert transports(applied) == {0: ("0",), 1: ("1",), 2: ("2",)}
    assert {each.local_credentials[0] for each in applied.transports} == {"fraga0"}
    candidate = "1 1 udp 2130706431 192.0.2.1 5000 typ host"
    known = LocalTransport("fraga0", "p" * 22, (), candidates=(candidate,), key=1)
    text = first.local_description_text("effective", known)
    assert [candidate in section for section in text.split("m=")[1:]] == [False, True, False]
    # A restart gives each its own.
    assert fragments(offer_of(first, generation="-")) == ["fraga-0", "fraga-1", "fraga-2"]


def test_what_can_not_be_parted_is_rejected():
    first, second = offerer("balanced", can_part_transports=False), Negotiation("2")
    reply, _ = answer_of(second, stripped(offer_of(first)))
    applied = first.set_remote(ANSWER, reply)
    assert applied.mids == ("0",)
    assert applied.stopped == (1,)


def test_several_groups_are_several_transports_and_stay_so():
    first, second = offerer("max-compat"), Negotiation("2")
    two = ("BUNDLE 0 1 2", "BUNDLE 1\r\na=group:BUNDLE 2 0")
    reply, answered = answer_of(second, offer_of(first).replace(*two))
    assert transports(answered) == {0: ("0", "2"), 1: ("1",)}
    assert second.session.transport(0).remote.username_fragment == "fraga2"  # the tagged one stands first in its group
    assert re.findall("a=group:BUNDLE (.*)\r", reply) == ["0 2", "1"]
    applied = first.set_remote(ANSWER, reply)
    assert transports(applied) == {0: ("0", "2"), 1: ("1",)}
    offer = offer_of(first, wanted(*CALL.transceivers, wish(2), data_channel=True))
    assert re.findall("a=group:BUNDLE (.*)\r", offer) == ["0 2 3", "1"]


def test_sections_keep_their_transports_and_new_ones_get_others():
    first, second = unbundled()
    grown = wanted(*CALL.transceivers, wish(2), data_channel=True)
    offer = offer_of(first, grown)
    assert "BUNDLE" not in offer
    assert fragments(offer) == ["fraga0", "fraga1", "fraga2", "fraga3"]
    reply, answered = answer_of(second, offer, grown)
    assert transports(answered) == {0: ("0",), 1: ("1",), 2: ("2",), 3: ("3",)}
    first.set_remote(ANSWER, reply)
    # The first ends, and its transport with it; until the answer it may come back.
    stopped = wanted(wish(0, "audio", is_stopped=True), *grown.transceivers[1:], data_channel=True)
    offer = offer_of(first, stopped)
    assert {each.key for each in first.session.transports} == {0, 1, 2, 3}
    reply, answered = answer_of(second, offer, grown)
    applied = first.set_remote(ANSWER, reply)
    assert transports(applied) == transports(answered) == {1: ("1",), 2: ("2",), 3: ("3",)}


def test_a_description_without_sections_asks_for_no_other_transport():
    first, second = unbundled()
    stopped = wanted(wish(0, "audio", is_stopped=True), wish(1), data_channel=True)
    answer_of(second, offer_of(first, stopped))
    asked = []

    def transport(key):
        asked.append(key)
        return local("b")(key)

    rejected = re.sub("(?m)^m=(video|application) 9", r"m=\1 0", offer_of(first, stopped))
    second.set_remote(OFFER, rejected)
    second.create_answer(transport)
    assert asked == [1]


def test_a_peer_that_bundles_later_changes_no_transport():
    first, second = unbundled()
    reply, answered = answer_of(second, offer_of(first).replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0 1 2\r\n"))
    assert transports(answered) == {0: ("0",), 1: ("1",), 2: ("2",)}
    assert re.findall("a=group:BUNDLE (.*)\r", reply) == ["0", "1", "2"]


def test_an_association_does_not_change_its_transport():
    first, second = offerer("balanced"), Negotiation("2")
    exchange(first, second, CALL, CALL)
    offer = offer_of(first).replace("BUNDLE 0 1 2", "BUNDLE 0")
    _, answered = answer_of(second, offer)
    assert transports(answered) == {0: ("0",), 1: ("1",)}
    assert answered.is_data_channel_refused


def test_restarts_are_those_of_their_transports():
    first, second = unbundled()
    offer = offer_of(first).replace("fraga1", "another1")
    applied = second.set_remote(OFFER, offer, CALL)
    assert applied.ice_restarts == second.restarts_offered == {1}
    assert not applied.dtls_restarts
    applied = second.set_remote(OFFER, offer.replace("AA:BB", "AA:CC", 1), CALL)
    assert applied.dtls_restarts == {0}


def test_a_rollback_tells_that_the_offers_transports_are_needed_no_more():
    first = offerer("max-compat")
    offer_of(first)
    assert first.set_local(ROLLBACK).transports == ()
    first, _ = unbundled()
    offer_of(first, wanted(*CALL.transceivers, wish(2), data_channel=True))
    assert len(first.session.transports) == 4
    assert transports(first.set_local(ROLLBACK)) == {0: ("0",), 1: ("1",), 2: ("2",)}


def test_what_has_no_transport_of_its_own_and_no_group_is_rejected():
    first = offerer("max-bundle")
    offer = offer_of(first)
    _, answered = answer_of(Negotiation("2"), stripped(offer))
    assert answered.mids == ("0",)


def test_each_transport_needs_its_own_multiplexing_and_has_its_own_extension_ids():
    offer = stripped(offer_of(offerer("max-compat")))
    head, audio, video, data = offer.split("m=")
    [number] = [value.split()[0] for value in re.findall("a=extmap:(.*:mid)\r", video)]
    uri = values_of(audio, number)
    assert uri  # the id means the same in both
    clashing = video.replace(f"extmap:{number} urn", "extmap:1 urn").replace("extmap:2 ", f"extmap:{number} ")
    _, answered = answer_of(Negotiation("2"), f"{head}m={audio}m={clashing}m={data}")
    assert answered.mids == ("0", "1", "2")
    with pytest.raises(InvalidAccessError, match="rtcp-mux"):
        Negotiation("2").set_remote(OFFER, "m=".join((head, audio, video.replace("a=rtcp-mux\r\n", ""), data)))


def values_of(section, number):
    return re.findall(f"a=extmap:{number} (.*)\r", section)


def test_a_connection_without_sections_goes_on_with_its_transport():
    first, second = offerer("balanced"), Negotiation("2")
    exchange(first, second, wanted(wish(0)))
    exchange(first, second, wanted(wish(0, is_stopped=True)))
    assert transports(first.session) == transports(second.session) == {0: ()}
    applied, answered = exchange(first, second, wanted(wish(1)))
    assert transports(applied) == transports(answered) == {0: ("1",)}


def test_a_peer_gets_no_more_transports_than_there_may_be():
    many = wanted(*(wish(key) for key in range(6)))
    settings = NegotiationSettings(max_transports=4)
    first, second = offerer("max-compat"), Negotiation("2", settings)
    _, answered = answer_of(second, stripped(offer_of(first, many)), many)
    assert answered.mids == ("0", "1", "2", "3")
    first, second = offerer("balanced", max_transports=4), Negotiation("2")
    reply, _ = answer_of(second, stripped(offer_of(first, many)), many)
    assert first.set_remote(ANSWER, reply).mids == ("0", "1", "2", "3")
    with pytest.raises(ValueError, match="max_transports"):
        NegotiationSettings(max_transports=0)
