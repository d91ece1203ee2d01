"""What a forwarder costs: video comes over one connection and leaves over another, in the same process.

Ours hands encoded frames on (`receiver.encoded()`). With aiortc people use its MediaRelay, which decodes each picture
and encodes it again: another thing, and the only one there is. The left side is both ends: it sends streams that were
encoded ahead, and takes them back.
"""

import asyncio
import time
from fractions import Fraction
from typing import Any

import av

from benchmarks.media import CODECS, TOO_LATE, VIDEO_CLOCK_RATE, Track, material, relay, track_class
from benchmarks.model import Measure, Metric
from benchmarks.peers import MEDIA_PEERS, MediaConnection, RtcpeerConnection
from benchmarks.session import Session, cpu_time

BITRATE = 2_500_000  # of the streams; about 9 packets a picture
SETTLING = 1.0
ENOUGH = 60_000_000  # bits per second, for all streams together


async def send_and_take_back(session: Session, *, streams: int, rate: int, seconds: float) -> dict[str, Any]:
    """Packets that were sent and that came back within ``seconds``."""
    _unlimited()
    pictures = _encoded()
    await session.meet()
    loop = track_class(session.peer, _LoopOfOurs if session.peer.startswith("rtcpeer") else _Loop)

    async def send(connection: MediaConnection) -> None:
        for _ in range(streams):
            await connection.send_track(loop(pictures, rate), CODECS["video"], None)

    async def take(connection: MediaConnection) -> None:
        for _ in range(streams):
            connection.expect_track("video")

    there = await session.connect(send)
    await session.hear()
    back = await session.connect(take)
    await asyncio.sleep(SETTLING)
    session.say("measure")
    sent, received = await _packets(there.connection), await _packets(back.connection)
    began = time.monotonic()
    await asyncio.sleep(seconds)
    sent, received = await _packets(there.connection) - sent, await _packets(back.connection) - received
    elapsed = time.monotonic() - began
    await session.hear()
    await session.hang_up(there)
    await session.hang_up(back)
    return {"sent": sent, "received": received, "elapsed": elapsed}


async def forward(session: Session, *, streams: int, seconds: float, **_: Any) -> dict[str, Any]:
    """CPU time of the same seconds."""
    _unlimited()
    await session.meet()
    tracks: list[Any] = []

    async def take(connection: MediaConnection) -> None:
        connection.on_track(tracks.append)

    async def send(connection: MediaConnection) -> None:
        if session.peer.startswith("rtcpeer"):
            for track in tracks:
                await connection.send_track(track_class(session.peer, _Handed)(track), CODECS["video"], None)
        else:
            fanout = relay(session.peer)
            for track in tracks:
                await connection.send_track(fanout.subscribe(track), CODECS["video"], BITRATE)

    links = [await session.connect(take)]
    if len(tracks) != streams:
        raise AssertionError(f"{len(tracks)} of {streams} tracks came")
    session.say("ready")
    links.append(await session.connect(send))
    await session.hear()
    cpu, began = cpu_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, elapsed = cpu_time() - cpu, time.monotonic() - began
    session.say("measured")
    for link in links:
        await session.hang_up(link)
    return {"cpu": cpu, "elapsed": elapsed}


class _Loop(Track):
    """Encoded pictures in a loop, in real time."""

    def __init__(self, pictures: list[bytes], rate: int) -> None:
        self.kind = "video"
        super().__init__()
        self._pictures = pictures
        self._rate = rate
        self._began = time.monotonic()
        self._number = -1
        self._keyframe_at = 0

    async def recv(self) -> Any:
        self._number += 1
        delay = self._began + self._number / self._rate - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
        elif delay < -TOO_LATE:
            self._began -= delay  # a machine that can not do it does less
        index = (self._number - self._keyframe_at) % len(self._pictures)
        return self.wrapped(self._pictures[index], is_keyframe=index == 0)

    def wrapped(self, data: bytes, *, is_keyframe: bool) -> Any:
        """As aiortc takes it."""
        packet = av.Packet(data)
        packet.pts, packet.time_base = self._number, Fraction(1, self._rate)
        packet.is_keyframe = is_keyframe
        return packet


