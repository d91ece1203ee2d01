"""The stacks under comparison, each behind the same small face: `Connection` and `Channel`.

The differences between them that matter here are how candidates travel (aiortc has all of them in the description, the
others send them one by one) and what a handler is given. On the hot path nothing is wrapped that need not be: `Channel`
hands out the stack's own bound methods.
"""

import asyncio
import contextlib
import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

Signal = dict[str, Any]
"""What one side tells the other: ``{"description": {...}}`` or ``{"candidate": {...} | None}``."""


class Channel(Protocol):
    """A data channel; each of the callbacks is set once."""

    send: Callable[[bytes | str], Any]

    def buffered_amount(self) -> int: ...

    def is_open(self) -> bool: ...

    def on_open(self, callback: Callable[[], None]) -> None: ...

    def on_message(self, callback: Callable[[bytes | str], None]) -> None: ...

    def on_low(self, threshold: int, callback: Callable[[], None]) -> None: ...


class Connection(Protocol):
    """A peer connection; ``tell`` gets what the other side has to be told."""

    def __init__(self, tell: Callable[[Signal], None]) -> None: ...

    def create_channel(self, label: str) -> Channel: ...

    def on_channel(self, callback: Callable[[Channel], None]) -> None: ...

    def state(self) -> str: ...

    async def offer(self) -> None: ...

    async def take(self, signal: Signal) -> None: ...

    async def close(self) -> None: ...


class MediaConnection(Connection, Protocol):
    """A peer connection of a stack that Python frames go into and come out of."""

    async def send_track(self, track: Any, codec: str, bitrate: int | None) -> None:
        """Send a track, in this codec, at most so many bits per second where a limit is given."""

    def expect_track(self, kind: str) -> None:
        """Offer to take a track of the other side's."""

    def on_track(self, callback: Callable[[Any], None]) -> None: ...


class NamedLikeTheBrowser:
    """What the three faces have in common."""

    package: ClassVar[str]  # where RTCRtpSender is
    channel_class: ClassVar[Any]
    pc: Any

    def __init__(self, tell: Callable[[Signal], None]) -> None:
        self._tell = tell
        self._early: list[Signal] | None = []

    def tell_candidate(self, candidate: Any) -> None:
        """Not before the description: libwebrtc refuses what comes too early."""
        signal = {"candidate": candidate.toJSON() if candidate and candidate.candidate else None}
        if self._early is None:
            self._tell(signal)
        else:
            self._early.append(signal)

    def create_channel(self, label: str) -> Channel:
        channel: Channel = self.channel_class(self.pc.createDataChannel(label))
        return channel

    def state(self) -> str:
        return str(self.pc.connectionState)

    async def send_track(self, track: Any, codec: str, bitrate: int | None) -> None:
        sender = self.pc.addTrack(track)
        transceiver = next(one for one in self.pc.getTransceivers() if one.sender is sender)
        possible = importlib.import_module(self.package).RTCRtpSender.getCapabilities(track.kind).codecs
        wanted = {f"{track.kind}/{name}" for name in (codec, "rtx")}
        transceiver.setCodecPreferences([one for one in possible if one.mimeType.lower() in wanted])
        if bitrate is not None:
            await self.limit(sender, bitrate)

    async def limit(self, sender: Any, bitrate: int) -> None:
        parameters = sender.getParameters()
        parameters.encodings[0].maxBitrate = bitrate
        # As aiortc, which can do no other; by itself our encoder makes fewer pictures where the bitrate is low.
        parameters.degradationPreference = "maintain-framerate-and-resolution"
        await sender.setParameters(parameters)

    def expect_track(self, kind: str) -> None:
        self.pc.addTransceiver(kind, direction="recvonly")

    def on_track(self, callback: Callable[[Any], None]) -> None:
        self.pc.on("track", callback)

    async def offer(self) -> None:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        self.tell_description()

    async def answer(self) -> None:
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        self.tell_description()

    def tell_description(self) -> None:
        local = self.pc.localDescription
        self._tell({"description": {"type": str(getattr(local.type, "value", local.type)), "sdp": local.sdp}})
        early, self._early = self._early or [], None
        for signal in early:
            self._tell(signal)


class RtcpeerChannel:
    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.send = channel.send

    def buffered_amount(self) -> int:
        return self.channel.bufferedAmount  # type: ignore[no-any-return]

    def is_open(self) -> bool:
        return bool(self.channel.readyState == "open")

    def on_open(self, callback: Callable[[], None]) -> None:
        self.channel.on("open", callback)

    def on_message(self, callback: Callable[[bytes | str], None]) -> None:
        self.channel.on("message", callback)

    def on_low(self, threshold: int, callback: Callable[[], None]) -> None:
        self.channel.bufferedAmountLowThreshold = threshold
        self.channel.on("bufferedamountlow", callback)


