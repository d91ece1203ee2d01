"""The machine form is a promise: who reads it must not be surprised."""

from rtcpeer.cli.report import SCHEMA_VERSION, Check, Finding, Report, Status


def test_the_form_of_a_report():
    check = Check("stun", "stun:a", Status.OK, "words", ("more",), 0.123456, {"url": "stun:a"})
    finding = Finding("udp-blocked", Status.PROBLEM, "title", "meaning", "advice")
    report = Report("1.2.3", ("stun:a",), "open", (check,), (finding,), 1.23456)
    assert SCHEMA_VERSION == 1
    assert report.to_json() == {
        "schema": 1,
        "rtcpeer": "1.2.3",
        "ok": False,
        "servers": ["stun:a"],
        "nat": "open",
        "checks": [
            {
                "kind": "stun",
                "subject": "stun:a",
                "status": "ok",
                "summary": "words",
                "notes": ["more"],
                "seconds": 0.1235,
                "details": {"url": "stun:a"},
            }
        ],
        "findings": [
            {
                "name": "udp-blocked",
                "status": "problem",
                "title": "title",
                "meaning": "meaning",
                "advice": "advice",
            }
        ],
        "seconds": 1.2346,
    }


def test_warnings_are_no_problems():
    finding = Finding("ipv6-dead", Status.WARNING, "", "", "")
    assert Report("1", (), None, (), (finding,), 0.0).is_good
    assert Report("1", (), None, (), (), 0.0).to_json()["ok"] is True
