"""Events as browsers have them, over pyee."""

import contextlib
from collections.abc import Callable
from typing import Any

from pyee.asyncio import AsyncIOEventEmitter

__all__ = ["EventTarget", "event_handler"]

Handler = Callable[..., Any]


class EventTarget(AsyncIOEventEmitter):
    """An emitter with three spellings: ``target.on("x", f)``, ``target.addEventListener("x", f)``, ``target.onx = f``.

    A handler may be a function or a coroutine function. What it raises goes to the listeners of ``"error"``, else to
    the event loop's exception handler; it never reaches the network code that told the news.
    """

    def emit(self, event: str, *args: Any, **kwargs: Any) -> bool:
        """Call the listeners of ``event``; returns whether there are any.

        As pyee's, with the short way for what nearly every message is: one plain function, or nobody.
        """
        listeners = self._events.get(event)
        if not listeners and event != "error":
            return False
        if not listeners or len(listeners) > 1:
            return super().emit(event, *args, **kwargs)
        (listener,) = listeners.values()
        try:
            result = listener(*args, **kwargs)
        except Exception as error:  # noqa: BLE001
            self.emit("error", error)
        else:
            if result is not None:
                self._emit_run(lambda: result, (), {})
        return True

    def addEventListener(self, type: str, listener: Handler) -> None:  # noqa: A002 the W3C's name
        """Call ``listener`` on every event of this type; adding it twice changes nothing."""
        if listener not in self.listeners(type):
            self.add_listener(type, listener)

    def removeEventListener(self, type: str, listener: Handler) -> None:  # noqa: A002 the W3C's name
        """Stop calling ``listener``; one that was never added is ignored."""
        with contextlib.suppress(KeyError):
            self.remove_listener(type, listener)


class event_handler:  # noqa: N801 used as a declaration: `onopen = event_handler("open")`
    """An event handler attribute (HTML section 8.1.8.1): assigning replaces the last one, None removes it."""

    def __init__(self, event: str) -> None:
        self._event = event

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_{name}_handler"

    def __get__(self, target: EventTarget | None, owner: type) -> Any:
        return self if target is None else target.__dict__.get(self._slot)

    def __set__(self, target: EventTarget, handler: Handler | None) -> None:
        previous = target.__dict__.pop(self._slot, None)
        if previous is not None:
            target.removeEventListener(self._event, previous)
        if handler is not None:
            target.__dict__[self._slot] = handler
            target.add_listener(self._event, handler)
