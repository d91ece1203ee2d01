from dataclasses import replace

import pytest

from rtcpeer.dtls.endpoint import DtlsState
from rtcpeer.ice.events import IceState
from rtcpeer.sdp.transport import Direction
from rtcpeer.srtp.session import DropReason
from rtcpeer.stack.diagnosis import diagnose
from rtcpeer.stack.facts import SignalingFacts
from rtcpeer.stack.findings import FindingCode, Severity
from rtcpeer.stack.media_diagnosis import diagnose_flow, diagnose_negotiated
from rtcpeer.stack.media_facts import DescribedDirections, MediaFacts, Rejection
from tests.unit.stack.facts import dtls, ice
from tests.unit.stack.media_facts import in_call, inbound, receiving, sending, transceiver, transport

STABLE = SignalingFacts("stable", True, True, True, True)
SILENT = transceiver(sending=sending(has_track=False), receiving=receiving(is_read=False))


def negotiated(media, signaling=STABLE):
    return diagnose_negotiated(in_call(media, signaling=signaling))


def test_a_call_that_is_well():
    call = in_call(MediaFacts((transceiver(), transceiver(kind="audio", mid="1"))), signaling=STABLE)
    assert diagnose(call) == ()
    assert diagnose(in_call(None, signaling=STABLE)) == ()


@pytest.mark.parametrize("is_by_peer", [True, False])
@pytest.mark.parametrize(
    ("theirs", "code"),
    [
        (("VP9", "H264"), FindingCode.NO_SHARED_CODEC),
        (("vp8",), FindingCode.SECTION_REJECTED),
        ((), FindingCode.SECTION_REJECTED),
    ],
)
def test_a_rejected_section(is_by_peer, theirs, code):
    (finding,) = negotiated(MediaFacts(rejections=(Rejection("video (mid 0)", is_by_peer, ("VP8",), theirs),)))
    assert finding.code is code
    is_told = is_by_peer or code is FindingCode.NO_SHARED_CODEC
    assert finding.severity is (Severity.PROBLEM if is_told else Severity.NOTE)
    assert finding.evidence[0] == "we have VP8"
    assert finding.evidence[1:] == ((f"the peer has {', '.join(theirs)}",) if theirs else ())


def test_what_was_rejected_says_why_there_is_nothing():
    nothing = replace(STABLE, has_transport=False)
    rejection = Rejection("video", True, ("VP8",), ("VP9",))
    codes = [one.code for one in diagnose(in_call(MediaFacts(rejections=(rejection,)), signaling=nothing))]
    assert FindingCode.NO_SHARED_CODEC in codes
    assert FindingCode.NOTHING_ACCEPTED not in codes
    assert FindingCode.NOTHING_ACCEPTED in [one.code for one in diagnose(in_call(MediaFacts(), signaling=nothing))]


@pytest.mark.parametrize(
    ("ours", "theirs", "is_ours_offer", "code"),
    [
        ("sendrecv", "sendonly", True, FindingCode.PEER_DOES_NOT_RECEIVE),
        ("sendonly", "inactive", True, FindingCode.PEER_DOES_NOT_RECEIVE),
        ("recvonly", "sendonly", False, FindingCode.PEER_DOES_NOT_RECEIVE),  # the peer has offered no more
        ("recvonly", "sendonly", True, FindingCode.TRACK_NOT_NEGOTIATED),  # we have
        ("recvonly", "sendrecv", False, FindingCode.TRACK_NOT_NEGOTIATED),
    ],
)
def test_who_keeps_a_track_from_being_sent(ours, theirs, is_ours_offer, code):
    described = DescribedDirections(Direction(ours), Direction(theirs), is_ours_offer)
    kept = transceiver(current=Direction.RECVONLY, described=described)
    assert [one.code for one in negotiated(MediaFacts((kept,)))] == [code]


def test_an_own_direction_that_does_not_send():
    for has_sent, severity in ((False, Severity.WARNING), (True, Severity.NOTE)):
        kept = transceiver(wanted=Direction.RECVONLY, current=Direction.RECVONLY, sending=sending(has_sent=has_sent))
        (finding,) = negotiated(MediaFacts((kept,)))
        assert (finding.code, finding.severity) == (FindingCode.DIRECTION_KEEPS_TRACK, severity)
    for nothing in (sending(has_track=False), sending(is_track_live=False)):
        assert negotiated(MediaFacts((replace(kept, sending=nothing),))) == []


def test_a_transceiver_without_a_section():
    new = transceiver(mid=None, current=None, since=None)
    (finding,) = negotiated(MediaFacts((new,)))
    assert (finding.code, finding.severity) == (FindingCode.TRACK_NOT_NEGOTIATED, Severity.WAITING)
    assert "None" in finding.evidence[0]
    under_way = replace(STABLE, state="have-local-offer")
    assert negotiated(MediaFacts((new,)), under_way) == []
    assert negotiated(MediaFacts((new,)), replace(STABLE, has_remote_description=False)) == []
    assert diagnose_flow(in_call(MediaFacts((new,)))) == []


def test_the_flow_is_looked_at_once_it_may_be_there():
    media = MediaFacts((SILENT,))
    codes = [one.code for one in diagnose_flow(in_call(media))]
    assert codes == [FindingCode.SENDER_WITHOUT_TRACK, FindingCode.TRACK_NOT_READ]
    for changes in (
        {"ice": ice(state=IceState.FAILED)},
        {"dtls": dtls(DtlsState.CONNECTING)},
        {"dtls": None},
        {"entered": {IceState.CONNECTED: 96.0}},
        {"media": MediaFacts((replace(SILENT, since=96.0),))},
        {"media": MediaFacts((replace(SILENT, current=Direction.INACTIVE),))},
    ):
        assert diagnose_flow(replace(in_call(media), **changes)) == []
    one_way = replace(in_call(media), media=MediaFacts((replace(SILENT, current=Direction.SENDONLY),)))
    assert [one.code for one in diagnose_flow(one_way)] == [FindingCode.SENDER_WITHOUT_TRACK]


def test_what_is_dropped_is_why_a_receiver_has_nothing():
    strange = transport(routes={"unknown_mid": 500})
    silent = transceiver(receiving=receiving(inbound(last_packet_received_at=50.0)))
    for media, codes in (
        (MediaFacts((silent,), transport=transport()), [FindingCode.NOTHING_RECEIVED]),
        (MediaFacts((silent,), transport=strange), [FindingCode.UNKNOWN_STREAM]),
        (MediaFacts((transceiver(),), transport=strange), []),  # who gets media does not miss it
    ):
        assert [one.code for one in diagnose_flow(in_call(media))] == codes
    refused = transport(srtp={"not_unprotected": {DropReason.UNAUTHENTICATED: 500}})
    for one in (silent, transceiver()):
        (finding,) = diagnose_flow(in_call(MediaFacts((one,), transport=refused)))
        assert finding.code is FindingCode.SRTP_UNAUTHENTICATED
