"""Connections that come, break and answer in any order: nothing raises, and what the agent says stays consistent."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.core import TransportAddress
from rtcpeer.ice import IceState
from rtcpeer.ice.events import ConnectionUnneeded
from rtcpeer.stun import MessageClass
from tests.unit.ice.test_agent_over_tcp import ACTIVE, PASSIVE, THEIR_PORT, TcpPeer

STEPS = st.sampled_from(["lose", "check", "nominate", "answer", "wait", "another", "wait long"])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([ACTIVE, PASSIVE]), st.booleans(), st.lists(STEPS, max_size=30))
def test_any_order_of_events(local, is_controlling, steps):
    peer = TcpPeer(local, is_controlling=is_controlling)
    ends = [peer.remote]
    for number, step in enumerate(steps):
        match step:
            case "lose":
                peer.lose()
            case "check" | "nominate":
                peer.send(peer.request(nominate=step == "nominate"))
            case "answer":
                for remote, message in peer.pull():
                    if message.message_class is MessageClass.REQUEST:
                        peer.answer(message, remote)
            case "another" if local is PASSIVE:
                peer.remote = TransportAddress("192.0.2.2", 61000 + number, "tcp")
                ends.append(peer.remote)
            case _:
                peer.advance(0.5 if step == "wait" else 20.0)
        assert {remote for remote, _ in peer.pull()} <= {*ends, THEIR_PORT}
        agent = peer.agent
        path = agent.send_path()
        assert (path is not None) or agent.state in {IceState.NEW, IceState.CHECKING, IceState.FAILED}
        unneeded = [event.path for event in agent.poll_events() if isinstance(event, ConnectionUnneeded)]
        if unneeded:
            assert unneeded[-1] != path or path is None
