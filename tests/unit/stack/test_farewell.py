from rtcpeer.core import Datagrams
from rtcpeer.stack.farewell import AllocationsReturned, Farewell
from tests.unit.stack.test_relays import ADDRESS, BASE, TestStream, opened


def test_it_is_over_when_the_server_has_answered():
    bench, _ = opened()
    bench.relays.close()
    assert bench.relays.leaving == {BASE}
    farewell = Farewell(bench.relays)
    ((_, _, (lost,)),) = farewell.packets_to_send(bench.now)
    assert farewell.poll_events() == []
    due_at = farewell.next_timeout()
    assert due_at == bench.now + 0.5
    farewell.handle_timeout(due_at)
    ((_, _, (repeated,)),) = farewell.packets_to_send(due_at)
    assert repeated == lost
    for answer in bench.server.receive(BASE, repeated, due_at):
        farewell.receive(Datagrams(BASE, ADDRESS, [answer]), due_at)
    assert farewell.poll_events() == [AllocationsReturned()]
    assert farewell.poll_events() == []
    assert not bench.server.allocations


def test_nobody_waits_for_an_answer_over_a_stream():
    bench, _ = TestStream().opened()
    bench.relays.close()
    assert Farewell(bench.relays).poll_events() == [AllocationsReturned()]
