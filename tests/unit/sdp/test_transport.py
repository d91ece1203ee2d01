import pytest

from rtcpeer.errors import SdpSyntaxError
from rtcpeer.sdp import parse
from rtcpeer.sdp import transport as sdp
from tests.unit.sdp.fixtures import read

HEAD = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n"


def section_with(*attributes):
    (section,) = parse(
        HEAD + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n" + "".join(f"a={a}\n" for a in attributes)
    ).media
    return section


def test_reads_chromium():
    description = parse(read("chromium-offer-data"))
    (section,) = description.media
    assert sdp.bundle_groups(description) == [("0",)]
    assert sdp.mid(section) == "0"
    assert sdp.ice_username_fragment(description, section) == "DLoK"
    assert sdp.ice_password(description, section) == "lpkIfchfaMkvul6SNRMWUoZM"
    assert sdp.ice_options(description, section) == ("trickle",)
    assert sdp.setup(description, section) is sdp.Setup.ACTPASS
    assert sdp.sctp_port(section) == 5000
    assert sdp.max_message_size(section) == 262144
    assert len(sdp.candidates(section)) == 4
    assert not sdp.has_end_of_candidates(description, section)
    (fingerprint,) = sdp.fingerprints(description, section)
    assert fingerprint.algorithm == "sha-256"
    assert fingerprint.value.startswith("C7:CF:0A:")


def test_reads_what_firefox_states_for_the_session():
    description = parse(read("firefox-offer-data"))
    (section,) = description.media
    assert len(sdp.fingerprints(description, section)) == 1
    assert sdp.ice_options(description, section) == ("trickle",)
    assert sdp.has_end_of_candidates(description, section)
    assert sdp.max_message_size(section) == 1073741823
    assert sdp.direction(description, section) is sdp.Direction.SENDRECV


def test_reads_the_comma_of_libdatachannel():
    description = parse(read("ndc-offer-data"))
    assert sdp.ice_options(description, description.media[0]) == ("ice2", "trickle")


def test_the_sections_fingerprints_replace_the_sessions():
    description = parse(
        HEAD + "a=fingerprint:SHA-1 aa\nm=a 9 P 0\na=fingerprint:sha-256 ab:cd\na=fingerprint:sha-512 01\n"
    )
    assert sdp.fingerprints(description, description.media[0]) == (("sha-256", "AB:CD"), ("sha-512", "01"))


def test_reads_flags():
    description = parse(
        HEAD
        + "a=ice-lite\na=recvonly\nm=audio 0 P 0\na=bundle-only\na=rtcp-mux\na=rtcp-rsize\nm=audio 9 P 0\na=inactive\n"
    )
    first, second = description.media
    assert sdp.is_ice_lite(description)
    assert sdp.is_bundle_only(first)
    assert sdp.is_rtcp_multiplexed(first)
    assert sdp.is_rtcp_reduced_size(first)
    assert not sdp.is_bundle_only(second)
    assert sdp.direction(description, first) is sdp.Direction.RECVONLY
    assert sdp.direction(description, second) is sdp.Direction.INACTIVE
    assert sdp.mid(first) is None
    assert sdp.setup(description, first) is None


def test_reads_sctpmap():
    assert sdp.sctp_map(section_with("sctpmap:5000 webrtc-datachannel 1024")) == (5000, "webrtc-datachannel", 1024)
    assert sdp.sctp_map(section_with("sctpmap:5000 webrtc-datachannel")) == (5000, "webrtc-datachannel", None)
    assert sdp.sctp_map(section_with()) is None


@pytest.mark.parametrize(
    ("attribute", "reader"),
    [
        ("sctp-port:x", sdp.sctp_port),
        ("sctp-port:65536", sdp.sctp_port),
        ("sctp-port", sdp.sctp_port),
        ("sctp-port:" + "9" * 5000, sdp.sctp_port),
        ("max-message-size:-1", sdp.max_message_size),
        ("sctpmap:5000", sdp.sctp_map),
        ("sctpmap:70000 w 1", sdp.sctp_map),
        ("sctpmap:x w 1", sdp.sctp_map),
        ("mid: ", sdp.mid),
        ("mid:a b", sdp.mid),
    ],
)
def test_malformed_attributes_name_their_line(attribute, reader):
    with pytest.raises(SdpSyntaxError) as caught:
        reader(section_with(attribute))
    assert caught.value.sdpLineNumber == 6


@pytest.mark.parametrize(
    ("attribute", "reader"),
    [
        ("setup:maybe", sdp.setup),
        ("fingerprint:sha-256", sdp.fingerprints),
        ("fingerprint:sha-256 A:B", sdp.fingerprints),
        ("ice-ufrag", sdp.ice_username_fragment),
        ("ice-pwd:", sdp.ice_password),
    ],
)
def test_malformed_inherited_attributes_name_their_line(attribute, reader):
    description = parse(HEAD + f"a={attribute}\nm=audio 9 P 0\n")
    with pytest.raises(SdpSyntaxError) as caught:
        reader(description, description.media[0])
    assert caught.value.sdpLineNumber == 5
