import pytest

from rtcpeer.ice import BindingRequest, BindingRequestHandlerFailed, IceSettings, IceState
from rtcpeer.stun import AttributeType
from tests.unit.ice.peer import OTHER, PARAMETERS, REMOTE, Peer


class Program:
    def __init__(self, wanted=None) -> None:
        self.requests: list[BindingRequest] = []
        self.wanted = wanted

    def __call__(self, request: BindingRequest) -> bool:
        self.requests.append(request)
        return request.remote.transport_address == self.wanted


def peer_with(program, *, is_controlling: bool = True) -> Peer:
    return Peer(is_controlling=is_controlling, settings=IceSettings(binding_request_handler=program))


def test_every_believed_request_is_shown_as_it_was():
    program = Program()
    peer = peer_with(program)
    peer.ask(nominate=True, priority=77)
    peer.ask(key="wrong", source=OTHER)
    (request,) = program.requests
    assert request.remote.transport_address == REMOTE
    assert (request.username_fragment, request.priority) == (PARAMETERS.username_fragment, 77)
    assert (request.nominates, request.nomination) == (True, None)
    assert (request.is_selected, request.is_valid, request.is_controlling) == (False, False, False)
    assert (AttributeType.USE_CANDIDATE, b"") in request.attributes


def test_the_controlled_side_goes_over_as_soon_as_the_pair_is_valid():
    program = Program(OTHER)
    peer = peer_with(program)
    peer.validate(REMOTE)
    peer.send(peer.request(nominate=True))
    peer.pull()
    assert peer.agent.selected_pair is peer.pair(REMOTE)
    peer.send(peer.request(priority=1), OTHER)
    assert peer.agent.selected_pair is peer.pair(REMOTE)
    peer.answer_all()
    assert peer.agent.selected_pair is peer.pair(OTHER)
    assert [request.is_selected for request in program.requests] == [False, True, False]
    peer.ask(OTHER)
    assert program.requests[-1].is_selected


def test_a_lite_side_goes_over_although_nobody_nominates():
    peer = Peer(settings=IceSettings(lite=True, binding_request_handler=Program(OTHER)))
    peer.ask()
    assert peer.agent.selected_pair is None
    peer.ask(OTHER)
    assert peer.agent.selected_pair is peer.pair(OTHER)
    peer.ask(nominate=True)
    peer.ask(OTHER)
    assert peer.agent.selected_pair is peer.pair(OTHER)


def test_the_controlling_side_nominates():
    program = Program(OTHER)
    peer = peer_with(program, is_controlling=False)
    peer.send(peer.request(), OTHER)
    peer.answer_all()
    # What was not valid when the handler was asked is not nominated before its wait is over.
    assert not any(AttributeType.USE_CANDIDATE in message for _, message in peer.pull())
    peer.send(peer.request(), OTHER)
    nominations = [message for _, message in peer.pull() if AttributeType.USE_CANDIDATE in message]
    assert len(nominations) == 1
    peer.answer(nominations[0], OTHER)
    assert peer.agent.selected_pair is peer.pair(OTHER)


def test_a_handler_that_raises_is_told_of_and_costs_nothing():
    mistake = RuntimeError("a mistake")

    def program(_: BindingRequest) -> bool:
        raise mistake

    peer = peer_with(program)
    peer.validate(REMOTE)
    peer.ask(nominate=True)
    assert peer.agent.state is IceState.CONNECTED
    assert peer.agent.selected_pair is peer.pair(REMOTE)
    assert peer.agent.poll_events().count(BindingRequestHandlerFailed(mistake)) == 2


@pytest.mark.parametrize("answer", [None, 0, "", 1])
def test_any_truth_value_will_do(answer):
    peer = peer_with(lambda _: answer)
    peer.validate(REMOTE)
    assert (peer.agent.selected_pair is not None) is bool(answer)
