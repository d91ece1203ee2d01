import asyncio
import time

import pytest

from tests.sim.loop import DeadlockError, LeakError, TimeLimitError, run


def test_sleeping_takes_simulated_time_only() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(1000)
        return loop.time() - before

    before = time.perf_counter()
    assert run(main()) == pytest.approx(1000)
    assert time.perf_counter() - before < 5


def test_everything_of_one_instant_runs_before_the_clock_moves() -> None:
    async def main() -> list[str]:
        loop, seen = asyncio.get_running_loop(), []

        def chain(left: int) -> None:
            seen.append(f"chain {loop.time() - start:.1f}")
            if left:
                loop.call_soon(chain, left - 1)

        start = loop.time()
        loop.call_later(1.0, chain, 2)
        loop.call_later(1.0001, seen.append, "next")
        await asyncio.sleep(2)
        return seen

    assert run(main()) == ["chain 1.0"] * 3 + ["next"]


def test_a_deadlock_is_an_error_that_names_who_waits() -> None:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="for_ever"):
        run(for_ever())


def test_a_cancelled_timer_does_not_hide_a_deadlock() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(5, print).cancel()
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run(main())


def test_a_program_that_goes_on_for_ever_meets_the_limit() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(1)

    with pytest.raises(TimeLimitError):
        run(main(), limit=100)


def test_a_task_left_behind_is_an_error() -> None:
    async def main() -> None:
        main.task = asyncio.create_task(asyncio.sleep(1000), name="forgotten")  # type: ignore[attr-defined]

    with pytest.raises(LeakError, match="forgotten"):
        run(main())
    run(main(), allow_leaks=True)


def test_an_exception_in_a_callback_is_an_error() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(LeakError, match="ZeroDivisionError"):
        run(main())


def test_the_programs_own_exception_passes() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(main())


def test_timeouts_and_threads_work() -> None:
    async def main() -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.Event().wait()
        return await asyncio.to_thread(lambda: 42)

    assert run(main()) == 42


def test_random_is_seeded_for_the_run_only() -> None:
    import random

    async def main() -> float:
        return random.random()

    random.seed(5)
    expected = random.random()
    random.seed(5)
    assert run(main(), seed=1) == run(main(), seed=1) != run(main(), seed=2)
    assert random.random() == expected
