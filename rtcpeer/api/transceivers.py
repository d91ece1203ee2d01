"""The transceivers of one connection: what they wish to be negotiated, and what negotiation makes of them."""

import asyncio
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from rtcpeer.api.configuration import Settings
from rtcpeer.api.dtls import RTCDtlsTransport
from rtcpeer.api.media_capabilities import default_capabilities
from rtcpeer.api.media_facts import media_facts
from rtcpeer.api.media_link import MediaLink
from rtcpeer.api.media_stats import MediaStats
from rtcpeer.api.remote_track import RemoteStreamTrack
from rtcpeer.api.rtp_parameters import RTCRtpTransceiverInit, from_dictionary
from rtcpeer.api.rtp_receiver import RTCRtpReceiver
from rtcpeer.api.rtp_sender import RTCRtpSender
from rtcpeer.api.stats import RTCStatsReport
from rtcpeer.api.transceiver import RTCRtpTransceiver
from rtcpeer.api.transports import Transports
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep.facts import Applied, TransceiverWish
from rtcpeer.jsep.facts import MediaFacts as NegotiatedFacts
from rtcpeer.jsep.negotiation import Negotiation
from rtcpeer.jsep.signaling import DescriptionType, Side, SignalingState
from rtcpeer.media.stream import MediaStream
from rtcpeer.media.track import MediaStreamTrack
from rtcpeer.rtp.events import (
    BitrateChanged,
    FrameReceived,
    KeyframeRequested,
    RtpEvent,
    StreamEnded,
    StreamStarted,
    ToneSent,
)
from rtcpeer.rtp.parameters import Kind
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.srtp.settings import SrtpSettings
from rtcpeer.stack.media import Media, MediaLine
from rtcpeer.stack.media_facts import MediaFacts

__all__ = ["Transceivers"]


