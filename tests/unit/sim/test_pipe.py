import pytest

from tests.sim.clock import DeadlineError, SpinError, StuckError
from tests.sim.pipe import LinkSettings, Pipe


class Echo:
    """Sends numbered packets until each was acknowledged; answers each with its number."""

    def __init__(self, count: int = 0) -> None:
        self.unacknowledged = set(range(count))
        self.answers: list[bytes] = []
        self.seen: list[str] = []
        self.batches: list[int] = []
        self.due: float | None = 0.0 if count else None
        self.in_batch = 0

    def receive(self, packet: bytes, now: float) -> None:
        kind, number = packet[:1], int(packet[1:])
        self.in_batch += 1
        if kind == b"?":
            self.answers.append(b"!%d" % number)
            self.seen.append(f"{number} at {now:.3f}")
        else:
            self.unacknowledged.discard(number)

    def handle_timeout(self, now: float) -> None:
        self.due = now

    def packets_to_send(self, now: float) -> list[bytes]:
        if self.in_batch:
            self.batches.append(self.in_batch)
            self.in_batch = 0
        packets, self.answers = self.answers, []
        if self.due is not None and self.due <= now:
            packets += [b"?%d" % number for number in sorted(self.unacknowledged)]
            self.due = now + 1.0 if self.unacknowledged else None
        return packets

    def poll_events(self) -> list[str]:
        seen, self.seen = self.seen, []
        return seen

    def next_timeout(self) -> float | None:
        return self.due if self.unacknowledged else None


def test_packets_take_their_time_and_events_are_collected() -> None:
    a, b = Echo(2), Echo()
    pipe = Pipe(a, b, LinkSettings(delay=0.05))
    pipe.run(lambda: not a.unacknowledged)
    assert pipe.now == pytest.approx(0.1)
    assert pipe.b.events == ["0 at 0.050", "1 at 0.050"]
    assert pipe.a.events == []


def test_what_arrives_together_is_drained_once() -> None:
    a, b = Echo(10), Echo()
    Pipe(a, b, LinkSettings(delay=0.05)).run(lambda: not a.unacknowledged)
    assert b.batches == [10]


def test_timers_fire_until_everything_got_through() -> None:
    a, b = Echo(50), Echo()
    pipe = Pipe(a, b, LinkSettings(delay=0.05, loss=0.3), seed=3)
    pipe.run(lambda: not a.unacknowledged)
    assert pipe.link_ab.lost > 0
    assert pipe.now > 1.0


def test_a_run_is_a_function_of_its_seed() -> None:
    def history(seed: int) -> list[str]:
        pipe = Pipe(a := Echo(50), Echo(), LinkSettings(delay=0.05, loss=0.3, jitter=0.01), seed=seed)
        pipe.run(lambda: not a.unacknowledged)
        return pipe.b.events

    assert history(1) == history(1) != history(2)


def test_nothing_left_to_do_is_a_failure() -> None:
    with pytest.raises(StuckError, match="a: Echo"):
        Pipe(Echo(), Echo()).run(lambda: False)


def test_a_dead_link_runs_into_the_deadline() -> None:
    with pytest.raises(DeadlineError, match="lost=6"):
        Pipe(Echo(1), Echo(), LinkSettings(loss=1.0)).run(lambda: False, timeout=5.5)


def test_a_filter_may_lose_or_change_packets() -> None:
    a, b = Echo(2), Echo()
    pipe = Pipe(a, b)
    pipe.filter_ab = lambda packet: None if packet == b"?0" else b"?7"
    pipe.run(lambda: bool(pipe.b.events))
    assert pipe.b.events == ["7 at 0.000"]


def test_a_core_that_always_wants_to_send_is_a_failure() -> None:
    class Babbler(Echo):
        def packets_to_send(self, now: float) -> list[bytes]:
            return [b"?1"]

    with pytest.raises(SpinError):
        Pipe(Babbler(), Echo(), LinkSettings(loss=1.0)).run(lambda: False)


def test_a_core_whose_timer_is_always_due_is_a_failure() -> None:
    class Impatient(Echo):
        def next_timeout(self) -> float | None:
            return 0.0

    with pytest.raises(SpinError):
        Pipe(Impatient(), Echo()).run(lambda: False)


def test_a_stopped_side_is_silent() -> None:
    a, b = Echo(1), Echo()
    pipe = Pipe(a, b, LinkSettings(delay=0.01))
    pipe.b.stop()
    with pytest.raises(DeadlineError):
        pipe.run(lambda: not a.unacknowledged, timeout=10.0)
    assert pipe.link_ba.sent == 0