class _LoopOfOurs(_Loop):
    """As our senders take it; they also tell when somebody wants a keyframe, and what the network carries."""

    def request_keyframe(self) -> None:
        self._keyframe_at = self._number + 1

    def set_bitrate(self, bitrate: int) -> None:
        """It is what it is."""

    def wrapped(self, data: bytes, *, is_keyframe: bool) -> Any:
        from rtcpeer.rtp.frames import EncodedFrame
        from rtcpeer.rtp.parameters import CodecParameters

        timestamp = self._number * VIDEO_CLOCK_RATE // self._rate
        codec = CodecParameters("video", "VP8", 0, VIDEO_CLOCK_RATE)
        return EncodedFrame(data, timestamp, is_keyframe, codec)


class _Handed(Track):
    """What a receiver of ours gets, as it came; whoever wants a keyframe asks its source."""

    def __init__(self, track: Any) -> None:
        self.kind = "video"
        super().__init__()
        self._frames = track.receiver.encoded()
        self.request_keyframe = track.receiver.requestKeyframe

    async def recv(self) -> Any:
        from rtcpeer import MediaStreamError

        async for frame in self._frames:
            return frame
        raise MediaStreamError("the other connection has ended")

    def set_bitrate(self, bitrate: int) -> None:
        """It is what it is."""


def _encoded() -> list[bytes]:
    """The moving pictures in VP8, a keyframe first."""
    pictures = material("video")
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height = pictures.frames[0].width, pictures.frames[0].height
    encoder.pix_fmt, encoder.bit_rate, encoder.gop_size = "yuv420p", BITRATE, 1 << 16
    encoder.time_base = pictures.time_base
    encoder.options = {"deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0"}
    encoded = []
    for number, frame in enumerate(pictures.frames):
        frame.pts, frame.time_base = number * pictures.ticks, pictures.time_base
        encoded += [bytes(packet) for packet in encoder.encode(frame)]
    return encoded


def _unlimited() -> None:
    """Congestion control does its work, but what it finds does not limit: it would judge the load of the machine."""
    from rtcpeer import Settings
    from rtcpeer.rtp.bandwidth.settings import BandwidthSettings
    from rtcpeer.rtp.settings import MediaSettings

    # There is nothing to probe for, either: padding would be counted as packets.
    bandwidth = BandwidthSettings(min_bitrate=ENOUGH, start_bitrate=ENOUGH, max_bitrate=ENOUGH)
    RtcpeerConnection.settings = Settings(media=MediaSettings(max_bitrate=ENOUGH, bandwidth=bandwidth))


async def _packets(connection: Any) -> int:
    """What a connection has sent and received of media."""
    report = await connection.pc.getStats()
    counts = {"outbound-rtp": "packetsSent", "inbound-rtp": "packetsReceived"}
    return sum(getattr(one, counts[one.type]) for one in report.values() if one.type in counts)


_METRICS = (
    Metric(
        "packets forwarded per CPU s",
        lambda left, right: left["received"] / left["elapsed"] / (right["cpu"] / right["elapsed"]),
        is_more_better=True,
        digits=0,
    ),
    Metric("(packets/s in)", lambda left, _: left["sent"] / left["elapsed"], is_more_better=True, digits=0),
    Metric("(packets/s out)", lambda left, _: left["received"] / left["elapsed"], is_more_better=True, digits=0),
    Metric("(% of a core)", lambda _, right: right["cpu"] / right["elapsed"] * 100),
)

FORWARDING_MEASURES: dict[str, Measure] = {
    "forward": Measure(
        "2 streams of 2.5 Mbit/s forwarded (aiortc: decoded and encoded again)",
        send_and_take_back,
        forward,
        _METRICS,
        {"streams": 2, "rate": 30, "seconds": 10.0},
        {"seconds": 1.0},
        peers=MEDIA_PEERS,
    ),
    "forward-fast": Measure(
        "4 streams forwarded as fast as they come",
        send_and_take_back,
        forward,
        _METRICS,
        {"streams": 4, "rate": 120, "seconds": 5.0},
        {"streams": 2, "rate": 60, "seconds": 1.0},
        peers=("rtcpeer", "rtcpeer+uvloop"),
    ),
}