class Transceivers:
    """In the order in which they came to be.

    Args:
        transports: what carries the media.
        settings: the program's.
        entropy: for SSRCs and names.
        need_changed: there may be something to negotiate.
    """

    def __init__(
        self, transports: Transports, settings: Settings, entropy: Entropy, need_changed: Callable[[], object]
    ) -> None:
        self.capabilities = settings.capabilities or default_capabilities()
        self.cname = b64encode(entropy(12)).decode()  # RFC 7022 section 4.2: 96 random bits
        self._transports = transports
        self._link = MediaLink(transports.first.dtls, settings, entropy, need_changed)  # the transceivers have copies
        self._all: list[RTCRtpTransceiver] = []
        self._next_key = 0
        self._senders: dict[RtpSender, RTCRtpSender] = {}
        self._receivers: dict[RtpReceiver, RTCRtpReceiver] = {}
        self._streams: dict[str, MediaStream] = {}  # of the peer's tracks, by id
        own = str(uuid.UUID(bytes=entropy(16), version=4))
        self._own_stream = MediaStream(id=own)  # of our tracks that were given none

    @property
    def all(self) -> list[RTCRtpTransceiver]:
        """Those that are not stopped, or have not told the peer of it yet."""
        return [each for each in self._all if not each.stopped or each.mid is not None]

    def wishes(self) -> tuple[TransceiverWish, ...]:
        """What the next description is to say of them."""
        return tuple(each._wish() for each in self._all)  # noqa: SLF001

    def add(
        self, track_or_kind: MediaStreamTrack | str, init: RTCRtpTransceiverInit | Mapping[str, Any] | str
    ) -> RTCRtpTransceiver:
        """W3C webrtc-pc section 5.1, addTransceiver."""
        wanted = from_dictionary(RTCRtpTransceiverInit, {"direction": init} if isinstance(init, str) else init)
        track = None if isinstance(track_or_kind, str) else track_or_kind
        kind = _kind(track_or_kind if isinstance(track_or_kind, str) else track_or_kind.kind)
        sender = RTCRtpSender(replace(self._link), kind, track, wanted.streams, wanted.sendEncodings)
        sender._tell_apart(each.sender for each in self._all)  # noqa: SLF001
        transceiver = self._made(self._next_key, kind, sender, wanted.direction)
        self._next_key += 1
        self._link.need_changed()
        return transceiver

    def add_track(self, track: MediaStreamTrack, streams: Iterable[MediaStream]) -> RTCRtpSender:
        """W3C webrtc-pc section 5.1, addTrack: through a transceiver that has never sent, else through a new one."""
        # Deviation: the W3C puts the track into no stream then. Pages that talk to programs written for aiortc play
        # the first stream of a track, and such programs name none.
        streams = list(streams) or [self._own_stream]
        kind = _kind(track.kind)
        if any(each.sender.track is track for each in self._all if not each.stopped):
            raise InvalidAccessError("a sender of this connection has that track already")
        transceiver = next((each for each in self._all if each.kind == kind and each._takes_track), None)  # noqa: SLF001
        if transceiver is None:
            transceiver = self.add(track, {"streams": streams})
        else:
            transceiver.sender._adopt(track, streams)  # noqa: SLF001
        transceiver._is_from_add_track = True  # noqa: SLF001
        transceiver._set_direction(sends=True)  # noqa: SLF001
        self._link.need_changed()
        return transceiver.sender

    def remove_track(self, sender: RTCRtpSender) -> None:
        """W3C webrtc-pc section 5.1, removeTrack."""
        if sender._link.endings is not self._link.endings:  # noqa: SLF001
            raise InvalidAccessError("the sender is another connection's")
        transceiver = sender._transceiver  # noqa: SLF001
        if transceiver.stopped or sender.track is None:
            return
        sender._encoder.set_track(None)  # noqa: SLF001
        transceiver._set_direction(sends=False)  # noqa: SLF001
        self._link.need_changed()

    def apply(self, applied: Applied) -> list[RemoteStreamTrack]:
        """Follow a description; returns the tracks of which the program is to be told."""
        known = {each._key: each for each in self._all}  # noqa: SLF001
        facts = {one.transceiver: one for one in applied.media}
        for key, one in facts.items():
            if key not in known:
                known[key] = self._made(key, one.kind, RTCRtpSender(replace(self._link), one.kind), "recvonly")
                known[key].receiver.track._name(one.remote_track_id)  # noqa: SLF001
        self._configure(known, applied)
        for key, transceiver in known.items():
            transceiver._apply(facts.get(key))  # noqa: SLF001
        news = [known[key] for key, one in facts.items() if self._direct(known[key], one, applied)]
        for key in applied.stopped:
            if key in known:
                self._forget(known[key])
        if applied.state is SignalingState.STABLE:
            for transceiver in [each for each in self._all if each.stopped and each.mid is None]:
                self._forget(transceiver)
        for key in applied.removed:
            gone = known.get(key)
            if gone is not None and gone.sender.track is None:
                self._forget(gone)
        self._streams = {name: stream for name, stream in self._streams.items() if stream.getTracks()}
        return [transceiver.receiver.track for transceiver in news]

    async def stats(self, selector: object) -> RTCStatsReport:
        """All there is, or about the sender or receiver of one track (W3C webrtc-pc section 8.5)."""
        halves = [half for each in self._all for half in (each.sender, each.receiver)]
        if selector is None:
            report = self._transports.statistics()
            for half in halves:
                half._add_stats(MediaStats(half._link.collector, report))  # noqa: SLF001
            return report
        chosen = [half for half in halves if half.track is selector]
        if len(chosen) != 1:
            raise InvalidAccessError("the selector is not the track of exactly one sender or receiver")
        return await chosen[0].getStats()

    def facts(self, negotiation: Negotiation) -> MediaFacts:
        """What `RTCPeerConnection.explain` has to look at."""
        media = self._transports.decisive.dtls._bundle.media  # noqa: SLF001
        return media_facts(self._all, negotiation, None if media is None else media.statistics())

    def close(self) -> set[asyncio.Task[None]]:
        """End all; what is returned is left to wait for."""
        for transceiver in self._all:
            transceiver._ended()  # noqa: SLF001
            transceiver._link.need_changed = _nothing  # noqa: SLF001
        return set(self._link.endings)

    def _made(self, key: int, kind: Kind, sender: RTCRtpSender, direction: Any) -> RTCRtpTransceiver:
        link = sender._link  # noqa: SLF001
        receiver = RTCRtpReceiver(link, kind)
        transceiver = RTCRtpTransceiver(link, key, sender, receiver, direction, self.capabilities)
        self._all.append(transceiver)
        self._senders[sender._core] = sender  # noqa: SLF001
        self._receivers[receiver._core] = receiver  # noqa: SLF001
        return transceiver

    def _forget(self, transceiver: RTCRtpTransceiver) -> None:
        if transceiver not in self._all:
            return
        transceiver._ended()  # noqa: SLF001
        self._all.remove(transceiver)
        del self._senders[transceiver.sender._core]  # noqa: SLF001
        del self._receivers[transceiver.receiver._core]  # noqa: SLF001

    def _configure(self, known: Mapping[int, RTCRtpTransceiver], applied: Applied) -> None:
        lines: dict[RTCDtlsTransport, list[MediaLine]] = {each.dtls: [] for each in self._transports.all}
        left = set()
        for one in applied.media:
            transceiver = known[one.transceiver]
            transport = self._transports.of(applied.sections[one.index].transport).dtls
            if transceiver._link.transport is not transport:  # noqa: SLF001
                left.add(transceiver._link.transport)  # noqa: SLF001
                transceiver._link.transport = transport  # noqa: SLF001
            halves = transceiver.sender._core, transceiver.receiver._core  # noqa: SLF001
            lines[transport].append(MediaLine(halves[0], one.send, halves[1], one.receive))
        # Who changes over has left one transport when another takes it.
        for transport in sorted(lines, key=lambda each: each not in left):
            if lines[transport] or transport._bundle.media is not None:  # noqa: SLF001
                self._core(transport).configure(lines[transport], self._link.now)
                transport._wake()  # noqa: SLF001

    def _core(self, transport: RTCDtlsTransport) -> Media:
        """What carries media over the transport; with a clock that is known once the loop runs."""
        bundle, link = transport._bundle, self._link  # noqa: SLF001
        if bundle.media is None:
            srtp = link.settings.srtp or SrtpSettings()
            bundle.add_media(Media(link.media_settings, link.entropy, time.time() - link.now, srtp))
            transport._on_rtp_event = self._handle  # noqa: SLF001
            transport.on("statechange", self._follow_transport)
        assert bundle.media is not None
        return bundle.media

    def _direct(self, transceiver: RTCRtpTransceiver, facts: NegotiatedFacts, applied: Applied) -> bool:
        """Follow whether the peer sends (W3C section 4.4.1.5); returns whether a track has come to be."""
        if transceiver.stopped:
            return False
        fired = transceiver._fired_direction  # noqa: SLF001
        direction = facts.remote_direction
        if applied.side is Side.LOCAL and applied.type is not DescriptionType.ROLLBACK:
            direction = facts.current_direction
            if direction is None or direction.receives:
                return False
        if direction is None:
            return False
        receives = direction.receives
        streams = facts.remote_stream_ids if receives else ()
        transceiver.receiver._set_streams([self._stream(name) for name in streams])  # noqa: SLF001
        transceiver._fired_direction = direction  # noqa: SLF001
        if not receives:
            transceiver.receiver.track._set_muted(True)  # noqa: SLF001
        return receives and not (fired is not None and fired.receives)

    def _stream(self, name: str) -> MediaStream:
        if name not in self._streams:
            self._streams[name] = MediaStream(id=name)
        return self._streams[name]

    def _follow_transport(self) -> None:
        for transceiver in self._all:
            transceiver.sender._encoder.follow()  # noqa: SLF001
            if transceiver._link.is_over:  # noqa: SLF001
                # Deviation: in a browser the tracks of a peer that has left stay live. But nothing can come any more (a
                # DTLS transport does not begin anew), and a program that waits for the next frame has to learn of it.
                transceiver.receiver._end()  # noqa: SLF001

    def _handle(self, event: RtpEvent) -> None:
        """Hand an event of the core to the object that it is about."""
        if isinstance(event, FrameReceived):  # first: there is one for each frame
            receiver = self._receivers.get(event.receiver)
            if receiver is not None:
                receiver._received(event)  # noqa: SLF001
        elif isinstance(event, StreamStarted | StreamEnded):
            receiver = self._receivers.get(event.receiver)
            if receiver is not None:
                receiver._stream_changed(event)  # noqa: SLF001
        else:
            sender = self._senders.get(event.sender)
            if sender is not None:
                _tell_sender(sender, event)


def _tell_sender(sender: RTCRtpSender, event: KeyframeRequested | BitrateChanged | ToneSent) -> None:
    match event:
        case KeyframeRequested(rid=rid):
            sender._encoder.keyframe_requested(rid)  # noqa: SLF001
        case BitrateChanged():
            sender._encoder.bitrate_changed(event)  # noqa: SLF001
        case ToneSent(tone=tone):
            if sender.dtmf is not None:
                sender.dtmf.emit("tonechange", tone)


def _kind(kind: str) -> Kind:
    if kind == "audio":
        return "audio"
    if kind == "video":
        return "video"
    raise TypeError(f"a transceiver is for 'audio' or 'video', not for {kind!r}")


def _nothing() -> None:
    pass
