import gc
import weakref
from collections.abc import Callable

import pytest

from rtcpeer.aio.driver import MAX_EVENT_ROUNDS, Driver
from tests.unit.aio.fakes import FakeCore, FakeLoop


class Rig:
    """A driver over a fake core; `capacity` is how many packets the sink takes before it is full."""

    def __init__(self, loop: FakeLoop | None = None) -> None:
        self.loop = loop or FakeLoop()
        self.core = FakeCore()
        self.sent: list[str] = []
        self.events: list[str] = []
        self.capacity = 10**6
        self.handler: Callable[[str], None] = lambda event: None
        self.driver: Driver[str, str] = Driver(self.core, self.send, self.take, self.loop)  # type: ignore[arg-type]

    def send(self, packets: list[str]) -> int:
        taken = packets[: self.capacity]
        self.capacity -= len(taken)
        self.sent += taken
        return len(taken)

    def take(self, event: str) -> None:
        self.events.append(event)
        self.handler(event)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_nothing_happens_before_the_next_turn(rig: Rig) -> None:
    rig.core.events = ["a"]
    rig.core.packets = ["p"]
    rig.driver.wake()
    rig.driver.received("in")
    assert (rig.events, rig.sent) == ([], [])
    rig.loop.turn()
    assert (rig.events, rig.sent) == (["a"], ["p"])
    assert rig.core.received == [("in", 100.0)]


def test_many_wakes_are_one_flush(rig: Rig) -> None:
    for _ in range(10):
        rig.driver.wake()
    rig.loop.turn()
    assert rig.core.log == ["events", "packets", "events"]
    assert rig.loop.handles_made == 1
    assert rig.loop.is_idle


def test_a_flush_in_place_of_the_scheduled_one(rig: Rig) -> None:
    rig.driver.flush()
    assert rig.core.log == []  # nothing was scheduled
    rig.driver.received("in")
    rig.core.packets = ["out"]
    rig.driver.flush()
    assert rig.sent == ["out"]
    rig.core.log.clear()
    rig.loop.turn()
    assert rig.core.log == []  # the core had no more to say
    assert rig.loop.is_idle


def test_what_is_taken_waits_for_the_flush_and_schedules_none(rig: Rig) -> None:
    rig.core.packets = ["out"]
    rig.driver.take("in")
    assert rig.loop.is_idle
    assert rig.sent == []
    rig.driver.flush()
    assert rig.core.received == [("in", 100.0)]
    assert rig.sent == ["out"]
    rig.core.log.clear()
    rig.driver.flush()
    assert rig.core.log == []  # it has been answered
    assert rig.loop.handles_made == 0


def test_a_closed_driver_takes_nothing(rig: Rig) -> None:
    rig.driver.take("before")
    rig.driver.close()
    rig.driver.take("after")
    rig.core.log.clear()
    rig.driver.flush()
    assert [packet for packet, _ in rig.core.received] == ["before"]
    assert rig.core.log == []


def test_events_come_before_packets_so_that_answers_of_handlers_share_them(rig: Rig) -> None:
    rig.core.events = ["ask"]
    rig.handler = lambda event: rig.core.packets.append(f"answer to {event}")
    rig.driver.wake()
    rig.loop.turn()
    assert rig.sent == ["answer to ask"]


def test_events_made_by_pulling_packets_are_delivered_in_the_same_turn(rig: Rig) -> None:
    pull = rig.core.packets_to_send

    def packets_to_send(now: float) -> list[str]:
        packets = pull(now)
        rig.core.events += [f"sent {packet}" for packet in packets]
        return packets

    rig.core.packets_to_send = packets_to_send  # type: ignore[method-assign]
    rig.core.packets = ["p"]
    rig.driver.wake()
    rig.loop.turn()
    assert rig.events == ["sent p"]


def test_bursts_go_on_in_the_next_turn_until_the_core_is_empty(rig: Rig) -> None:
    rig.core.burst = 2
    rig.core.packets = list("abcde")
    rig.driver.wake()
    rig.loop.turn()
    assert rig.sent == ["a", "b"]
    rig.loop.turn()
    assert rig.sent == ["a", "b", "c", "d"]
    rig.loop.settle()
    assert rig.sent == list("abcde")


def test_commands_inside_a_handler_need_no_second_flush(rig: Rig) -> None:
    rig.core.events = ["a"]
    rig.handler = lambda event: rig.driver.wake()
    rig.driver.wake()
    rig.loop.turn()
    assert rig.loop.is_idle


