"""What forwarding costs: packets that come in at one `Media`, as frames to a sender, and out at another, with SRTP.

Run: ``python -m benchmarks.micro_media``. Sockets are not in it. What the peers do around is not counted.
"""

import os
import time

from rtcpeer.dtls.keys import SrtpKeys
from rtcpeer.rtp import ExtensionUri
from rtcpeer.rtp.bandwidth import BandwidthSettings
from rtcpeer.rtp.events import FrameReceived
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters, Kind, ReceiveParameters, SendParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.stack.media import Media, MediaLine

ROUNDS = 20
SECONDS = 8.0  # of media, a round
EXTENSIONS = ((ExtensionUri.MID, 1), (ExtensionUri.TRANSPORT_WIDE_CC, 4), (ExtensionUri.AUDIO_LEVEL, 5))
VIDEO = (
    CodecParameters("video", "VP8", 96, 90000, feedback=frozenset({"nack", "nack pli", "transport-cc"})),
    CodecParameters("video", "rtx", 97, 90000, parameters=(("apt", "96"),)),
)
AUDIO = (CodecParameters("audio", "opus", 111, 48000, 2, feedback=frozenset({"transport-cc"})),)
# Name, codecs, pictures or packets a second, bytes of each.
STREAMS = (("video, 1.3 Mbit/s", VIDEO, 30, 5500), ("audio, 32 kbit/s", AUDIO, 50, 80))
SETTINGS = MediaSettings(bandwidth=BandwidthSettings(start_bitrate=20_000_000, max_bitrate=50_000_000))


class End:
    """One core with a line each way."""

    def __init__(self, codecs: tuple[CodecParameters, ...], ssrc: int, keys: SrtpKeys) -> None:
        kind: Kind = codecs[0].kind
        self.sender, self.receiver = RtpSender(kind, SETTINGS, os.urandom), RtpReceiver(kind, SETTINGS)
        send = SendParameters("0", codecs, EXTENSIONS, (EncodingParameters(ssrc, ssrc + 1),), "benchmark", True)
        receive = ReceiveParameters("0", codecs, EXTENSIONS, (ssrc,), ((ssrc + 1, ssrc),), is_reduced_size=True)
        self.media = Media(SETTINGS, os.urandom, 0.0)
        self.media.configure([MediaLine(self.sender, send, self.receiver, receive)], 0.0)
        self.media.set_keys(keys)

    def until(self, now: float, end: float) -> tuple[list[bytes], list[EncodedFrame]]:
        """What leaves and what arrives until then, as a driver would pull it."""
        packets = self.media.packets_to_send(now)
        frames = []
        while True:
            frames += [event.frame for event in self.media.poll_events() if isinstance(event, FrameReceived)]
            due = self.media.next_timeout()
            if due is None or due > end:
                return packets, frames
            now = max(now, due)
            self.media.handle_timeout(now)
            packets += self.media.packets_to_send(now)


def pair(codecs: tuple[CodecParameters, ...], ssrc: int) -> tuple[End, End]:
    """Two ends under each other's keys."""
    one, other = os.urandom(28), os.urandom(28)
    ends = [
        SrtpKeys("SRTP_AEAD_AES_128_GCM", ours[:16], ours[16:], theirs[:16], theirs[16:])
        for ours, theirs in ((one, other), (other, one))
    ]
    return End(codecs, ssrc, ends[0]), End(codecs, ssrc, ends[1])


def forwarding(codecs: tuple[CodecParameters, ...], rate: int, size: int) -> float:
    """Seconds of CPU per packet that was forwarded."""
    source, entrance = pair(codecs, 10)
    way_out, sink = pair(codecs, 20)
    spent, forwarded, now = 0.0, 0, 1.0
    for number in range(round(SECONDS * rate)):
        now += 1 / rate
        data = bytes((0 if not number else 1,)) + bytes(size - 1)
        timestamp = number * codecs[0].clock_rate // rate
        source.sender.send(EncodedFrame(data, timestamp, not number, codecs[0]), now)
        packets, _ = source.until(now, now + 0.008)
        began = time.process_time()
        entrance.media.receive(packets, now + 0.008)
        back, frames = entrance.until(now + 0.008, now + 0.019)
        for frame in frames:
            way_out.sender.send(frame, now + 0.019)
        leaving, _ = way_out.until(now + 0.019, now + 0.024)
        spent += time.process_time() - began
        forwarded += len(leaving)
        source.media.receive(back, now + 0.019)
        sink.media.receive(leaving, now + 0.024)
        feedback, _ = sink.until(now + 0.024, now + 0.036)
        began = time.process_time()
        way_out.media.receive(feedback, now + 0.036)
        spent += time.process_time() - began
    return spent / forwarded


def main() -> None:
    print(f"{'forwarded':<24}{'µs a packet':>14}{'packets/s':>14}")
    for name, codecs, rate, size in STREAMS:
        cost = min(forwarding(codecs, rate, size) for _ in range(ROUNDS))
        print(f"{name:<24}{cost * 1e6:>14.1f}{1 / cost:>14.0f}")


if __name__ == "__main__":
    main()
