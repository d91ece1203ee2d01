"""One client's WebSocket on the server: a bounded queue of what it is still to get, and its end."""

import asyncio
from collections import deque
from dataclasses import dataclass

from aiohttp import WSCloseCode, web


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What one client may cost."""

    # Waiting to be sent to a client that reads too slowly; beyond, it is dropped.
    max_queued_messages: int = 4096
    max_queued_bytes: int = 8 * 1024 * 1024
    # A larger message than this closes the connection; one that is merely too large is answered with an error.
    max_frame_size: int = 1024 * 1024
    # Seconds between pings; half of it is the time to answer.
    heartbeat: float = 20.0
    # Seconds for the client to answer our close frame.
    close_timeout: float = 2.0

    def __post_init__(self) -> None:
        for name in ("max_queued_messages", "max_queued_bytes", "max_frame_size", "heartbeat", "close_timeout"):
            value = getattr(self, name)
            if not value > 0:
                msg = f"{name} must be above 0, not {value}"
                raise ValueError(msg)


class Connection:
    """Sends without waiting; `run` does the waiting, in a task of the one who owns the connection."""

    def __init__(self, websocket: web.WebSocketResponse, settings: ConnectionSettings) -> None:
        self.websocket = websocket
        self._settings = settings
        self._queue: deque[str] = deque()
        self._queued_bytes = 0
        self._filled = asyncio.Event()
        self._closing: asyncio.Task[bool] | None = None

    @property
    def is_closing(self) -> bool:
        """Whether `close` was called: nothing more is sent."""
        return self._closing is not None

    def send(self, text: str) -> bool:
        """Queue a message; False when the client takes its messages too slowly and must be dropped."""
        if self.is_closing:
            return True
        self._queue.append(text)
        self._queued_bytes += len(text)
        self._filled.set()
        settings = self._settings
        return len(self._queue) <= settings.max_queued_messages and self._queued_bytes <= settings.max_queued_bytes

    def close(self, code: WSCloseCode, reason: str) -> None:
        """Begin to close: what is queued is dropped. Harmless when closing already."""
        if self._closing is None:
            self._queue.clear()
            self._queued_bytes = 0
            # Without draining: a client that does not read would keep us waiting.
            closing = self.websocket.close(code=code, message=reason.encode(), drain=False)
            self._closing = asyncio.get_running_loop().create_task(closing)

    async def closed(self) -> None:
        """Wait for the end of what `close` began."""
        if self._closing is not None:
            await self._closing

    async def run(self) -> None:
        """Send what is queued, until the connection breaks or the task is cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._queue:
                text = self._queue.popleft()
                self._queued_bytes -= len(text)
                try:
                    await self.websocket.send_str(text)
                except ConnectionError:
                    # The reader sees the end as well, and does what follows.
                    return
