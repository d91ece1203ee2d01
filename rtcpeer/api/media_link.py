"""What the sender and the receiver of one transceiver have from their connection."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from rtcpeer.api.configuration import Settings
from rtcpeer.api.dtls import RTCDtlsTransport
from rtcpeer.api.stats import StatsCollector
from rtcpeer.core import Entropy
from rtcpeer.rtp.settings import MediaSettings

__all__ = ["MediaLink"]


@dataclass(eq=False, slots=True)
class MediaLink:
    """Their transport, which negotiation may change, their settings, and the way back to their connection."""

    transport: RTCDtlsTransport
    settings: Settings
    entropy: Entropy
    need_changed: Callable[[], object]  # there may be something to negotiate
    endings: set[asyncio.Task[None]] = field(default_factory=set)  # threads that have not come to their end
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)

    @property
    def media_settings(self) -> MediaSettings:
        """How RTP is to work."""
        return self.settings.media or MediaSettings()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that media runs in; from outside it, too, the connection may be closed."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def now(self) -> float:
        """The time that cores are told."""
        return self.loop.time()

    @property
    def is_connected(self) -> bool:
        """Whether media can flow."""
        return self.transport.state == "connected"

    @property
    def is_over(self) -> bool:
        """Whether media can never flow again."""
        return self.transport.state in {"closed", "failed"}

    @property
    def collector(self) -> StatsCollector:
        """What makes reports of the transport."""
        return self.transport.iceTransport._stats  # noqa: SLF001

    def wall_clock(self, moment: float) -> float:
        """A time of the loop's as milliseconds since 1970."""
        return (time.time() - self.now + moment) * 1000

    def wake(self) -> None:
        """A core has been changed."""
        self.transport._wake()  # noqa: SLF001

    def end(self, closing: Coroutine[Any, Any, None]) -> None:
        """See to it that this comes to its end; `RTCPeerConnection.close` waits for what is left then."""
        task = self.loop.create_task(closing, name="rtcpeer end of media")
        self.endings.add(task)
        task.add_done_callback(self.endings.discard)
