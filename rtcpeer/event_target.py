"""Events as browsers have them, over pyee."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from pyee.asyncio import AsyncIOEventEmitter

from rtcpeer.errors import MediaStreamError

__all__ = ["EventTarget", "Handler", "event_handler"]

Handler = Callable[..., Any]


class EventTarget(AsyncIOEventEmitter):
    """An emitter with three spellings: ``target.on("x", f)``, ``target.addEventListener("x", f)``, ``target.onx = f``.

    A handler may be a function or a coroutine function. What it raises goes to the event loop's exception handler, as
    a browser reports it to the window: neither other handlers nor the network code that told the news are disturbed.
    A coroutine that reads a track until `MediaStreamError` has come to its end, and nothing is to be reported.
    """

    def emit(self, event: str, *args: Any, **kwargs: Any) -> bool:
        """Call the listeners of ``event``; returns whether there are any (pyee's, without its lock: once a message)."""
        listeners = self._events.get(event)
        if not listeners:
            return False
        for listener in tuple(listeners.values()):
            self._emit_run(listener, args, kwargs)
        return True

    def addEventListener(self, type: str, listener: Handler) -> None:  # noqa: A002 the W3C's name
        """Call ``listener`` on every event of this type; adding it twice changes nothing."""
        if listener not in self.listeners(type):
            self.add_listener(type, listener)

    def removeEventListener(self, type: str, listener: Handler) -> None:  # noqa: A002 the W3C's name
        """Stop calling ``listener``; one that was never added is ignored."""
        with contextlib.suppress(KeyError):
            self.remove_listener(type, listener)

    @property
    def has_running_handlers(self) -> bool:
        """Whether coroutine handlers have not come to their end yet."""
        return not self.complete

    def _emit_run(self, f: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Call one handler. pyee would hand its exception to ``error``, which here means the W3C's event."""
        try:
            result = f(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 it is the application's, and nobody here can do better
            _report(error)
            return
        if result is not None and asyncio.iscoroutine(result):
            task = asyncio.ensure_future(result)
            self._waiting.add(task)
            task.add_done_callback(self._on_handler_done)

    def _on_handler_done(self, task: "asyncio.Future[Any]") -> None:
        self._waiting.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, MediaStreamError):
            _report(error)

    def _emit_handle_potential_error(self, event: str, error: Any) -> None:
        """An ``error`` event that nobody listens to is no exception, as in browsers."""


class event_handler:  # noqa: N801 used as a declaration: `onopen = event_handler("open")`
    """An event handler attribute (HTML section 8.1.8.1): assigning replaces the last one, None removes it."""

    def __init__(self, event: str) -> None:
        self._event = event

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_{name}_handler"

    def __get__(self, target: EventTarget | None, owner: type) -> Any:
        if target is None:
            return self
        listener = target.__dict__.get(self._slot)
        return listener and listener.handler

    def __set__(self, target: EventTarget, handler: Handler | None) -> None:
        previous = target.__dict__.pop(self._slot, None)
        if previous is not None:
            target.removeEventListener(self._event, previous)
        if handler is not None:
            target.__dict__[self._slot] = target.add_listener(self._event, _AttributeListener(handler))


class _AttributeListener:
    """The handler of an attribute; the same function may be a listener besides, and both are called."""

    __slots__ = ("handler",)

    def __init__(self, handler: Handler) -> None:
        self.handler = handler

    def __call__(self, *args: Any) -> Any:
        return self.handler(*args)


def _report(error: BaseException) -> None:
    message = {"message": "An event handler of the application failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(message)
