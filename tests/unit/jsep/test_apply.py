import pytest

from rtcpeer.errors import InvalidAccessError, SdpSyntaxError
from rtcpeer.jsep import Negotiation, Wanted
from tests.unit.jsep.parts import ANSWER, DATA, LOCAL, NO_MEDIA, OFFER, RESTARTED, answer, offered
from tests.unit.sdp.fixtures import NAMES, read

DATA_ANSWERS = [name for name in NAMES if name.endswith("-answer-data")]
RESTARTS = [name for name in NAMES if name.endswith("-restart-data")]


@pytest.mark.parametrize("name", DATA_ANSWERS)
def test_every_foreign_answer_completes_our_offer(name):
    negotiation, _ = offered()
    applied = negotiation.set_remote(ANSWER, read(name))
    assert applied.state.value == "stable"
    assert applied.mids == ("0",)
    assert applied.is_controlling is True
    assert applied.is_dtls_client is False
    assert applied.data_channel.remote_port == 5000
    assert not applied.is_ice_restart


@pytest.mark.parametrize("name", RESTARTS)
def test_every_foreign_restart_is_noticed_and_keeps_dtls(name):
    negotiation, _ = offered()
    negotiation.set_remote(ANSWER, read(name.replace("restart", "answer")))
    applied = negotiation.set_remote(OFFER, read(name))
    assert applied.is_ice_restart
    assert not applied.is_dtls_restart
    assert applied.is_dtls_client is False
    assert applied.is_controlling is True


def test_the_same_offer_again_is_no_restart():
    negotiation = Negotiation("1")
    answer(negotiation, read("chromium-offer-data"))
    assert not negotiation.set_remote(OFFER, read("chromium-offer-data")).is_ice_restart


def test_another_certificate_is_another_association():
    negotiation = Negotiation("1")
    answer(negotiation, read("chromium-offer-data"))
    applied = negotiation.set_remote(OFFER, read("chromium-offer-data").replace("sha-256 C7:CF", "sha-256 C7:C0"))
    assert applied.is_dtls_restart
    assert applied.is_dtls_client is None


@pytest.mark.parametrize("flipped", ["active", "actpass", "passive"])
def test_an_answer_that_flips_the_roles_is_survived(flipped):
    negotiation = Negotiation("1")
    answer(negotiation, read("firefox-offer-data"))
    assert negotiation.session.transport(0).is_dtls_client is True
    negotiation.create_offer(DATA, RESTARTED)
    assert negotiation.set_local(OFFER).is_ice_restart
    applied = negotiation.set_remote(ANSWER, read("firefox-offer-data").replace("actpass", flipped))
    assert applied.is_dtls_client is True
    assert applied.is_controlling is False


@pytest.mark.parametrize(("setup", "is_client"), [("active", False), ("passive", True)])
def test_the_answer_decides_the_dtls_roles(setup, is_client):
    negotiation, _ = offered()
    applied = negotiation.set_remote(ANSWER, read("pion-answer-data").replace("setup:active", f"setup:{setup}"))
    assert applied.is_dtls_client is is_client


@pytest.mark.parametrize(("attribute", "size"), [("", 65535), ("a=max-message-size:70000\n", 70000)])
def test_a_peer_that_is_silent_about_message_sizes_gets_65535_bytes_at_most(attribute, size):
    text = read("chromium-offer-data")
    assert "a=max-message-size:262144\n" in text
    _, applied = answer(Negotiation("1"), text.replace("a=max-message-size:262144\n", attribute))
    assert applied.data_channel.max_message_size == size


def test_a_refused_data_channel():
    negotiation, _ = offered()
    applied = negotiation.set_remote(
        ANSWER, read("pion-answer-data").replace("m=application 9", "m=application 0").replace("BUNDLE 0", "BUNDLE")
    )
    assert applied.is_data_channel_refused
    assert applied.data_channel is None
    assert applied.mids == ()


