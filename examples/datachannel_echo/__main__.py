"""Answer every connection in a room and return what comes: words, files, picture, sound (the peer of `make demo`)."""

import argparse
import sys
import tempfile
import time
from typing import BinaryIO, Literal, cast

from examples.common import Link, Links, Start, entered, printable, run, say, serving_parser
from examples.files import IncomingFile, Offer, TransferError, human_size, safe_name, send_file
from rtcpeer import ForwardedTrack, InvalidStateError, MediaStream, RemoteStreamTrack, RTCDataChannel, RTCRtpTransceiver

# A file is kept until it has been returned: in memory while it is small, then in a temporary file.
IN_MEMORY = 64 << 20
MAX_FILE_SIZE = 4 << 30


class Echo:
    """What the echo peer does with one connection."""

    def __init__(self, link: Link, start: Start) -> None:
        self._link = link
        self._start = start
        self._stream = MediaStream()  # what belongs together is played together
        link.pc.on("datachannel", self._serve)
        link.pc.on("track", self._return_track)

    def _return_track(self, track: RemoteStreamTrack) -> None:
        """In the section that it came in, and as it came: without a codec."""
        transceiver = track.transceiver
        if transceiver.sender.track is None:
            transceiver.sender.replaceTrack(ForwardedTrack(track.receiver))
            transceiver.sender.setStreams(self._stream)
            # Who stops sending sees nothing any more, rather than the last picture for ever.
            track.on("mute", lambda: self._set_direction(transceiver, "recvonly"))
            track.on("unmute", lambda: self._set_direction(transceiver, "sendrecv"))
            say(f"* {self._link.name} gets {'picture' if track.kind == 'video' else 'sound'} back")
        transceiver.direction = "sendrecv"

    def _set_direction(self, transceiver: RTCRtpTransceiver, direction: Literal["recvonly", "sendrecv"]) -> None:
        if not (transceiver.stopped or self._link.is_ended):
            transceiver.direction = direction

    def _serve(self, channel: RTCDataChannel) -> None:
        match channel.label:
            case "chat":
                self._link.use_chat(channel, lambda text: self._answer(channel, text))
            case "echo":
                channel.on("message", channel.send)
            case "file":
                self._start(self._return(IncomingFile(channel, self._open_target)))
            case _:
                channel.close()

    def _answer(self, channel: RTCDataChannel, text: str) -> None:
        say(f"{self._link.name}: {printable(text)}")
        channel.send(text)

    def _open_target(self, offer: Offer) -> BinaryIO:
        if offer.size > MAX_FILE_SIZE:
            raise TransferError(f"files here have at most {human_size(MAX_FILE_SIZE)}")
        return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))

    async def _return(self, incoming: IncomingFile) -> None:
        name = self._link.name
        started = time.monotonic()
        try:
            async with incoming as file:
                what = f"{safe_name(file.name)} ({human_size(file.size)})"
                say(f"* {name} sent {what} in {time.monotonic() - started:.1f} s, SHA-256 {file.sha256[:12]}...")
                file.content.seek(0)
                await send_file(self._link.pc.createDataChannel("file"), file.content, file.name, file.size)
                say(f"* {name} has {what} back")
        except (TransferError, InvalidStateError) as error:
            say(f"* a file of {name} failed: {error}")


async def main(options: argparse.Namespace) -> None:
    async with entered(options, "Echoing") as (signaling, start):
        await Links(signaling, start, lambda link: Echo(link, start)).run()


def arguments() -> argparse.Namespace:
    return serving_parser("examples.datachannel_echo", "A peer that returns what it is sent.", name="echo").parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments()), interrupted=0))
