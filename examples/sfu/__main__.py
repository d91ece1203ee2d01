"""A conference: forward what each visitor sends to all others, as it came, in the size that each path carries."""

import argparse
import asyncio
import contextlib
import sys

from examples.common import Link, Links, Start, entered, run, say, serving_parser
from rtcpeer import (
    ForwardedTrack,
    InvalidStateError,
    MediaStream,
    RemoteStreamTrack,
    RTCRtpReceiver,
    RTCRtpTransceiver,
)

# What everybody sends and gets: nothing is coded anew here, so all have to understand the same.
CODECS = {"audio": "opus", "video": "VP8"}
INTERVAL = 2.0  # seconds between two looks at what the layers have
SHARE = 0.8  # of what a path carries that a layer may have; the rest is for the others


def restrict(transceiver: RTCRtpTransceiver) -> None:
    """Negotiate the conference's codec alone."""
    capabilities = RTCRtpReceiver.getCapabilities(transceiver.kind)
    assert capabilities is not None
    wanted = {CODECS[transceiver.kind].lower(), "rtx"}
    transceiver.setCodecPreferences([codec for codec in capabilities.codecs if codec.name.lower() in wanted])


class Publication:
    """A track of one visitor, and how many bits per second each layer of it has."""

    def __init__(self, owner: "Visitor", track: RemoteStreamTrack) -> None:
        self.owner = owner
        self.track = track
        self.rates: dict[str, float] = {}  # by rid; empty without simulcast

    async def measure(self) -> None:
        """For as long as it lasts."""
        counted: dict[str, int] = {}
        loop = asyncio.get_running_loop()
        begin = loop.time()
        async for frame in self.track.receiver.encoded():
            if self.owner.published.get(self.track) is not self:
                return
            if frame.rid is not None:
                counted[frame.rid] = counted.get(frame.rid, 0) + 8 * len(frame.data)
            elapsed = loop.time() - begin
            if elapsed >= INTERVAL:
                self.rates = {rid: bits / elapsed for rid, bits in counted.items()}
                counted, begin = {}, loop.time()
                for visitor in self.owner.others():
                    visitor.choose_layer(self)


class Visitor:
    """One visitor: what it sends, and what it gets of the others."""

    def __init__(self, link: Link, room: list["Visitor"], start: Start) -> None:
        self.name = link.name
        self._link = link
        self._room = room
        self._start = start
        self.stream_id = f"from-{link.peer.id}"
        self.published: dict[RemoteStreamTrack, Publication] = {}
        self._forwarded: dict[Publication, tuple[RTCRtpTransceiver, ForwardedTrack]] = {}
        self._known: set[RemoteStreamTrack] = set()
        self._wish = "auto"
        link.converse(self._take_wish)
        link.pc.on("track", self._prepare)
        for publication in [one for visitor in room for one in visitor.published.values()]:
            self.forward(publication)
        room.append(self)
        start(self._leave_at_the_end())

    def others(self) -> list["Visitor"]:
        return [visitor for visitor in self._room if visitor is not self]

    def forward(self, publication: Publication) -> None:
        """Send it this as well, in a section of its own."""
        track = ForwardedTrack(publication.track.receiver)
        stream = MediaStream(id=publication.owner.stream_id)
        with contextlib.suppress(InvalidStateError):  # it is leaving
            transceiver = self._link.pc.addTransceiver(track, direction="sendonly", streams=[stream])
            restrict(transceiver)
            self._forwarded[publication] = (transceiver, track)

    def stop_forwarding(self, publication: Publication) -> None:
        """Send it this no more."""
        if publication in self._forwarded:
            transceiver, track = self._forwarded.pop(publication)
            transceiver.stop()
            track.stop()

    def choose_layer(self, publication: Publication) -> None:
        """The largest that fits, or the one that the visitor has asked for."""
        if publication not in self._forwarded or not publication.rates:
            return
        _, track = self._forwarded[publication]
        smallest_first = sorted(publication.rates, key=lambda rid: publication.rates[rid])
        fitting = [rid for rid in smallest_first if publication.rates[rid] <= SHARE * (track.bitrate or 0)]
        rid = fitting[-1] if fitting else smallest_first[0]
        if self._wish in publication.rates:
            rid = self._wish
        if rid != track.rid:
            say(f"* {self.name} gets layer {rid} of {publication.owner.name}")
            track.rid = rid

    def _prepare(self, track: RemoteStreamTrack) -> None:
        if track in self._known:
            return
        self._known.add(track)
        restrict(track.transceiver)
        # It begins with its first packet and ends when the visitor stops sending, each time anew.
        track.on("unmute", lambda: self._publish(track))
        track.on("mute", lambda: self._withdraw(track))
        if not track.muted:
            self._publish(track)

    def _publish(self, track: RemoteStreamTrack) -> None:
        publication = self.published[track] = Publication(self, track)
        for visitor in self.others():
            visitor.forward(publication)
        if track.kind == "video":
            self._start(publication.measure())

    def _withdraw(self, track: RemoteStreamTrack) -> None:
        publication = self.published.pop(track, None)
        if publication is not None:
            for visitor in self.others():
                visitor.stop_forwarding(publication)

    def _take_wish(self, text: str) -> None:
        self._wish = text
        self._link.say("You get what fits." if text == "auto" else f"You get layer {text} of those who have it.")
        for publication in list(self._forwarded):
            self.choose_layer(publication)

    async def _leave_at_the_end(self) -> None:
        await self._link.ended()
        self._room.remove(self)
        for track in list(self.published):
            publication = self.published.pop(track)
            for visitor in self._room:
                visitor.stop_forwarding(publication)
        for publication in list(self._forwarded):
            self.stop_forwarding(publication)


async def main(options: argparse.Namespace) -> None:
    room: list[Visitor] = []
    async with entered(options, "Forwarding") as (signaling, start):
        await Links(signaling, start, lambda link: Visitor(link, room, start)).run()


def arguments() -> argparse.Namespace:
    return serving_parser(
        "examples.sfu", "A conference: everybody sees and hears all others.", name="conference"
    ).parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments()), interrupted=0))
