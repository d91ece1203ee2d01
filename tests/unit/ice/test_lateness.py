import pytest

from rtcpeer.ice.lateness import Lateness


@pytest.mark.parametrize(
    ("due", "called_at", "forgiven"),
    [
        pytest.param(10.0, 10.0, 0.0, id="in time"),
        pytest.param(10.0, 8.0, 0.0, id="early, for a packet has come"),
        pytest.param(10.0, 10.9, 0.0, id="late as event loops are"),
        pytest.param(10.0, 15.0, 6.0, id="the loop was blocked"),
        pytest.param(None, 1000.0, 0.0, id="nothing was due"),
        pytest.param(float("-inf"), 5.0, 0.0, id="at once"),
    ],
)
def test_time_in_which_we_did_not_run_is_given_back(due, called_at, forgiven):
    lateness = Lateness()
    lateness.promise(due, 5.0)
    assert lateness.forgiven(called_at) == forgiven


def test_before_the_first_promise_nothing_is_late():
    assert Lateness().forgiven(1e9) == 0.0
