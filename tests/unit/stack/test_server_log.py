from rtcpeer.core import TransportAddress
from rtcpeer.stack.server_log import UNREACHABLE, Mapping, ServerFailed, ServerLog, ServerOutcome
from rtcpeer.stack.servers import ServerUrl

BASE = TransportAddress("192.168.1.2", 5000)
ADDRESS = TransportAddress("203.0.113.1", 3478)
MAPPED = TransportAddress("198.51.100.1", 6000)
STUN = ServerUrl.parse("stun:stun.example.org")
TCP = ServerUrl.parse("turn:turn.example.org?transport=tcp")


def outcome(log, server=STUN):
    (report,) = log.reports([server])
    return report


def failure(server=STUN, code=UNREACHABLE, text="silent"):
    return ServerFailed(server.url, code, text, BASE)


def test_a_server_fails_with_its_last_question_and_the_first_reason():
    log = ServerLog()
    log.ask(STUN.url)
    log.ask(STUN.url)
    assert outcome(log).outcome is ServerOutcome.WAITING
    assert log.fail(failure(text="first")) is None
    assert outcome(log).outcome is ServerOutcome.WAITING
    assert log.fail(failure(text="second")) == failure(text="first")
    report = outcome(log)
    assert (report.outcome, report.error_code, report.reason) == (ServerOutcome.FAILED, 701, "first")
    assert report.is_silent


def test_one_answer_is_enough():
    log = ServerLog()
    log.ask(STUN.url)
    log.ask(STUN.url)
    assert not log.has_answers
    log.succeed(STUN.url, BASE, ADDRESS, MAPPED)
    assert log.has_answers
    assert log.fail(failure()) is None
    assert outcome(log).outcome is ServerOutcome.ANSWERED
    assert log.mappings == (Mapping(BASE, ADDRESS, MAPPED, STUN.url),)


def test_what_is_silent():
    for server, is_asked, code, is_routable, is_silent in (
        (STUN, True, 701, True, True),
        (STUN, False, 701, True, False),  # its name was not found
        (STUN, True, 401, True, False),
        (STUN, True, 701, False, False),  # it was us who did not send
        (TCP, True, 701, True, False),
    ):
        log = ServerLog()
        if is_asked:
            log.ask(server.url)
        log.note_unroutable(None if is_routable else server.url)
        told = log.fail(failure(server, code)) if is_asked else log.give_up(failure(server, code))
        assert told == failure(server, code)
        assert outcome(log, server).is_silent is is_silent
        assert log.is_known(server.url)


def test_what_was_given_may_be_taken_away_and_given_again():
    log = ServerLog()
    assert not log.is_known(TCP.url)
    log.succeed(TCP.url, BASE, ADDRESS, MAPPED)
    log.lose(TCP.url, "expired")
    report = outcome(log, TCP)
    assert (report.outcome, report.reason) == (ServerOutcome.LOST, "expired")
    log.succeed(TCP.url, BASE, ADDRESS, MAPPED)
    assert outcome(log, TCP).outcome is ServerOutcome.ANSWERED


def test_a_mapping_is_remembered_once_and_for_udp_alone():
    log = ServerLog()
    for _ in range(3):
        log.succeed(STUN.url, BASE, ADDRESS, MAPPED)
    log.succeed(TCP.url, BASE._replace(protocol="tcp"), ADDRESS, MAPPED)
    assert len(log.mappings) == 1
