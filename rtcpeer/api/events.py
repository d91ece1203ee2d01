"""Events as browsers have them; media's tracks have them too, so they live below."""

from rtcpeer.event_target import EventTarget, Handler, event_handler

__all__ = ["EventTarget", "Handler", "event_handler"]
