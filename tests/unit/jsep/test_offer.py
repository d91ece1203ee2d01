import pytest

from rtcpeer.errors import InvalidStateError
from rtcpeer.jsep import Negotiation, Wanted
from rtcpeer.sdp import parse, serialize
from tests.unit.jsep.parts import ANSWER, DATA, LOCAL, NO_MEDIA, OFFER, RESTARTED, answer, connected, offered
from tests.unit.sdp.fixtures import read


def test_the_first_offer_of_a_data_channel():
    text = serialize(Negotiation("77").create_offer(DATA, LOCAL))
    assert text.split("\r\n") == [
        "v=0",
        "o=- 77 0 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=ice-options:trickle ice2",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=ice-ufrag:ourfrag1",
        "a=ice-pwd:ourpassword1ourpassword1",
        "a=fingerprint:sha-256 AA:BB",
        "a=setup:actpass",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
        "",
    ]


def test_no_tls_id_is_said_and_the_peers_is_ignored():
    _, offer = offered()
    assert "tls-id" not in offer
    second = Negotiation("2")
    text, first_answer = answer(second, offer.replace("a=setup", "a=tls-id:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=setup"))
    assert "tls-id" not in text
    applied = second.set_remote(OFFER, offer.replace("a=setup", "a=tls-id:bbbbbbbbbbbbbbbbbbbbbbbb\r\na=setup"))
    assert not applied.is_dtls_restart
    assert applied.is_dtls_client is first_answer.is_dtls_client


def test_an_offer_of_nothing_has_no_sections():
    offer = Negotiation("1").create_offer(Wanted(), LOCAL)
    assert offer.media == ()
    assert not offer.attributes.has("group")


def test_the_version_grows_only_with_the_content():
    first, _ = connected()
    again = first.create_offer(DATA, LOCAL)
    assert again.origin.session_version == "0"
    restart = first.create_offer(DATA, RESTARTED)
    assert restart.origin.session_version == "1"
    assert restart.origin.session_id == again.origin.session_id


def test_a_later_offer_keeps_order_and_mids_and_uses_a_dead_slot_again():
    negotiation = Negotiation("1", NO_MEDIA)
    answer(negotiation, read("chromium-offer-av"))
    offer = negotiation.create_offer(DATA, LOCAL)
    assert [(media.kind, bool(media.port)) for media in offer.media] == [("application", True), ("video", False)]
    mids = [media.attributes.first("mid").value for media in offer.media]
    assert mids == ["2", "1"]
    assert offer.attributes.first("group").value == "BUNDLE 2"


def test_a_negotiated_data_channel_stays_although_nobody_asks():
    first, _ = connected()
    assert len(first.create_offer(Wanted(), LOCAL).media) == 1


def test_an_offer_can_be_made_anew_before_its_answer():
    negotiation, text = offered()
    assert serialize(negotiation.create_offer(DATA, LOCAL)) == text
    negotiation.set_local(OFFER)
    assert serialize(negotiation.local_description().sdp) == text


def test_no_offer_while_one_waits_for_our_answer():
    negotiation = Negotiation("1")
    negotiation.set_remote(OFFER, read("chromium-offer-data"))
    with pytest.raises(InvalidStateError):
        negotiation.create_offer(DATA, LOCAL)


def test_the_session_accepts_a_recycled_slot_from_us():
    negotiation = Negotiation("1", NO_MEDIA)
    answer(negotiation, read("chromium-offer-av"))
    offer = serialize(negotiation.create_offer(DATA, LOCAL))
    negotiation.set_local(OFFER, offer)
    applied = negotiation.set_remote(ANSWER, _accepting(offer))
    assert applied.mids == ("2",)
    assert applied.data_channel.mid == "2"


def _accepting(offer):
    text = offer.replace("a=setup:actpass", "a=setup:active")
    parse(text)
    return text