def test_a_lite_peer_never_controls():
    lite = read("pion-offer-data").replace("a=extmap-allow-mixed", "a=ice-lite")
    _, applied = answer(Negotiation("1"), lite)
    assert applied.is_controlling is True
    assert applied.remote.is_lite


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("a=ice-ufrag:DLoK\n", ""), "lacks a=ice-ufrag"),
        (("a=ice-ufrag:DLoK", "a=ice-ufrag:DLo"), "3 characters"),
        (("a=ice-pwd:lpkIfchfaMkvul6SNRMWUoZM\n", ""), "lacks a=ice-ufrag or a=ice-pwd"),
        (("a=ice-pwd:lpk", "a=ice-pwd:"), "21 characters"),
        (("a=ice-ufrag:DLoK", "a=ice-ufrag:DL K"), "not allowed"),
        (("a=fingerprint", "a=x-fingerprint"), "no a=fingerprint"),
        (("setup:actpass", "setup:holdconn"), "holdconn"),
        (("BUNDLE 0", "BUNDLE 0 1"), "names '1'"),
        (("BUNDLE 0", "BUNDLE 0 0"), "twice"),
        (("a=sctp-port:5000", "a=sctp-port:0"), "SCTP port 0"),
    ],
)
def test_impossible_offers(change, message):
    negotiation = Negotiation("1")
    text = read("chromium-offer-data")
    assert change[0] in text
    with pytest.raises(InvalidAccessError, match=message):
        answer(negotiation, text.replace(*change))


def test_malformed_attributes_name_their_line():
    negotiation = Negotiation("1")
    with pytest.raises(SdpSyntaxError) as caught:
        negotiation.set_remote(OFFER, read("chromium-offer-data").replace("sha-256 C7", "sha-256 G7"))
    assert caught.value.sdpLineNumber == 17
    assert negotiation.state.value == "stable"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("a=mid:0", "a=mid:1"), "BUNDLE"),
        (("a=group:BUNDLE 0\n", "a=x\n"), None),
        (("m=application", "m=video"), "application in the offer and video"),
        (("webrtc-datachannel", "bfcp"), "bfcp"),
        (("setup:active", "setup:actpass"), "actpass"),
        (("setup:active", "setup:holdconn"), "holdconn"),
    ],
)
def test_answers_that_do_not_fit(change, message):
    negotiation, _ = offered()
    text = read("chromium-answer-data").replace(*change)
    if message is None:
        assert negotiation.set_remote(ANSWER, text).mids == ("0",)
        return
    with pytest.raises(InvalidAccessError, match=message):
        negotiation.set_remote(ANSWER, text)
    assert negotiation.state.value == "have-local-offer"
    assert negotiation.pending_remote is None


def test_an_answer_with_another_number_of_sections():
    negotiation, _ = offered()
    with pytest.raises(InvalidAccessError, match="2 m-sections"):
        negotiation.set_remote(ANSWER, read("chromium-answer-av"))


def test_an_answer_can_not_accept_what_was_not_offered():
    negotiation = Negotiation("1", NO_MEDIA)
    answer(negotiation, read("chromium-offer-av"))
    negotiation.create_offer(Wanted(), LOCAL)
    negotiation.set_local(OFFER)
    with pytest.raises(InvalidAccessError, match="port 0 in the offer"):
        negotiation.set_remote(ANSWER, read("chromium-answer-av"))


def test_order_and_mids_stay():
    negotiation = Negotiation("1")
    answer(negotiation, read("chromium-offer-data"))
    with pytest.raises(InvalidAccessError, match="had mid '0'"):
        negotiation.set_remote(
            OFFER, read("chromium-offer-data").replace("a=mid:0", "a=mid:9").replace("BUNDLE 0", "BUNDLE 9")
        )
    with pytest.raises(InvalidAccessError, match="none may be left out"):
        negotiation.set_remote(OFFER, read("chromium-offer-data").partition("m=")[0].replace("BUNDLE 0", "BUNDLE"))


def test_plan_b_is_named():
    text = read("chromium-offer-av").replace(
        "a=rtcp-rsize\n", "a=rtcp-rsize\na=ssrc:1 msid:stream one\na=ssrc:2 msid:stream two\n", 1
    )
    with pytest.raises(InvalidAccessError, match="Plan B"):
        Negotiation("1").set_remote(OFFER, text)


def test_two_sections_of_one_name():
    with pytest.raises(InvalidAccessError, match="two m-sections"):
        Negotiation("1").set_remote(OFFER, read("chromium-offer-av").replace("a=mid:1", "a=mid:0"))
