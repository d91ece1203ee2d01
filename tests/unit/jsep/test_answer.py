import pytest

from rtcpeer.errors import InvalidStateError
from rtcpeer.jsep import Negotiation, NegotiationSettings, Wanted
from rtcpeer.sdp import parse, serialize
from rtcpeer.sdp.transport import Setup
from tests.unit.jsep.parts import ANSWER, LOCAL, NO_MEDIA, OFFER, OTHER, PRANSWER, answer, connected
from tests.unit.sdp.fixtures import NAMES, read


@pytest.mark.parametrize("name", [name for name in NAMES if "-offer-" in name])
def test_without_capabilities_audio_and_video_are_rejected(name):
    negotiation = Negotiation("1", NO_MEDIA)
    text, applied = answer(negotiation, read(name), LOCAL)
    offer, reply = parse(read(name)), parse(text)
    assert [media.kind for media in reply.media] == [media.kind for media in offer.media]
    assert [media.attributes.first("mid") for media in reply.media] == [
        media.attributes.first("mid") for media in offer.media
    ]
    assert [media.port != 0 for media in reply.media] == [media.kind == "application" for media in offer.media]
    assert [media.formats for media in reply.media] == [media.formats for media in offer.media]
    assert applied.is_controlling is False
    if "data" in name:
        group = reply.attributes.first("group").value
        assert group == f"BUNDLE {offer.media[-1].attributes.first('mid').value}"
        assert applied.data_channel.remote_port == 5000
        assert applied.is_dtls_client is True
        assert applied.remote.candidates
    else:
        assert not reply.attributes.has("group")
        assert applied.data_channel is None
        assert applied.remote is None


def test_candidates_of_a_bundle_only_section_stand_in_the_tagged_one():
    _, applied = answer(Negotiation("1"), read("gstreamer-offer-av-data"))
    assert len(applied.remote.candidates) == 15


@pytest.mark.parametrize(
    ("offered_setup", "settled", "expected"),
    [
        ("a=setup:actpass\n", Setup.ACTIVE, "active"),
        ("a=setup:actpass\n", Setup.PASSIVE, "passive"),
        ("a=setup:active\n", Setup.ACTIVE, "passive"),
        ("a=setup:passive\n", Setup.PASSIVE, "active"),
        ("", Setup.ACTIVE, "passive"),
    ],
)
def test_dtls_roles(offered_setup, settled, expected):
    negotiation = Negotiation("1", NegotiationSettings(answer_setup=settled))
    text, applied = answer(negotiation, read("chromium-offer-data").replace("a=setup:actpass\n", offered_setup))
    assert f"a=setup:{expected}\r\n" in text
    assert applied.is_dtls_client is (expected == "active")


def test_we_keep_our_role_when_the_peer_offers_anew():
    first, second = connected()
    assert (first.session.transport(0).is_dtls_client, second.session.transport(0).is_dtls_client) == (False, True)
    offer = serialize(second.create_offer(Wanted(), OTHER))
    second.set_local(OFFER, offer)
    text, applied = answer(first, offer, LOCAL)
    assert "a=setup:passive" in text
    assert applied.is_dtls_client is False


@pytest.mark.parametrize("offered_setup", ["active", "passive", "actpass"])
def test_the_client_of_a_living_association_answers_active_whatever_is_offered(offered_setup):
    _, second = connected()
    assert second.session.transport(0).is_dtls_client is True
    text, applied = answer(second, serialize(second.current_remote.sdp).replace("actpass", offered_setup), OTHER)
    assert "a=setup:active\r\n" in text
    assert applied.is_dtls_client is True


def test_an_old_peer_is_answered_in_its_own_words():
    offer = (
        read("chromium-offer-data")
        .replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5001")
        .replace("a=sctp-port:5000", "a=sctpmap:5001 webrtc-datachannel 1024")
    )
    text, applied = answer(Negotiation("1"), offer)
    assert "m=application 9 DTLS/SCTP 5000\r\n" in text
    assert "a=sctpmap:5000 webrtc-datachannel" in text
    assert "a=sctp-port" not in text
    assert applied.data_channel.remote_port == 5001


def test_tcp_transport_protocol_is_understood():
    text, applied = answer(Negotiation("1"), read("chromium-offer-data").replace("UDP/DTLS", "TCP/DTLS"))
    assert "TCP/DTLS/SCTP webrtc-datachannel" in text
    assert applied.data_channel is not None


def test_an_unknown_application_is_rejected():
    text, applied = answer(Negotiation("1"), read("chromium-offer-data").replace("webrtc-datachannel", "bfcp"))
    assert "m=application 0 UDP/DTLS/SCTP bfcp\r\n" in text
    assert applied.mids == ()


def test_a_second_data_section_is_rejected():
    head, section = read("chromium-offer-data").split("m=", 1)
    offer = head.replace("BUNDLE 0", "BUNDLE 0 1") + "m=" + section + "m=" + section.replace("a=mid:0", "a=mid:1")
    _, applied = answer(Negotiation("1"), offer)
    assert applied.mids == ("0",)


def test_a_peer_without_mids_gets_none():
    offer = read("chromium-offer-data").replace("a=mid:0\n", "").replace("a=group:BUNDLE 0\n", "")
    text, applied = answer(Negotiation("1"), offer)
    assert "a=mid" not in text
    assert "a=group" not in text
    assert applied.data_channel.mid == "0"


def test_no_answer_without_an_offer():
    with pytest.raises(InvalidStateError):
        Negotiation("1").create_answer(LOCAL)


def test_a_provisional_answer_and_the_final_one():
    negotiation = Negotiation("1")
    negotiation.set_remote(OFFER, read("chromium-offer-data"))
    negotiation.create_answer(LOCAL)
    assert negotiation.set_local(PRANSWER).state.value == "have-local-pranswer"
    negotiation.create_answer(LOCAL)
    assert negotiation.set_local(ANSWER).state.value == "stable"
    assert negotiation.current_remote is not None
