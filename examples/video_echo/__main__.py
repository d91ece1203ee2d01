"""Take each visitor's picture, filter its frames with NumPy, and send it back; the sound returns as it came."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from examples.common import Link, Links, entered, run, say, serving_parser
from rtcpeer import ForwardedTrack, MediaStream, MediaStreamTrack, RemoteStreamTrack

Pixels = NDArray[np.uint8]  # rows, columns, red-green-blue


def mirror(pixels: Pixels) -> Pixels:
    return pixels[:, ::-1]


def negative(pixels: Pixels) -> Pixels:
    return 255 - pixels


def gray(pixels: Pixels) -> Pixels:
    brightness = (pixels @ np.array([77, 151, 28], np.uint16) >> 8).astype(np.uint8)  # ITU-R BT.601, of 256
    return np.repeat(brightness[:, :, np.newaxis], 3, axis=2)


def edges(pixels: Pixels) -> Pixels:
    brightness = gray(pixels)[:, :, 0].astype(np.int16)
    steps = np.zeros_like(brightness)
    steps[:-1, :-1] = abs(np.diff(brightness, axis=0)[:, :-1]) + abs(np.diff(brightness, axis=1)[:-1])
    return np.repeat(np.minimum(4 * steps, 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


FILTERS: dict[str, Callable[[Pixels], Pixels]] = {"edges": edges, "gray": gray, "mirror": mirror, "negative": negative}


class FilteredTrack(MediaStreamTrack):
    """Another video track as it looks through a filter; who reads this reads that."""

    kind = "video"

    def __init__(self, source: MediaStreamTrack, name: str) -> None:
        super().__init__()
        self.filter = name
        self._source = source

    async def recv(self) -> av.VideoFrame:
        frame: Any = await self._source.recv()
        # NumPy and the conversions let go of the interpreter: meanwhile the event loop moves packets.
        return await asyncio.to_thread(self._filtered, frame)

    def _filtered(self, frame: av.VideoFrame) -> av.VideoFrame:
        pixels = np.ascontiguousarray(FILTERS[self.filter](frame.to_ndarray(format="rgb24")))
        made = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        made.pts, made.time_base = frame.pts, frame.time_base
        return made


class VideoEcho:
    """What is done for one visitor, who may choose another filter by its name in the chat."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._filter = name
        self._track: FilteredTrack | None = None
        self._stream = MediaStream()  # what belongs together is played together
        link.converse(self._choose)
        link.pc.on("track", self._return)

    def _return(self, track: RemoteStreamTrack) -> None:
        transceiver = track.transceiver
        if transceiver.sender.track is not None:
            return
        if track.kind == "video":
            self._track = FilteredTrack(track, self._filter)
            transceiver.sender.replaceTrack(self._track)
            say(f"* {self._link.name} sees {self._filter}")
        else:
            transceiver.sender.replaceTrack(ForwardedTrack(track.receiver))
        transceiver.sender.setStreams(self._stream)
        transceiver.direction = "sendrecv"

    def _choose(self, text: str) -> None:
        if text not in FILTERS:
            self._link.say(f"Filters: {', '.join(FILTERS)}")
            return
        self._filter = text
        if self._track is not None:
            self._track.filter = text
        self._link.say(f"You see {text} now.")


async def main(options: argparse.Namespace) -> None:
    async with entered(options, "Filtering") as (signaling, start):
        await Links(signaling, start, lambda link: VideoEcho(link, options.filter)).run()


def arguments() -> argparse.Namespace:
    made = serving_parser("examples.video_echo", "Send pictures back, filtered with NumPy.", name="filter")
    made.add_argument("--filter", choices=FILTERS, default="edges", help="(default: %(default)s)")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments()), interrupted=0))
