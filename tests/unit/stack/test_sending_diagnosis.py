import pytest

from rtcpeer.stack.findings import FindingCode, Severity
from rtcpeer.stack.sending_diagnosis import diagnose_sender
from tests.unit.stack.media_facts import NOW, REPORT, filled, outbound, sending, transceiver, transport


def diagnosed(*streams, age=60.0, carrier=None, **changes):
    return diagnose_sender(transceiver(sending=sending(*streams, **changes)), carrier, NOW, age)


NEVER = {"packets_sent": 0, "last_frame_at": None, "remote": None}


@pytest.mark.parametrize(
    ("stream", "changes", "code", "severity"),
    [
        ({}, {"has_track": False}, FindingCode.SENDER_WITHOUT_TRACK, Severity.NOTE),
        ({}, {"is_track_live": False}, FindingCode.TRACK_ENDED, Severity.NOTE),
        (NEVER, {"is_track_live": False}, FindingCode.TRACK_ENDED, Severity.WARNING),
        ({"is_active": False}, {}, FindingCode.ENCODINGS_INACTIVE, Severity.NOTE),
        (NEVER, {"frames": 0}, FindingCode.TRACK_SILENT, Severity.PROBLEM),
        ({"last_frame_at": NOW - 6}, {}, FindingCode.TRACK_SILENT, Severity.WARNING),
        (NEVER, {}, FindingCode.NOTHING_SENT, Severity.PROBLEM),
        ({"remote": None}, {}, FindingCode.PEER_REPORTS_NOTHING, Severity.WARNING),
        (
            {"remote": filled(type(REPORT), received_at=NOW - 16)},
            {},
            FindingCode.PEER_REPORTS_NOTHING,
            Severity.WARNING,
        ),
        (
            {"remote": filled(type(REPORT), received_at=NOW, fraction_lost=0.25, packets_lost=70)},
            {},
            FindingCode.PEER_LOSES_PACKETS,
            Severity.WARNING,
        ),
        ({}, {"limitation": "cpu"}, FindingCode.QUALITY_LIMITED, Severity.WARNING),
        ({}, {"limitation": "bandwidth"}, FindingCode.QUALITY_LIMITED, Severity.WARNING),
    ],
)
def test_what_is_wrong_with_a_sender(stream, changes, code, severity):
    (finding,) = diagnosed(outbound(**stream), **changes)
    assert (finding.code, finding.severity) == (code, severity)
    assert "video (mid 0)" in finding.sentence
    assert finding.advice
    assert finding.evidence


@pytest.mark.parametrize(
    ("stream", "changes"),
    [
        ({}, {}),
        ({"last_frame_at": NOW - 4}, {}),
        ({"remote": None}, {"age": 14.0}),
        ({"remote": None, "packets_sent": 10}, {}),
        ({"remote": filled(type(REPORT), received_at=NOW, fraction_lost=0.05)}, {}),
        ({}, {"limitation": "bandwidth", "age": 14.0}),  # the estimate grows still
        ({}, {"limitation": "other"}),
    ],
)
def test_what_is_well(stream, changes):
    assert diagnosed(outbound(**stream), **changes) == []


def test_one_encoding_of_several_may_be_switched_off():
    assert diagnosed(outbound(is_active=False, **NEVER), outbound()) == []


def test_what_the_path_carries_is_told():
    (finding,) = diagnosed(limitation="bandwidth", carrier=transport(bandwidth={"loss": 0.03}))
    assert finding.evidence[1] == "the path is taken to carry 300 kbit/s; it loses 3%"
