import asyncio

from rtcpeer.errors import MediaStreamError
from rtcpeer.event_target import EventTarget, event_handler
from tests.sim.peers import simulated


class Target(EventTarget):
    onping = event_handler("ping")


def test_the_attribute_replaces_and_removes():
    target, calls = Target(), []
    assert target.onping is None
    listener = calls.append
    target.on("ping", listener)
    target.onping = listener
    assert target.onping is listener
    target.emit("ping", 1)
    assert calls == [1, 1]  # the same function in two places
    target.onping = lambda _: calls.append("second")
    target.emit("ping", 2)
    assert calls == [1, 1, 2, "second"]
    target.onping = None
    target.emit("ping", 3)
    assert calls == [1, 1, 2, "second", 3]


def test_listeners_are_added_once_and_removing_a_stranger_is_harmless():
    target, calls = Target(), []
    listener = calls.append
    target.addEventListener("ping", listener)
    target.addEventListener("ping", listener)
    target.emit("ping", 1)
    assert calls == [1]
    target.removeEventListener("ping", listener)
    target.removeEventListener("ping", listener)
    target.removeEventListener("pong", listener)
    target.emit("ping", 2)
    assert calls == [1]


def test_an_error_that_nobody_hears_is_no_exception():
    Target().emit("error", RuntimeError())


@simulated
async def test_a_handler_that_reads_a_track_to_its_end_has_not_failed():
    problems = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))

    async def read(track):
        await asyncio.sleep(0)
        raise MediaStreamError("The track has ended")

    target = Target()
    target.on("track", read)
    target.emit("track", None)
    while target.has_running_handlers:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert problems == []


@simulated
async def test_what_a_handler_raises_reaches_the_loop_and_no_other_handler():
    problems, calls = [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))
    target = Target()

    def fail(*_):
        raise ZeroDivisionError

    async def fail_later(*_):
        await asyncio.sleep(0)
        raise KeyError

    target.on("error", fail)  # must not be told of its own exception
    for handler in (fail, fail_later, calls.append):
        target.on("ping", handler)
    target.emit("ping", 1)
    target.emit("error", 2)
    assert calls == [1]
    assert target.has_running_handlers
    await asyncio.sleep(0.01)
    assert not target.has_running_handlers
    assert [type(problem) for problem in problems] == [ZeroDivisionError, ZeroDivisionError, KeyError]