def test_commands_of_handlers_called_after_an_empty_pull_are_sent_in_the_next_turn(rig: Rig) -> None:
    """The pull gives nothing but an event, whose handler commands something and wakes the driver inside the flush."""
    pull = rig.core.packets_to_send

    def packets_to_send(now: float) -> list[str]:
        packets = pull(now)
        if not rig.events:
            rig.core.events.append("drained")
        return packets

    def answer(event: str) -> None:
        rig.core.packets.append(f"answer to {event}")
        rig.driver.wake()

    rig.core.packets_to_send = packets_to_send  # type: ignore[method-assign]
    rig.handler = answer
    rig.driver.wake()
    rig.loop.turn()
    assert (rig.events, rig.sent) == (["drained"], [])
    rig.loop.turn()
    assert rig.sent == ["answer to drained"]
    rig.loop.settle()
    assert rig.loop.is_idle


def test_handlers_that_answer_each_other_for_ever_leave_the_loop_its_turns(rig: Rig) -> None:
    rig.handler = lambda event: rig.core.events.append("again")
    rig.core.events = ["first"]
    rig.driver.wake()
    rig.loop.turn()
    assert len(rig.events) == MAX_EVENT_ROUNDS
    assert not rig.loop.is_idle
    rig.loop.turn()
    assert len(rig.events) == 2 * MAX_EVENT_ROUNDS


def test_a_failing_handler_is_reported_and_the_rest_goes_on(rig: Rig) -> None:
    def handler(event: str) -> None:
        if event == "bad":
            raise ValueError("handler")

    rig.handler = handler
    rig.core.events = ["bad", "good"]
    rig.core.packets = ["p"]
    rig.core.deadline = 101.0
    rig.driver.wake()
    rig.loop.turn()
    assert rig.events == ["bad", "good"]
    assert rig.sent == ["p"]
    assert [str(problem["exception"]) for problem in rig.loop.problems] == ["handler"]
    rig.loop.advance(2)
    assert rig.core.timeouts == [101.0]


def test_what_a_full_sink_left_is_sent_first_and_nothing_is_pulled_meanwhile(rig: Rig) -> None:
    rig.capacity = 1
    rig.core.packets = ["a", "b", "c"]
    rig.driver.wake()
    rig.loop.settle()
    rig.core.packets = ["d"]
    rig.core.events = ["e"]
    rig.driver.wake()
    rig.loop.settle()
    assert rig.driver.is_blocked
    assert (rig.sent, rig.core.packets, rig.events) == (["a"], ["d"], ["e"])
    rig.capacity = 1
    rig.driver.writable()
    rig.loop.settle()
    assert (rig.sent, rig.core.packets) == (["a", "b"], ["d"])
    rig.capacity = 100
    rig.driver.writable()
    rig.loop.settle()
    assert rig.sent == ["a", "b", "c", "d"]
    assert not rig.driver.is_blocked


def test_a_core_that_wants_its_timer_now_does_not_spin_while_the_sink_is_full(rig: Rig) -> None:
    rig.capacity = 0
    rig.core.packets = ["a"]
    rig.core.deadline = 100.0
    rig.core.on_timeout = lambda now: None
    rig.driver.wake()
    rig.loop.advance(0.1)
    assert 1 <= len(rig.core.timeouts) <= 11


def test_the_timer_fires_at_the_deadline_and_flushes(rig: Rig) -> None:
    rig.core.deadline = 100.5
    rig.driver.wake()
    rig.loop.advance(0.4)
    assert rig.core.timeouts == []
    rig.core.packets = ["retransmission"]
    rig.loop.advance(0.2)
    assert rig.core.timeouts == [100.5]
    assert rig.sent == ["retransmission"]


def test_a_deadline_that_moves_back_costs_no_new_handle(rig: Rig) -> None:
    for step in range(100):
        rig.core.deadline = 101.0 + step / 100
        rig.driver.wake()
        rig.loop.settle()
    assert rig.loop.handles_made == 100 + 1
    rig.loop.advance(3)
    assert rig.core.timeouts == [101.99]


def test_a_deadline_that_moves_far_back_wakes_nobody_before(rig: Rig) -> None:
    rig.core.deadline = 100.5
    rig.driver.wake()
    rig.loop.settle()
    rig.core.deadline = 104.0
    rig.driver.wake()
    rig.loop.settle()
    assert [handle.when for handle in rig.loop.pending] == [104.0]
    rig.loop.advance(5)
    assert rig.core.timeouts == [104.0]


def test_a_deadline_that_moves_forward_replaces_the_handle(rig: Rig) -> None:
    rig.core.deadline = 105.0
    rig.driver.wake()
    rig.loop.settle()
    rig.core.deadline = 101.0
    rig.driver.wake()
    rig.loop.settle()
    assert len(rig.loop.pending) == 1
    rig.loop.advance(1.5)
    assert rig.core.timeouts == [101.0]


