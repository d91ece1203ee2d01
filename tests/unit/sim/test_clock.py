import pytest

from tests.sim.clock import Clock, DeadlineError, SpinError, StuckError, seeded_entropy


def test_callbacks_run_by_time_and_then_by_order() -> None:
    clock = Clock()
    seen: list[str] = []
    for when, name in [(2.0, "c"), (1.0, "a"), (2.0, "d"), (1.0, "b")]:
        clock.call_at(when, seen.append, name)
    clock.run(lambda: len(seen) == 4)
    assert seen == ["a", "b", "c", "d"]
    assert clock.time() == 2.0


def test_soon_comes_after_everything_of_the_instant_and_before_the_next() -> None:
    clock = Clock()
    seen: list[str] = []
    clock.call_at(1.0, clock.call_soon, seen.append, "soon")
    clock.call_at(1.0, seen.append, "second at 1")
    clock.call_at(1.5, seen.append, "later")
    clock.run(lambda: len(seen) == 3)
    assert seen == ["second at 1", "soon", "later"]


def test_nothing_left_to_do_is_a_failure_that_describes() -> None:
    with pytest.raises(StuckError, match="where it stands"):
        Clock().run(lambda: False, describe=lambda: "where it stands")


def test_the_deadline_is_a_failure() -> None:
    clock = Clock()
    clock.call_at(10.0, print)
    with pytest.raises(DeadlineError):
        clock.run(lambda: False, timeout=5.0)
    assert clock.time() == 5.0


def test_working_for_ever_at_one_instant_is_a_failure() -> None:
    clock = Clock()

    def again() -> None:
        clock.call_soon(again)

    again()
    with pytest.raises(SpinError):
        clock.run(lambda: False)


def test_run_for_ends_at_its_time_and_leaves_the_rest() -> None:
    clock = Clock()
    seen: list[int] = []
    clock.call_later(1.0, seen.append, 1)
    clock.call_later(3.0, seen.append, 3)
    clock.run_for(2.0)
    assert (seen, clock.time()) == ([1], 2.0)


def test_a_time_that_has_passed_means_now() -> None:
    clock = Clock(start=5.0)
    seen: list[float] = []
    clock.call_at(1.0, lambda: seen.append(clock.time()))
    clock.run(lambda: bool(seen))
    assert seen == [5.0]


def test_entropy_is_a_function_of_its_seed() -> None:
    assert seeded_entropy(1)(8) == seeded_entropy(1)(8) != seeded_entropy(2)(8)
