"""Our peer connection with marked pictures and tones, in the test's own process."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import av

from rtcpeer import MediaStreamError, MediaStreamTrack, RemoteStreamTrack, RTCPeerConnection, RTCRtpSender
from tests.interop.media_marks import COLORS, picture, pitch, read, tone
from tests.interop.peers.media_peer import Direction, Flow, Kind, MediaPeer, Seen
from tests.interop.peers.python_peer import PythonPeer

HEARD = 0.5  # seconds of sound that a pitch is taken from


class MarkedVideo(MediaStreamTrack):
    """Numbered pictures at a fixed rate."""

    kind = "video"

    def __init__(self, *, width: int, height: int, rate: int) -> None:
        super().__init__()
        self._size = (width, height)
        self._rate = rate
        self._begin: float | None = None
        self.drawn = 0

    async def recv(self) -> Any:
        now = asyncio.get_running_loop().time()
        if self._begin is None:
            self._begin = now
        await asyncio.sleep(max(0.0, self._begin + self.drawn / self._rate - now))
        width, height = self._size
        frame = picture(self.drawn, width=width, height=height)
        frame.pts, frame.time_base = self.drawn, Fraction(1, self._rate)
        self.drawn += 1
        return frame


class Tone(MediaStreamTrack):
    """A sine, 20 ms at a time."""

    kind = "audio"

    def __init__(self, frequency: float) -> None:
        super().__init__()
        self._frequency = frequency
        self._begin: float | None = None
        self._samples = 0

    async def recv(self) -> Any:
        now = asyncio.get_running_loop().time()
        if self._begin is None:
            self._begin = now
        await asyncio.sleep(max(0.0, self._begin + self._samples / 48000 - now))
        frame = tone(self._frequency, self._samples)
        self._samples += frame.samples
        return frame


class Watch:
    """Reads a received track for as long as it lasts, and keeps what the pictures said or how the last ones sounded."""

    def __init__(self, track: RemoteStreamTrack) -> None:
        self.reset()
        self._sounds: deque[tuple[float, av.AudioFrame]] = deque()
        self.task = asyncio.create_task(self._run(track))

    def reset(self) -> None:
        self._numbers: set[int] = set()
        self._frames = self._unreadable = self._wrong_colors = 0
        self._last: int | None = None
        self._size: tuple[int, int] | None = None

    def seen(self) -> Seen:
        return Seen(
            frozenset(self._numbers), self._frames, self._unreadable, self._wrong_colors, self._last, self._size
        )

    def heard(self) -> float:
        now = asyncio.get_running_loop().time()
        recent = [frame for at, frame in self._sounds if now - at < 2 * HEARD]
        return pitch(recent) if len(recent) > 5 else 0.0

    async def _run(self, track: RemoteStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                if isinstance(frame, av.AudioFrame):
                    self._take_sound(frame)
                else:
                    self._take_picture(frame)

    def _take_sound(self, frame: av.AudioFrame) -> None:
        self._sounds.append((asyncio.get_running_loop().time(), frame))
        if len(self._sounds) > HEARD / 0.02:
            self._sounds.popleft()

    def _take_picture(self, frame: av.VideoFrame) -> None:
        mark = read(frame)
        self._frames += 1
        self._size = (frame.width, frame.height)
        if mark.number is None:
            self._unreadable += 1
        else:
            self._numbers.add(mark.number)
            self._last = mark.number
        if mark.colors != tuple(COLORS):
            self._wrong_colors += 1


class PythonMediaPeer(PythonPeer, MediaPeer):
    """Ours."""

    name = "rtcpeer"

    def __init__(self, pc: RTCPeerConnection) -> None:
        super().__init__(pc, listens=False)
        self.sources: dict[str, Any] = {}
        self.watches: dict[RemoteStreamTrack, Watch] = {}
        pc.on("track", self._watch)

    def _watch(self, track: RemoteStreamTrack) -> None:
        if track not in self.watches:
            self.watches[track] = Watch(track)

    async def finish(self) -> None:
        await self.pc.close()
        await asyncio.gather(*(watch.task for watch in self.watches.values()))

    async def make_video(self, name: str, *, width: int = 320, height: int = 240, rate: int = 15) -> None:
        self.sources[name] = MarkedVideo(width=width, height=height, rate=rate)

    async def make_audio(self, name: str, *, frequency: float = 440.0) -> None:
        self.sources[name] = Tone(frequency)

    async def add_track(self, name: str) -> None:
        self.pc.addTrack(self.sources[name])

    async def add_transceiver(
        self, name_or_kind: str, direction: Direction = "sendrecv", rids: Sequence[str] = ()
    ) -> None:
        init: dict[str, Any] = {"direction": direction}
        if rids:
            init["sendEncodings"] = [
                {"rid": rid, "scaleResolutionDownBy": 2 ** (len(rids) - 1 - index)} for index, rid in enumerate(rids)
            ]
        self.pc.addTransceiver(self.sources.get(name_or_kind, name_or_kind), init)

    async def remove_track(self, name: str) -> None:
        self.pc.removeTrack(self._sender(name))

    async def replace_track(self, name: str, by: str | None) -> None:
        await self._sender(name).replaceTrack(self.sources[by] if by else None)

    async def set_direction(self, mid: str, direction: Direction) -> None:
        self._transceiver(mid).direction = direction

    async def stop_transceiver(self, mid: str) -> None:
        self._transceiver(mid).stop()

    async def prefer(self, kind: Kind, codec: str) -> None:
        capabilities = RTCRtpSender.getCapabilities(kind)
        assert capabilities is not None
        chosen = [one for one in capabilities.codecs if one.name.lower() in {codec.lower(), "rtx"}]
        for transceiver in self.pc.getTransceivers():
            if transceiver.kind == kind:
                transceiver.setCodecPreferences(chosen)

    async def codecs(self, kind: Kind) -> list[str]:
        capabilities = RTCRtpSender.getCapabilities(kind)
        assert capabilities is not None
        return list(dict.fromkeys(codec.name for codec in capabilities.codecs))

    async def transceivers(self) -> list[dict[str, Any]]:
        names = {source: name for name, source in self.sources.items()}
        return [
            {
                "mid": one.mid,
                "kind": one.kind,
                "direction": one.direction,
                "currentDirection": one.currentDirection,
                "sends": names.get(one.sender.track),
            }
            for one in self.pc.getTransceivers()
        ]

    async def begin_anew(self, mid: str) -> None:
        watch = self._watch_of(mid)
        if watch is not None:
            watch.reset()

    async def seen(self, mid: str) -> Seen:
        watch = self._watch_of(mid)
        return Seen(frozenset(), 0, 0, 0, None, None) if watch is None else watch.seen()

    async def heard(self, mid: str) -> float:
        watch = self._watch_of(mid)
        return 0.0 if watch is None else watch.heard()

    async def flow(self, direction: Literal["in", "out"], kind: Kind) -> Flow:
        report = await self.pc.getStats()
        wanted = "outbound-rtp" if direction == "out" else "inbound-rtp"
        streams: list[Any] = [one for one in report.values() if one.type == wanted and one.kind == kind]

        def total(name: str) -> int:
            return sum(getattr(one, name, None) or 0 for one in streams)

        codecs: list[Any] = [report.get(one.codecId) for one in streams if one.codecId]
        is_out = direction == "out"
        return Flow(
            tuple(dict.fromkeys(codec.mimeType.partition("/")[2] for codec in codecs if codec)),
            total("framesSent" if is_out else "framesDecoded"),
            total("packetsSent" if is_out else "packetsReceived"),
            0 if is_out else total("packetsLost"),
            total("keyFramesEncoded" if is_out else "keyFramesDecoded"),
            tuple(one.rid for one in streams if getattr(one, "rid", None) and one.packetsSent) if is_out else (),
        )

    def _sender(self, name: str) -> Any:
        return next(one for one in self.pc.getSenders() if one.track is self.sources[name])

    def _transceiver(self, mid: str) -> Any:
        return next(one for one in self.pc.getTransceivers() if one.mid == mid)

    def _watch_of(self, mid: str) -> Watch | None:
        return self.watches.get(self._transceiver(mid).receiver.track)
