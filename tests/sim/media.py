"""Two ends that send each other encoded media: bundles with ICE, DTLS and SRTP over a link each way, in virtual time.

call = Call(LinkSettings(delay=0.025, loss=0.05), seed=7)
a = call.lines([opus(), vp8()])          # the same lines at both ends
call.connect()
source = VideoSource(call.a, a[1].sender)
call.run_for(10)
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.datachannel.channels import DataChannels
from rtcpeer.dtls.certificate import Certificate
from rtcpeer.dtls.endpoint import DtlsEndpoint, DtlsRole
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.ice.agent import Agent
from rtcpeer.ice.settings import IceSettings
from rtcpeer.rtp.events import BitrateChanged, FrameReceived, KeyframeRequested
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters, ReceiveParameters, SendParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.sctp.association import Association
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.stack.bundle import Bundle, BundleEvent
from rtcpeer.stack.connectivity import Connectivity
from rtcpeer.stack.gathering import Gatherer
from rtcpeer.stack.media import Media, MediaLine
from tests.sim.clock import Clock
from tests.sim.driven import Driven
from tests.sim.link import Link, LinkSettings

__all__ = ["WIRE", "AudioSource", "Call", "End", "Section", "VideoSource", "opus", "vp8"]

WIRE = LinkSettings(delay=0.025)
ADDRESSES = TransportAddress("192.0.2.1", 5000), TransportAddress("192.0.2.2", 6000)
CERTIFICATES = [Certificate.generate(datetime.now(UTC)) for _ in range(2)]
WALL_CLOCK = 1_790_000_000.0  # what time it is at the beginning
FRAME_RATE = 30

EXTENSIONS = (
    (ExtensionUri.MID, 1),
    (ExtensionUri.RID, 2),
    (ExtensionUri.REPAIRED_RID, 3),
    (ExtensionUri.TRANSPORT_WIDE_CC, 4),
    (ExtensionUri.AUDIO_LEVEL, 5),
    (ExtensionUri.VIDEO_ORIENTATION, 6),
    (ExtensionUri.ABSOLUTE_CAPTURE_TIME, 7),
    (ExtensionUri.PLAYOUT_DELAY, 8),
)


def opus() -> tuple[CodecParameters, ...]:
    """What an audio section agrees on."""
    return (
        CodecParameters("audio", "opus", 111, 48000, 2, feedback=frozenset({"transport-cc"})),
        CodecParameters("audio", "telephone-event", 110, 48000),
    )


def vp8(*, feedback: Sequence[str] = ("nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"), rtx: bool = True):
    """What a video section agrees on."""
    codec = CodecParameters("video", "VP8", 96, 90000, feedback=frozenset(feedback))
    repair = CodecParameters("video", "rtx", 97, 90000, parameters=(("apt", "96"),))
    return (codec, repair) if rtx else (codec,)


@dataclass
class Section:
    """An m= section as both ends have it."""

    codecs: tuple[CodecParameters, ...]
    rids: tuple[str, ...] = ()
    extensions: tuple[tuple[str, int], ...] = EXTENSIONS
    is_reduced_size: bool = True


@dataclass
class End:
    """One side: its core, and what came out of it."""

    name: str
    driven: Driven
    media: Media
    rng: random.Random
    settings: MediaSettings
    lines: list[MediaLine] = field(default_factory=list)
    frames: list[tuple[float, EncodedFrame, RtpReceiver]] = field(default_factory=list)
    targets: list[tuple[float, RtpSender, int]] = field(default_factory=list)
    keyframe_requests: list[tuple[float, RtpSender, str | None]] = field(default_factory=list)
    on_keyframe: Callable[[RtpSender, str | None], None] | None = None

    def of(self, line: MediaLine) -> list[tuple[float, EncodedFrame]]:
        """The frames that a line has received."""
        return [(time, frame) for time, frame, receiver in self.frames if receiver is line.receiver]


class Call:
    """Both ends and the links between them; `connect` brings them up."""

    def __init__(
        self,
        link: LinkSettings = WIRE,
        back: LinkSettings | None = None,
        seed: int | str = 0,
        settings: MediaSettings | None = None,
    ) -> None:
        self.clock = Clock(1000.0)
        self.links = [
            Link(settings_, random.Random(f"{seed}/{index}")) for index, settings_ in enumerate((link, back or link))
        ]
        self.sniffers: list[Callable[[int, list[bytes]], list[bytes]]] = []
        self.a, self.b = (self._end(index, seed, settings or MediaSettings()) for index in range(2))
        self.ends = [self.a, self.b]

    @property
    def now(self) -> float:
        return self.clock.time()

    def lines(self, sections: Sequence[Section | tuple[CodecParameters, ...]]) -> None:
        """Give both ends these sections, as negotiation does; streams of lines that were there before stay."""
        wanted = [section if isinstance(section, Section) else Section(section) for section in sections]
        for end in self.ends:
            end.lines = [self._line(end, index, section) for index, section in enumerate(wanted)]
        for end, other in ((self.a, self.b), (self.b, self.a)):
            end.lines = [
                replace(line, receive=_announced(line.receive, theirs.send))
                for line, theirs in zip(end.lines, other.lines, strict=True)
            ]
            self.apply(end)

    def apply(self, end: End) -> None:
        """Tell the core what its lines are."""
        end.media.configure(end.lines, self.now)
        end.driven.flush()

    def connect(self) -> None:
        """ICE and DTLS."""
        for index, end in enumerate(self.ends):
            other = self.ends[1 - index].driven.core
            agent = end.driven.core.connectivity.agent
            agent.set_remote_parameters(other.connectivity.agent.local_parameters)
            for candidate in other.connectivity.agent.local_candidates:
                agent.add_remote_candidate(candidate)
            role = DtlsRole.CLIENT if index else DtlsRole.SERVER
            end.driven.core.start_dtls(role, CERTIFICATES[1 - index].fingerprints)
            end.driven.flush()
        self.clock.run(lambda: all(end.driven.core.dtls.srtp_keys() for end in self.ends), 10.0)

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        for end in self.ends:
            end.driven.flush()
        self.clock.run_for(seconds)

    def _end(self, index: int, seed: int | str, settings: MediaSettings) -> End:
        rng = random.Random(f"{seed}/end{index}")
        path = Connectivity(
            Agent(IceSettings(), is_controlling=not index, entropy=rng.randbytes),
            Gatherer(IceSettings(), rng.randbytes),
        )
        path.gatherer.start()
        path.gatherer.add_base(ADDRESSES[index], 0)
        path.gatherer.end_of_bases()
        path.gatherer.end_of_servers()
        endpoint = DtlsEndpoint(CERTIFICATES[index], DtlsSettings(), rng.randbytes)
        channels = DataChannels(Association(SctpSettings(), rng.randbytes))
        media = Media(settings, rng.randbytes, WALL_CLOCK - self.now)
        bundle = Bundle(path, endpoint, channels, media)
        driven = Driven(bundle, self.clock, lambda packet: self._transmit(index, packet), "ab"[index])
        end = End("ab"[index], driven, media, rng, settings)
        driven.on_event = lambda event: self._note(end, event)
        driven.flush()
        bundle.poll_events()
        return end

    def _transmit(self, index: int, packet: Datagrams) -> None:
        payloads = packet.payloads
        for sniff in self.sniffers:
            payloads = sniff(index, payloads)
        receive = self.ends[1 - index].driven.receive
        for arrival, arriving in self.links[index].transmit(payloads, self.now):
            self.clock.call_at(arrival, receive, Datagrams(packet.remote, packet.local, arriving))

    def _note(self, end: End, event: BundleEvent) -> None:
        match event:
            case FrameReceived(receiver=receiver, frame=frame):
                end.frames.append((self.now, frame, receiver))
            case BitrateChanged(sender=sender, bitrate=bitrate):
                end.targets.append((self.now, sender, bitrate))
            case KeyframeRequested(sender=sender, rid=rid):
                end.keyframe_requests.append((self.now, sender, rid))
                if end.on_keyframe is not None:
                    end.on_keyframe(sender, rid)
            case _:
                pass

    def _line(self, end: End, index: int, section: Section) -> MediaLine:
        kind = section.codecs[0].kind
        before = end.lines[index] if index < len(end.lines) else None
        sender = before.sender if before else RtpSender(kind, end.settings, end.rng.randbytes)
        receiver = before.receiver if before else RtpReceiver(kind, end.settings)
        has_repair = any(codec.is_rtx for codec in section.codecs)
        encodings = (
            before.send.encodings
            if before and before.send
            else tuple(
                EncodingParameters(end.rng.getrandbits(32), end.rng.getrandbits(32) if has_repair else None, rid)
                for rid in section.rids or (None,)
            )
        )
        common = {"mid": str(index), "codecs": section.codecs, "extensions": section.extensions}
        send = SendParameters(
            **common, encodings=encodings, cname=f"{end.name}@example", is_reduced_size=section.is_reduced_size
        )
        receive = ReceiveParameters(**common, rids=section.rids, is_reduced_size=section.is_reduced_size)
        return MediaLine(sender, send, receiver, receive)


def _announced(receive: ReceiveParameters | None, theirs: SendParameters | None) -> ReceiveParameters | None:
    """With the SSRCs that the peer's description would have; simulcast has none there."""
    if receive is None or theirs is None or receive.rids:
        return receive
    ssrcs = tuple(encoding.ssrc for encoding in theirs.encodings)
    repairs = tuple((encoding.rtx_ssrc, encoding.ssrc) for encoding in theirs.encodings if encoding.rtx_ssrc)
    return replace(receive, ssrcs=ssrcs, repairs=repairs)


