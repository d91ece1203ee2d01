import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice import CandidateType, FailureReason, IceState, PairState
from rtcpeer.ice.statistics import LostPath
from rtcpeer.stack.explanation import explain
from rtcpeer.stack.facts import GatheringFacts
from rtcpeer.stack.findings import Finding, FindingCode, Severity
from rtcpeer.stack.gathering import GatheringState
from rtcpeer.stack.server_log import ServerOutcome, ServerReport
from rtcpeer.stack.servers import ServerUrl
from tests.unit.stack.facts import LOCAL, REMOTE, candidate, connected, facts, failed, ice, pair

NO_ANSWER = (FailureReason.NO_ANSWER,)


def test_headlines():
    assert str(explain(facts(connected()), "connected")).startswith("Connected: no problems found.\n")
    assert str(explain(facts(failed(pair(failure=NO_ANSWER))), "failed")).startswith("Failed: 1 problem found.\n")
    assert str(explain(facts(connected(), is_closed_here=True), "closed")).startswith("Closed.\n")


def test_the_text_stays_within_a_terminal_and_within_ascii():
    pairs = [pair(failure=NO_ANSWER, remote=REMOTE._replace(port=port), requests_sent=7) for port in range(1, 30)]
    silent = ServerReport(
        ServerUrl.parse("stun:a.example.org"), ServerOutcome.FAILED, 701, "it is " * 50, is_silent=True
    )
    gathering = GatheringFacts(GatheringState.COMPLETE, "all", (silent,), bases=(LOCAL,))
    explanation = explain(facts(failed(*pairs), gathering=gathering), "failed")
    text = str(explanation)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    assert "and 17 more" in text
    assert len(explanation.pairs) == 29  # the data is whole
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_candidates_are_shown_where_there_are_no_pairs():
    url = "stun:stun.example.org"
    reflexive = candidate(REMOTE, CandidateType.SERVER_REFLEXIVE, LOCAL, base=LOCAL, url=url)
    text = str(explain(facts(ice(local_candidates=(candidate(LOCAL), reflexive))), "new"))
    assert "Our candidates:\n  host 192.168.1.2:5000\n  srflx 192.168.1.2:5000  by stun:stun.example.org" in text
    assert "The peer's candidates" not in text


def reason(statistics):
    path = explain(facts(statistics), "connected").path
    assert path is not None
    return path.reason


def test_why_this_pair():
    used = pair(is_selected=True, priority=10, current_round_trip_time=0.05)
    other = REMOTE._replace(port=7000)
    assert reason(connected(pairs=(used,))) == "it is the only pair there is"
    assert reason(connected(pairs=(used, pair(remote=other)))) == "it is the best pair of all"
    silent = pair(failure=NO_ANSWER, remote=other, priority=20)
    assert reason(connected(pairs=(silent, used))) == "1 better pair did not work: no answer"
    works = pair(PairState.SUCCEEDED, remote=other, priority=20)
    assert reason(connected(pairs=(works, used), is_controlling=True)).startswith("we chose it before")
    assert reason(connected(pairs=(works, used), is_controlling=False)).startswith("the peer chose it before")
    died = LostPath((LOCAL, other), 50.0)
    assert reason(connected(pairs=(used,), lost_paths=(died,))) == (
        "it took over when 192.168.1.2:5000 -> 198.51.100.9:7000 fell silent"
    )
    early = pair()
    assert "not agreed" in reason(connected(pairs=(early,), send_path=early.path))
    assert "in doubt" in reason(connected(pairs=(early,), send_path=early.path, selected_pair_changes=1))


def test_the_path_is_told_with_its_round_trip():
    used = pair(is_selected=True, current_round_trip_time=0.0504)
    text = str(explain(facts(connected(pairs=(used,))), "connected"))
    assert "host 192.168.1.2:5000 -> host 198.51.100.9:6000, 50 ms there and back" in text
    assert explain(facts(failed(pair(failure=NO_ANSWER))), "failed").path is None


@pytest.mark.parametrize("report", [ServerOutcome.WAITING, ServerOutcome.ANSWERED])
def test_servers_are_listed(report):
    server = ServerReport(ServerUrl.parse("stun:a.example.org"), report)
    gathering = GatheringFacts(GatheringState.COMPLETE, "all", (server,), bases=(LOCAL,))
    explanation = explain(facts(connected(), gathering=gathering), "connected")
    assert f"stun:a.example.org  {report.value}" in str(explanation)
    assert explanation.servers == (server,)


def test_data_for_programs():
    explanation = explain(facts(failed(pair(failure=NO_ANSWER), state=IceState.FAILED)), "failed")
    (problem,) = explanation.problems
    assert explanation.codes == (FindingCode.NO_ANSWER,) == (problem.code,)
    assert problem.code == "no-answer"
    assert str(problem).startswith("no-answer: The peer answers none")
    assert Finding(FindingCode.CHECKING, Severity.NOTE, "x").evidence == ()
    assert TransportAddress("192.168.1.2", 5000) == explanation.pairs[0].path[0]