def test_a_deadline_that_went_away_is_not_a_timeout(rig: Rig) -> None:
    rig.core.deadline = 101.0
    rig.driver.wake()
    rig.loop.settle()
    rig.core.deadline = None
    rig.driver.wake()
    rig.loop.advance(2)
    assert rig.core.timeouts == []
    assert rig.loop.pending == []


def test_a_timer_that_fires_a_little_early_waits_instead_of_spinning(rig: Rig) -> None:
    rig.core.deadline = 100.5
    rig.driver.wake()
    rig.loop.settle()
    (handle,) = rig.loop.pending
    rig.loop.now = 100.4998  # uvloop rounds 0.5 s down to its clock's grain
    handle.run()
    handle.cancel()
    assert rig.core.timeouts == []
    made = rig.loop.handles_made
    rig.loop.advance(0.01)
    assert rig.core.timeouts == [pytest.approx(100.5008)]
    assert rig.loop.handles_made <= made + 1


def test_rounding_of_the_clock_is_not_early(rig: Rig) -> None:
    rig.core.deadline = 100.5
    rig.driver.wake()
    rig.loop.settle()
    (handle,) = rig.loop.pending
    rig.loop.now = 100.5 - 1e-9
    handle.run()
    assert rig.core.timeouts == [100.5]


@pytest.mark.parametrize("uvloop_order", [False, True])
def test_after_a_blocked_loop_the_sockets_are_read_before_the_core_times_out(uvloop_order: bool) -> None:
    rig = Rig(FakeLoop(uvloop_order=uvloop_order))
    rig.core.deadline = 101.0
    rig.driver.wake()
    rig.loop.settle()
    rig.loop.now = 131.0  # a handler computed for half a minute
    rig.loop.turn()
    rig.loop.arrivals = [lambda: rig.driver.received("alive")]  # found by the poll of the turn after
    rig.core.log.clear()
    for _ in range(4):
        rig.loop.turn()
    assert rig.core.log.index("receive") < rig.core.log.index("timeout")
    assert rig.core.timeouts == [131.0]


def test_a_postponed_timeout_is_not_armed_a_second_time(rig: Rig) -> None:
    rig.core.deadline = 101.0
    rig.driver.wake()
    rig.loop.settle()
    rig.loop.now = 131.0
    rig.loop.turn()
    rig.core.deadline = 100.5
    rig.driver.wake()
    rig.loop.turn()
    assert len(rig.loop.pending) == 1
    rig.loop.turn()
    assert rig.core.timeouts == [131.0]
    assert rig.loop.pending == []


def test_close_sends_the_goodbye_and_delivers_nothing_more(rig: Rig) -> None:
    rig.core.deadline = 101.0
    rig.driver.wake()
    rig.loop.settle()
    rig.core.packets = ["goodbye"]
    rig.core.events = ["closed"]
    rig.driver.wake()
    rig.driver.close()
    rig.driver.close()
    assert rig.sent == ["goodbye"]
    assert rig.loop.pending == []
    rig.core.packets = ["late"]
    rig.driver.wake()
    rig.driver.received("late")
    rig.driver.writable()
    rig.loop.advance(10)
    assert (rig.sent, rig.events, rig.core.received) == (["goodbye"], [], [])


def test_close_tries_what_a_full_sink_had_left(rig: Rig) -> None:
    rig.capacity = 0
    rig.core.packets = ["a"]
    rig.driver.wake()
    rig.loop.settle()
    rig.core.packets = ["goodbye"]
    rig.capacity = 2
    rig.driver.close()
    assert rig.sent == ["a", "goodbye"]


def test_close_inside_a_handler_ends_the_flush(rig: Rig) -> None:
    rig.core.events = ["a", "b"]
    rig.core.packets = ["p"]
    rig.core.deadline = 101.0
    rig.handler = lambda event: rig.driver.close()
    rig.driver.wake()
    rig.loop.settle()
    assert rig.events == ["a"]
    assert rig.sent == ["p"]
    assert rig.loop.pending == []


def test_close_while_the_timeout_is_postponed(rig: Rig) -> None:
    rig.core.deadline = 101.0
    rig.driver.wake()
    rig.loop.settle()
    rig.loop.now = 131.0
    rig.loop.turn()
    rig.driver.close()
    rig.loop.settle()
    assert rig.core.timeouts == []


def test_after_close_nothing_is_left_for_the_cycle_collector() -> None:
    loop = FakeLoop()
    rig = Rig(loop)
    rig.core.deadline = 200.0
    rig.driver.wake()
    loop.settle()
    rig.core.on_timeout = lambda now: None  # the core's own default holds itself
    rig.driver.close()
    gone = [weakref.ref(rig), weakref.ref(rig.driver)]
    gc.disable()
    try:
        del rig
        assert [reference() for reference in gone] == [None, None]
    finally:
        gc.enable()