class VideoSource:
    """A fake encoder: pictures of about the size that the bitrate allows, keyframes when asked."""

    def __init__(self, call: Call, end: End, line: MediaLine, *, bitrate: int | None = 300_000, rid: str | None = None):
        """``bitrate`` None: what the sender is told to take."""
        assert line.sender is not None
        assert line.send is not None
        self.call, self.end, self.sender, self.rid = call, end, line.sender, rid
        self.codec = line.send.codecs[0]
        self.bitrate = bitrate
        self.sent: list[tuple[float, EncodedFrame]] = []
        self._wants_keyframe = True
        self._number = 0
        self._rng = random.Random(f"{end.name}/{rid}/video")
        self._is_running = True
        chained = end.on_keyframe
        end.on_keyframe = lambda sender, asked: (
            self._ask(sender, asked) or (chained(sender, asked) if chained else None)
        )
        self._tick()

    def stop(self) -> None:
        """No more pictures."""
        self._is_running = False

    def _ask(self, sender: RtpSender, rid: str | None) -> None:
        if sender is self.sender and rid == self.rid:
            self._wants_keyframe = True

    @property
    def target(self) -> int:
        """Bits a second."""
        if self.bitrate is not None:
            return self.bitrate
        return next(stream.bitrate for stream in self.sender.streams if stream.rid == self.rid)

    def _tick(self) -> None:
        if not self._is_running:
            return
        now = self.call.now
        # Encoders hit their target on average, and not frame by frame; headers count, too.
        size = max(int(0.95 * self.target / FRAME_RATE / 8 * self._rng.uniform(0.7, 1.3)), 20)
        is_keyframe, self._wants_keyframe = self._wants_keyframe, False
        size = size * 3 if is_keyframe else size
        # RFC 6386 section 9.1: the lowest bit of the first byte is 0 in a keyframe.
        data = bytes((0 if is_keyframe else 1,)) + self._number.to_bytes(4, "big") + self._rng.randbytes(size)
        frame = EncodedFrame(
            data, self._number * 90000 // FRAME_RATE, is_keyframe, self.codec, self.rid, now - 1000.0 + WALL_CLOCK
        )
        self.sent.append((now, frame))
        self._number += 1
        self.sender.send(frame, now)
        self.end.driven.flush()
        self.call.clock.call_later(1 / FRAME_RATE, self._tick)


class AudioSource:
    """Packets of 20 ms."""

    def __init__(self, call: Call, end: End, line: MediaLine, *, size: int = 80) -> None:
        assert line.sender is not None
        assert line.send is not None
        self.call, self.end, self.sender = call, end, line.sender
        self.codec = line.send.codecs[0]
        self.size = size
        self.sent: list[tuple[float, EncodedFrame]] = []
        self._is_running = True
        self._tick()

    def stop(self) -> None:
        """Silence."""
        self._is_running = False

    def _tick(self) -> None:
        if not self._is_running:
            return
        number, now = len(self.sent), self.call.now
        frame = EncodedFrame(
            number.to_bytes(4, "big") + bytes(self.size),
            number * 960,
            True,
            self.codec,
            captured_at=now - 1000.0 + WALL_CLOCK,
        )
        self.sent.append((now, frame))
        self.sender.send(frame, now)
        self.end.driven.flush()
        self.call.clock.call_later(0.02, self._tick)
