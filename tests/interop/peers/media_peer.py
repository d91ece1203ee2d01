"""A peer that sends marked pictures and tones and says what it got of the other side's (media_marks.py)."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tests.interop.browser import Browser
from tests.interop.media_marks import FULL_SCALE, NUMBERS, pitch_of
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.peer import Peer

SCRIPT = Path(__file__).with_suffix(".js").read_text()

Kind = Literal["audio", "video"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

RATE = 48000  # of the samples that a page hands over
MEDIA_WAIT = 30.0  # for something to be seen or heard, on a busy machine with two cores


@dataclass(frozen=True)
class Seen:
    """What a received video has shown since it was asked to begin anew."""

    numbers: frozenset[int]
    frames: int
    unreadable: int
    wrong_colors: int
    last: int | None
    size: tuple[int, int] | None

    @property
    def coverage(self) -> float:
        """The share of the numbers from the first to the last that were there; 0 while there are none."""
        if not self.numbers:
            return 0.0
        # The last one seen is the newest; the numbers begin again after NUMBERS.
        assert self.last is not None
        oldest = max((self.last - number) % NUMBERS for number in self.numbers)
        return len(self.numbers) / (oldest + 1)


@dataclass(frozen=True)
class Flow:
    """What getStats() has counted of one kind in one direction."""

    codecs: tuple[str, ...]
    frames: int
    packets: int
    lost: int
    key_frames: int
    rids: tuple[str, ...]


class MediaPeer(Peer):
    """What a test may ask of a peer with media; sources are found by the name they were made with."""

    @abstractmethod
    async def make_video(self, name: str, *, width: int = 320, height: int = 240, rate: int = 15) -> None:
        """Begin to draw."""

    @abstractmethod
    async def make_audio(self, name: str, *, frequency: float = 440.0) -> None:
        """Begin to sound."""

    @abstractmethod
    async def add_track(self, name: str) -> None: ...

    @abstractmethod
    async def add_transceiver(
        self, name_or_kind: str, direction: Direction = "sendrecv", rids: Sequence[str] = ()
    ) -> None:
        """With a source, or only of a kind; `rids` name layers of simulcast, each half the size of the next."""

    @abstractmethod
    async def remove_track(self, name: str) -> None: ...

    @abstractmethod
    async def replace_track(self, name: str, by: str | None) -> None:
        """On the sender that has it."""

    @abstractmethod
    async def set_direction(self, mid: str, direction: Direction) -> None: ...

    @abstractmethod
    async def stop_transceiver(self, mid: str) -> None: ...

    @abstractmethod
    async def prefer(self, kind: Kind, codec: str) -> None:
        """Nothing else, on every transceiver of the kind."""

    @abstractmethod
    async def codecs(self, kind: Kind) -> list[str]:
        """What there is to prefer."""

    @abstractmethod
    async def transceivers(self) -> list[dict[str, Any]]:
        """Of each ``mid``, ``kind``, ``direction``, ``currentDirection`` and ``sends``, the name of its source."""

    @abstractmethod
    async def begin_anew(self, mid: str) -> None:
        """Forget what was seen until now."""

    @abstractmethod
    async def seen(self, mid: str) -> Seen: ...

    @abstractmethod
    async def heard(self, mid: str) -> float:
        """The strongest frequency of the last moment, 0 for silence."""

    @abstractmethod
    async def flow(self, direction: Literal["in", "out"], kind: Kind) -> Flow: ...

    async def sees(self, mid: str, what: Callable[[Seen], bool] = lambda seen: len(seen.numbers) > 2) -> Seen:
        """Wait until enough was seen."""
        try:
            async with asyncio.timeout(MEDIA_WAIT):
                while not what(seen := await self.seen(mid)):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{self.name} saw only {await self.seen(mid)} in section {mid}") from None
        return seen

    async def hears(self, mid: str, frequency: float) -> None:
        """Wait until that tone is there."""
        try:
            async with asyncio.timeout(MEDIA_WAIT):
                while abs(await self.heard(mid) - frequency) > 5:
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{self.name} hears {await self.heard(mid)} Hz, not {frequency}") from None

    async def mids(self, kind: Kind) -> list[str]:
        """Of the sections of a kind."""
        return [one["mid"] for one in await self.transceivers() if one["kind"] == kind]


async def negotiate(offerer: Peer, answerer: Peer) -> None:
    """One round, all candidates within the descriptions."""
    await answerer.accept(await offerer.describe("offer", "bulk"))
    await offerer.accept(await answerer.describe("answer", "bulk"))


class BrowserMediaPeer(BrowserPeer, MediaPeer):
    """In a browser's page."""

    @classmethod
    async def start(cls, browser: Browser, configuration: dict[str, Any] | None = None) -> "BrowserMediaPeer":
        peer = await super().start(browser, configuration)
        assert isinstance(peer, BrowserMediaPeer)
        await peer.page.run(f"{SCRIPT}\nstartMedia(peer.pc);")
        return peer

    async def make_video(self, name: str, *, width: int = 320, height: int = 240, rate: int = 15) -> None:
        await self._do(
            "media.make(name, 'video', { width, height, rate })", name=name, width=width, height=height, rate=rate
        )

    async def make_audio(self, name: str, *, frequency: float = 440.0) -> None:
        await self._do("await media.make(name, 'audio', { frequency })", name=name, frequency=frequency)

    async def add_track(self, name: str) -> None:
        await self._do("media.addTrack(name)", name=name)

    async def add_transceiver(
        self, name_or_kind: str, direction: Direction = "sendrecv", rids: Sequence[str] = ()
    ) -> None:
        init: dict[str, Any] = {"direction": direction}
        if rids:
            init["sendEncodings"] = [
                {"rid": rid, "scaleResolutionDownBy": 2 ** (len(rids) - 1 - index)} for index, rid in enumerate(rids)
            ]
        await self._do("media.addTransceiver(what, init)", what=name_or_kind, init=init)

    async def remove_track(self, name: str) -> None:
        await self._do("peer.pc.removeTrack(media.sender(name))", name=name)

    async def replace_track(self, name: str, by: str | None) -> None:
        await self._do("await media.sender(name).replaceTrack(media.track(by))", name=name, by=by)

    async def set_direction(self, mid: str, direction: Direction) -> None:
        await self._do("media.transceiver(mid).direction = direction", mid=mid, direction=direction)

    async def stop_transceiver(self, mid: str) -> None:
        await self._do("media.transceiver(mid).stop()", mid=mid)

    async def prefer(self, kind: Kind, codec: str) -> None:
        await self._do("media.prefer(kind, codec)", kind=kind, codec=codec)

    async def codecs(self, kind: Kind) -> list[str]:
        codecs: list[str] = await self.page.evaluate("media.codecs(kind)", kind=kind)
        return codecs

    async def transceivers(self) -> list[dict[str, Any]]:
        transceivers: list[dict[str, Any]] = await self.page.evaluate("media.transceivers()")
        return transceivers

    async def begin_anew(self, mid: str) -> None:
        await self._do("media.watches.get(mid)?.reset()", mid=mid)

    async def seen(self, mid: str) -> Seen:
        seen = await self.page.evaluate("media.watches.get(mid)?.seen() ?? null", mid=mid)
        if seen is None:
            return Seen(frozenset(), 0, 0, 0, None, None)
        size = seen["size"] and tuple(seen["size"])
        return Seen(
            frozenset(seen["numbers"]), seen["frames"], seen["unreadable"], seen["wrongColors"], seen["last"], size
        )

    async def heard(self, mid: str) -> float:
        samples = await self.page.evaluate("await media.ears.get(mid)?.samples() ?? []", mid=mid)
        return pitch_of(np.array(samples, np.float64) / FULL_SCALE, RATE)

    async def flow(self, direction: Literal["in", "out"], kind: Kind) -> Flow:
        flow = await self.page.evaluate("await media.flow(direction, kind)", direction=direction, kind=kind)
        numbers = (flow[name] for name in ("frames", "packets", "lost", "keyFrames"))
        return Flow(tuple(flow["codecs"]), *numbers, tuple(flow["rids"]))

    async def _do(self, statement: str, **arguments: object) -> None:
        await self.page.run(f"{statement};", **arguments)
