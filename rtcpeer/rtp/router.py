"""Which receiver a packet belongs to: by MID, RID, SSRC and payload type (RFC 9143 section 9.2, RFC 8852).

What was negotiated of each section stands in tables. A stream that was not announced by its SSRC is latched: once a
packet of it has told where it belongs, by its extensions or by a payload type that only one section receives, its SSRC
is enough, because senders leave MID and RID away when they were heard. The table of latched streams is bounded; when it
is full, one that was silent since the last time round goes.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, NamedTuple, TypeVar

from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.header import RtpHeader
from rtcpeer.rtp.rtcp.compound import RtcpPacket
from rtcpeer.rtp.rtcp.sources import SdesItem, SourceDescription
from rtcpeer.rtp.rtcp.subjects import subjects
from rtcpeer.wire import serial16_greater

__all__ = [
    "IncomingStream",
    "ReceiveSection",
    "Router",
    "RouterSettings",
    "RouterStatistics",
    "RtcpTargets",
    "UnsignalledPolicy",
]

ReceiverT = TypeVar("ReceiverT")
SenderT = TypeVar("SenderT")


class UnsignalledPolicy(Enum):
    """What becomes of a stream whose SSRC was not announced, and which carries neither MID nor RID."""

    DROP = auto()
    PAYLOAD_TYPE = auto()  # RFC 9143 section 9.2: by a payload type that only one section receives
    # As above; where several sections receive it, the first without a stream: for peers that know no MID.
    FIRST_FREE = auto()


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """How incoming streams are told apart."""

    unsignalled: UnsignalledPolicy = UnsignalledPolicy.PAYLOAD_TYPE
    max_latched_streams: int = 256  # streams that were not announced by their SSRC

    def __post_init__(self) -> None:
        """Refuse a table that holds nothing."""
        if self.max_latched_streams < 1:
            raise ValueError("max_latched_streams must be at least 1")


@dataclass(frozen=True, slots=True)
class RouterStatistics:
    """Packets that went nowhere, by reason, and the size of the table."""

    streams: int
    evicted_streams: int
    unknown_mid: int
    unknown_rid: int
    wrong_payload_type: int
    unsignalled: int


@dataclass(frozen=True, eq=False)
class ReceiveSection(Generic[ReceiverT]):
    """What was negotiated about one receiving m= section."""

    receiver: ReceiverT
    payload_types: frozenset[int]  # of media and of its repair
    mid: str | None = None
    repair_payload_types: frozenset[int] = frozenset()  # those of RTX among them
    ssrcs: frozenset[int] = frozenset()  # announced by a=ssrc, without those of repair
    repairs: Mapping[int, int] | None = None  # SSRC of repair to that of the media (a=ssrc-group:FID, RFC 5576)
    rids: frozenset[str] = frozenset()  # a=rid: empty when none were negotiated, and then any is ignored


class IncomingStream(Generic[ReceiverT]):
    """An SSRC that the peer sends under, and where it belongs."""

    __slots__ = ("is_fresh", "is_repair", "mid_sequence_number", "primary", "repaired_rid", "rid", "section",
                 "ssrc")  # fmt: skip

    def __init__(self, ssrc: int, section: ReceiveSection[ReceiverT]) -> None:
        self.ssrc = ssrc
        self.section = section
        self.is_repair = False
        self.rid: str | None = None
        self.repaired_rid: str | None = None
        self.mid_sequence_number: int | None = None  # of the newest packet that carried a MID
        self.primary: IncomingStream[ReceiverT] | None = None  # what `Router.repaired` found last
        self.is_fresh = False  # packets came since eviction last looked

    @property
    def receiver(self) -> ReceiverT:
        """Where its packets go."""
        return self.section.receiver


class RtcpTargets(NamedTuple, Generic[ReceiverT, SenderT]):
    """Whom an RTCP packet concerns."""

    streams: list[IncomingStream[ReceiverT]]
    senders: list[SenderT]


class Router(Generic[ReceiverT, SenderT]):
    """The tables of one BUNDLE group."""

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._by_mid: dict[str, ReceiveSection[ReceiverT]] = {}
        self._by_rid: dict[str, list[ReceiveSection[ReceiverT]]] = {}
        self._by_payload_type: dict[int, list[ReceiveSection[ReceiverT]]] = {}
        self._streams: dict[int, IncomingStream[ReceiverT]] = {}
        self._latched: OrderedDict[int, IncomingStream[ReceiverT]] = OrderedDict()  # next to be looked at first
        self._senders: dict[int, SenderT] = {}
        self._evicted = self._unknown_mid = self._unknown_rid = self._wrong_payload_type = self._unsignalled = 0

    def configure(self, sections: Iterable[ReceiveSection[ReceiverT]], senders: Mapping[int, SenderT]) -> None:
        """Take what was negotiated; ``senders`` by the SSRCs that they send under, those of repair too.

        Streams stay latched whose receiver is still there; ``receiver`` is compared by identity.
        """
        self._by_mid, self._by_rid, self._by_payload_type = {}, {}, {}
        self._senders = dict(senders)
        before, self._streams = self._streams, {}
        latched, self._latched = self._latched, OrderedDict()
        by_receiver = {}
        for section in sections:
            by_receiver[id(section.receiver)] = section
            self._index(section)
            self._add_announced(section, before)
        for ssrc, stream in latched.items():
            kept = by_receiver.get(id(stream.receiver))
            if kept is not None and ssrc not in self._streams:
                stream.section = kept
                self._streams[ssrc] = self._latched[ssrc] = stream

    def route(self, header: RtpHeader, extensions: HeaderExtensions) -> IncomingStream[ReceiverT] | None:
        """The stream that a packet belongs to; None when it is to be dropped, which is counted (hot path)."""
        stream = self._streams.get(header.ssrc)
        if stream is None:
            stream = self._latch(header, extensions)
            if stream is None:
                return None
        else:
            # Not by its first packet: of many that come once each, none shall outlive a stream in use.
            stream.is_fresh = True
            if extensions.mid is not None and not self._follow_mid(stream, extensions.mid, header.sequence_number):
                return None
        if header.payload_type not in stream.section.payload_types:
            # A stream does not move to another section by its payload type (section 9.2).
            self._wrong_payload_type += 1
            return None
        if (extensions.rid or extensions.repaired_rid) and not self._follow_rid(stream, extensions):
            return None
        if header.payload_type in stream.section.repair_payload_types:
            stream.is_repair = True
        return stream

    def route_rtcp(self, packet: RtcpPacket) -> RtcpTargets[ReceiverT, SenderT]:
        """Whose streams a packet is about; feedback on the transport and unknown packets are about nobody's.

        A description that names a MID latches its source; route it before the reports in the same compound. After a
        BYE, `forget` the source in a while (RFC 3550 section 6.2.1).
        """
        if isinstance(packet, SourceDescription):
            self._learn(packet)
        about = subjects(packet)
        streams = [self._streams[ssrc] for ssrc in dict.fromkeys(about.incoming) if ssrc in self._streams]
        senders = {id(sender): sender for ssrc in about.outgoing if (sender := self._senders.get(ssrc)) is not None}
        return RtcpTargets(streams, list(senders.values()))

    def repaired(self, stream: IncomingStream[ReceiverT]) -> IncomingStream[ReceiverT] | None:
        """The stream that this one repairs: by FID, by RID, or as the only one of its section; None: unknown so far."""
        known = stream.primary
        if known is not None and self._streams.get(known.ssrc) is known and known.section is stream.section:
            return known
        stream.primary = self._find_repaired(stream)
        return stream.primary

    def forget(self, ssrc: int) -> None:
        """Drop a latched stream; one that was announced stays until it is no longer."""
        if self._latched.pop(ssrc, None) is not None:
            del self._streams[ssrc]

    def statistics(self) -> RouterStatistics:
        """A snapshot."""
        return RouterStatistics(
            streams=len(self._streams),
            evicted_streams=self._evicted,
            unknown_mid=self._unknown_mid,
            unknown_rid=self._unknown_rid,
            wrong_payload_type=self._wrong_payload_type,
            unsignalled=self._unsignalled,
        )

    def _index(self, section: ReceiveSection[ReceiverT]) -> None:
        if section.mid is not None:
            self._by_mid[section.mid] = section
        for rid in section.rids:
            self._by_rid.setdefault(rid, []).append(section)
        for payload_type in section.payload_types:
            self._by_payload_type.setdefault(payload_type, []).append(section)

    def _add_announced(
        self, section: ReceiveSection[ReceiverT], before: Mapping[int, IncomingStream[ReceiverT]]
    ) -> None:
        repairs = section.repairs or {}
        for ssrc in (*section.ssrcs, *repairs):
            stream = before.get(ssrc)
            if stream is None:
                stream = IncomingStream(ssrc, section)
            stream.section = section
            stream.is_repair = ssrc in repairs
            self._streams[ssrc] = stream

    def _latch(self, header: RtpHeader, extensions: HeaderExtensions) -> IncomingStream[ReceiverT] | None:
        section = self._section_of(header.payload_type, extensions)
        if section is None:
            return None
        if header.payload_type not in section.payload_types:
            self._wrong_payload_type += 1
            return None
        stream = self._add_latched(header.ssrc, section)
        if extensions.mid is not None:
            stream.mid_sequence_number = header.sequence_number
        return stream

    def _section_of(self, payload_type: int, extensions: HeaderExtensions) -> ReceiveSection[ReceiverT] | None:
        """Where a stream that was not announced belongs; None is counted."""
        if extensions.mid is not None:
            section = self._by_mid.get(extensions.mid)
            self._unknown_mid += section is None
            return section
        rid = extensions.repaired_rid or extensions.rid
        if rid is not None:
            # RFC 8852: a RID is unique within its section alone, so that without a MID it may say nothing.
            named = self._by_rid.get(rid, ())
            if len(named) == 1:
                return named[0]
        section = self._by_policy(self._by_payload_type.get(payload_type, ()))
        self._unsignalled += section is None
        return section

    def _by_policy(self, takers: Sequence[ReceiveSection[ReceiverT]]) -> ReceiveSection[ReceiverT] | None:
        policy = self._settings.unsignalled
        if policy is UnsignalledPolicy.DROP or not takers:
            return None
        if len(takers) == 1:
            return takers[0]
        if policy is UnsignalledPolicy.PAYLOAD_TYPE:
            return None
        taken = {id(stream.section) for stream in self._streams.values()}
        return next((section for section in takers if id(section) not in taken), None)

    def _add_latched(self, ssrc: int, section: ReceiveSection[ReceiverT]) -> IncomingStream[ReceiverT]:
        while len(self._latched) >= self._settings.max_latched_streams:
            oldest, stream = self._latched.popitem(last=False)
            if stream.is_fresh:
                stream.is_fresh = False
                self._latched[oldest] = stream
            else:
                del self._streams[oldest]
                self._evicted += 1
        added = IncomingStream(ssrc, section)
        self._streams[ssrc] = self._latched[ssrc] = added
        return added

    def _follow_mid(self, stream: IncomingStream[ReceiverT], mid: str, sequence_number: int) -> bool:
        """Move a stream whose MID has changed, unless the packet is older than the one that last said (section 9.2)."""
        section = self._by_mid.get(mid)
        if section is None:
            # Deviation: the packet is dropped, while the stream stays where it was for packets that carry no MID.
            self._unknown_mid += 1
            return False
        last = stream.mid_sequence_number
        if last is None or serial16_greater(sequence_number, last):
            stream.section = section
            stream.mid_sequence_number = sequence_number
        return True

    def _follow_rid(self, stream: IncomingStream[ReceiverT], extensions: HeaderExtensions) -> bool:
        rids = stream.section.rids
        if rids and (extensions.repaired_rid or extensions.rid) not in rids:
            self._unknown_rid += 1
            return False
        stream.rid = extensions.rid
        stream.repaired_rid = extensions.repaired_rid
        stream.is_repair = stream.is_repair or extensions.repaired_rid is not None
        return True

    def _learn(self, description: SourceDescription) -> None:
        for chunk in description.chunks:
            mid = chunk.text(SdesItem.MID)
            section = self._by_mid.get(mid) if mid is not None else None
            if section is None:
                continue
            stream = self._streams.get(chunk.ssrc)
            if stream is None:
                self._add_latched(chunk.ssrc, section)
            elif stream.mid_sequence_number is None:
                # Deviation: which of RTP and RTCP is older can not be told, so that what a packet has said stands.
                stream.section = section

    def _find_repaired(self, stream: IncomingStream[ReceiverT]) -> IncomingStream[ReceiverT] | None:
        announced = (stream.section.repairs or {}).get(stream.ssrc)
        if announced is not None:
            return self._streams.get(announced)
        media = [one for one in self._streams.values() if one.section is stream.section and not one.is_repair]
        if stream.repaired_rid is not None:
            return next((one for one in media if one.rid == stream.repaired_rid), None)
        return media[0] if len(media) == 1 and media[0] is not stream else None