class RtcpeerConnection(NamedLikeTheBrowser):
    settings: ClassVar[Any] = None
    package = "rtcpeer"
    channel_class = RtcpeerChannel

    def __init__(self, tell: Callable[[Signal], None]) -> None:
        from rtcpeer import RTCPeerConnection

        super().__init__(tell)
        self.pc = RTCPeerConnection(settings=self.settings)
        self.pc.on("icecandidate", self.tell_candidate)

    def on_channel(self, callback: Callable[[Channel], None]) -> None:
        self.pc.on("datachannel", lambda channel: callback(RtcpeerChannel(channel)))

    async def take(self, signal: Signal) -> None:
        if "description" in signal:
            await self.pc.setRemoteDescription(signal["description"])
            if signal["description"]["type"] == "offer":
                await self.answer()
        else:
            await self.pc.addIceCandidate(signal["candidate"])

    async def close(self) -> None:
        await self.pc.close()


class AiortcChannel(RtcpeerChannel):
    """The same names: aiortc's events carry the thing itself as well."""


class AiortcConnection(NamedLikeTheBrowser):
    """Bulk: aiortc gathers in setLocalDescription and has no ``icecandidate``."""

    package = "aiortc"
    channel_class = AiortcChannel

    def __init__(self, tell: Callable[[Signal], None]) -> None:
        from aiortc import RTCConfiguration, RTCPeerConnection

        super().__init__(tell)
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # its default asks a server of Google's

    def on_channel(self, callback: Callable[[Channel], None]) -> None:
        self.pc.on("datachannel", lambda channel: callback(AiortcChannel(channel)))

    async def limit(self, sender: Any, bitrate: int) -> None:
        """There is no setParameters; what its encoders begin with and may rise to is a constant of the process."""
        from aiortc.codecs import vpx

        if sender.kind == "video":
            vpx.DEFAULT_BITRATE = vpx.MAX_BITRATE = bitrate

    async def take(self, signal: Signal) -> None:
        from aiortc import RTCSessionDescription

        await self.pc.setRemoteDescription(RTCSessionDescription(**signal["description"]))
        if signal["description"]["type"] == "offer":
            await self.answer()

    async def close(self) -> None:
        await self.pc.close()


class WrtcChannel:
    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.send = channel.send

    def buffered_amount(self) -> int:
        return self.channel.bufferedAmount  # type: ignore[no-any-return]

    def is_open(self) -> bool:
        return bool(self.channel.readyState == "open")

    def on_open(self, callback: Callable[[], None]) -> None:
        self.channel.on("open", lambda _: callback())

    def on_message(self, callback: Callable[[bytes | str], None]) -> None:
        self.channel.on("message", lambda event: callback(event.data))

    def on_low(self, threshold: int, callback: Callable[[], None]) -> None:
        self.channel.bufferedAmountLowThreshold = threshold
        self.channel.on("bufferedamountlow", lambda _: callback())


class WrtcConnection(NamedLikeTheBrowser):
    """libwebrtc; the distribution ``wrtc`` holds the package ``webrtc``."""

    package = "webrtc"
    channel_class = WrtcChannel

    def __init__(self, tell: Callable[[Signal], None]) -> None:
        import webrtc

        super().__init__(tell)
        self.pc = webrtc.RTCPeerConnection()
        self.pc.on("icecandidate", lambda event: self.tell_candidate(event.candidate))

    def on_channel(self, callback: Callable[[Channel], None]) -> None:
        self.pc.on("datachannel", lambda event: callback(WrtcChannel(event.channel)))

    async def take(self, signal: Signal) -> None:
        import webrtc

        if "description" in signal:
            init = webrtc.RTCSessionDescriptionInit(**signal["description"])
            await self.pc.setRemoteDescription(webrtc.RTCSessionDescription(init))
            if signal["description"]["type"] == "offer":
                await self.answer()
        elif signal["candidate"] is not None:
            await self.pc.addIceCandidate(webrtc.RTCIceCandidateInit.from_json(signal["candidate"]))

    async def close(self) -> None:
        self.pc.close()
        await asyncio.sleep(0)


PEERS: dict[str, type[Connection]] = {
    "rtcpeer": RtcpeerConnection,
    "rtcpeer+uvloop": RtcpeerConnection,
    "aiortc": AiortcConnection,
    "wrtc": WrtcConnection,
}

MEDIA_PEERS = ("rtcpeer", "rtcpeer+uvloop", "aiortc")
"""Those that are a `MediaConnection`; wrtc's tracks are libwebrtc's own."""

DEFAULT_PEERS = ("rtcpeer", "aiortc", "wrtc")


def version(peer: str) -> str:
    """Name and version of the distribution, or that it is missing."""
    name = peer.partition("+")[0]
    if name == "rtcpeer":
        import rtcpeer

        return f"{peer} {rtcpeer.__version__}"
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f"{peer} {importlib.metadata.version(name)}"
    return f"{peer} (not installed)"
