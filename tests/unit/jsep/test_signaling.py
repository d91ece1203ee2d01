import pytest

from rtcpeer.errors import InvalidStateError
from rtcpeer.jsep.signaling import TRANSITIONS, DescriptionType, Side, SignalingState, next_state


def test_everything_outside_the_table_is_an_error():
    for state in SignalingState:
        for side in Side:
            for kind in DescriptionType:
                if (state, side, kind) in TRANSITIONS:
                    assert next_state(state, side, kind) is TRANSITIONS[state, side, kind]
                else:
                    with pytest.raises(InvalidStateError, match=state.value):
                        next_state(state, side, kind)


def test_closed_has_no_way_out_and_no_way_in():
    assert all(state is not SignalingState.CLOSED for state, _, _ in TRANSITIONS)
    assert SignalingState.CLOSED not in TRANSITIONS.values()


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ("local offer, remote answer", "stable"),
        ("remote offer, local answer", "stable"),
        ("local offer, remote pranswer, remote pranswer", "have-remote-pranswer"),
        ("remote offer, local pranswer, local answer", "stable"),
        ("local offer, remote offer", "have-remote-offer"),
        ("local offer, local rollback", "stable"),
        ("remote offer, remote rollback", "stable"),
        ("local offer, local offer", "have-local-offer"),
    ],
)
def test_paths_of_the_w3c(steps, end):
    state = SignalingState.STABLE
    for step in steps.split(", "):
        side, kind = step.split()
        state = next_state(state, Side(side), DescriptionType(kind))
    assert state.value == end
