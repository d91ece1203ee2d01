"""Codecs without threads, for tests in virtual time."""

import asyncio

__all__ = ["WorkerInPlace"]


class WorkerInPlace:
    """In place of a thread, which would be a clock of its own: it works at once, and delivers in the next turn."""

    queued = 0

    def __init__(self, process, deliver, on_failure, finish, name):
        self._process, self._deliver, self._on_failure, self._finish = process, deliver, on_failure, finish
        self._is_closed = False

    def put(self, item):
        if self._is_closed:
            return
        loop = asyncio.get_running_loop()
        try:
            results = self._process(item)
        except Exception as error:
            loop.call_soon(self._on_failure, error, item)
        else:
            if results:
                loop.call_soon(self._deliver, results)

    async def drained(self):
        await asyncio.sleep(0)

    async def close(self):
        if not self._is_closed:
            self._is_closed = True
            self._finish()
