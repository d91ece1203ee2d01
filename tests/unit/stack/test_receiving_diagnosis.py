from dataclasses import replace

import pytest

from rtcpeer.srtp.session import DropReason
from rtcpeer.stack.findings import FindingCode, Severity
from rtcpeer.stack.receiving_diagnosis import diagnose_keys, diagnose_receiver, diagnose_strangers
from tests.unit.stack.media_facts import NOW, filled, inbound, receiving, transceiver, transport


def diagnosed(*streams, kind="video", **changes):
    known = transceiver(kind=kind, receiving=receiving(*streams, **changes))
    return diagnose_receiver(known, NOW, 60.0)


KEYLESS = {"key_frames_received": 0, "pli_count": 3}


@pytest.mark.parametrize(
    ("stream", "changes", "code", "severity"),
    [
        ({"last_packet_received_at": NOW - 6}, {}, FindingCode.NOTHING_RECEIVED, Severity.WARNING),
        ({}, {"is_read": False}, FindingCode.TRACK_NOT_READ, Severity.WARNING),
        (KEYLESS, {}, FindingCode.NO_KEYFRAME, Severity.PROBLEM),
        ({}, {"frames_failed": 9, "frames_decoded": 2}, FindingCode.DECODER_FAILS, Severity.PROBLEM),
        ({"packets_lost": 200}, {}, FindingCode.PACKETS_LOST, Severity.WARNING),
    ],
)
def test_what_is_wrong_with_a_receiver(stream, changes, code, severity):
    (finding,) = diagnosed(inbound(**stream), **changes)
    assert (finding.code, finding.severity) == (code, severity)
    assert "video (mid 0)" in finding.sentence
    assert finding.advice
    assert finding.evidence


@pytest.mark.parametrize(
    ("stream", "changes"),
    [
        ({}, {}),
        ({"last_packet_received_at": NOW - 6}, {"is_wanted": False}),
        ({}, {"is_wanted": False, "is_read": False}),
        (KEYLESS | {"pli_count": 2}, {}),
        (KEYLESS | {"packets_received": 10}, {}),
        (KEYLESS, {"kind": "audio"}),
        ({}, {"frames_failed": 4, "frames_decoded": 0}),
        ({}, {"frames_failed": 20}),
        ({"packets_lost": 50}, {}),
        ({"packets_lost": 5, "packets_received": 20}, {}),
    ],
)
def test_what_is_well(stream, changes):
    assert diagnosed(inbound(**stream), **changes) == []


def test_a_stream_that_has_never_come():
    known = transceiver(receiving=filled(type(receiving()), is_wanted=True, streams=()))
    (finding,) = diagnose_receiver(known, NOW, 60.0)
    assert (finding.code, finding.evidence) == (FindingCode.NOTHING_RECEIVED, ())
    assert "60 s" in finding.sentence


@pytest.mark.parametrize(
    ("parts", "code", "severity"),
    [
        ({"srtp": {"not_unprotected": {DropReason.UNAUTHENTICATED: 49}}}, None, None),
        ({"srtp": {"not_unprotected": {DropReason.REPLAYED: 500}}}, None, None),
        (
            {"srtp": {"not_unprotected": {DropReason.UNAUTHENTICATED: 100}}},
            FindingCode.SRTP_UNAUTHENTICATED,
            Severity.WARNING,
        ),
        (
            {"srtp": {"not_unprotected": {DropReason.UNAUTHENTICATED: 2000}}},
            FindingCode.SRTP_UNAUTHENTICATED,
            Severity.PROBLEM,
        ),
        ({"routes": {"unknown_mid": 10, "unknown_rid": 10}}, None, None),
        ({"routes": {"unknown_mid": 60}, "srtp": {"rtp_unprotected": 9000}}, None, None),
        ({"routes": {"wrong_payload_type": 60}}, FindingCode.UNKNOWN_STREAM, Severity.PROBLEM),
        ({"routes": {"unknown_rid": 30, "unsignalled": 30}}, FindingCode.UNKNOWN_STREAM, Severity.PROBLEM),
    ],
)
def test_packets_that_belong_to_nothing(parts, code, severity):
    carrier = transport(**parts)
    found = diagnose_keys(carrier) + diagnose_strangers(carrier)
    assert [(one.code, one.severity) for one in found] == ([] if code is None else [(code, severity)])
    assert all(one.evidence and one.advice for one in found)


def test_before_there_are_keys():
    carrier = replace(transport(), srtp=None)
    assert diagnose_keys(carrier) == diagnose_strangers(carrier) == []
