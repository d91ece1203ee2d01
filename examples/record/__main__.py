"""Record what visitors send, a file for each of them."""

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from examples.common import ExampleError, Link, Links, Start, entered, run, say, serving_parser
from rtcpeer import OperationError, RemoteStreamTrack
from rtcpeer.contrib.media import MediaRecorder

# Sound and picture of one visitor come in one description, but the next one may follow: what is added now gets in.
PATIENCE = 1.0


class Recording:
    """Of one visitor, from the first track to the end of the connection."""

    def __init__(self, link: Link, path: Path, start: Start) -> None:
        self._link = link
        self._path = path
        self._start = start
        self._tracks: list[RemoteStreamTrack] = []
        link.converse()
        link.pc.on("track", self._add)

    def _add(self, track: RemoteStreamTrack) -> None:
        if track in self._tracks:
            return
        self._tracks.append(track)
        if len(self._tracks) == 1:
            self._start(self._record())

    async def _record(self) -> None:
        await asyncio.sleep(PATIENCE)
        recorder = MediaRecorder(self._path)
        kinds = []
        for track in sorted(self._tracks, key=lambda track: track.kind):
            with contextlib.suppress(ValueError):  # a format for sound alone has no place for pictures
                recorder.addTrack(track)
                kinds.append(track.kind)
        say(f"* {self._link.name} is recorded to {self._path} ({' and '.join(kinds)})")
        try:
            await recorder.start()
            await self._link.ended()
        finally:
            # Also at Ctrl-C: a file without its end is of no use in most formats.
            with contextlib.suppress(OperationError):
                await recorder.stop()
            size = self._path.stat().st_size if self._path.exists() else 0
            say(f"* {self._path} is closed: {size / 1024:.0f} KiB")


class Recordings:
    """Numbers the files."""

    def __init__(self, path: Path, start: Start) -> None:
        self._path = path
        self._start = start
        self._count = 0

    def begin(self, link: Link) -> None:
        """Record one more visitor; an existing file stays."""
        while True:
            self._count += 1
            path = self._path.with_stem(f"{self._path.stem}-{self._count}")
            if not path.exists():
                break
        Recording(link, path, self._start)


async def main(options: argparse.Namespace) -> None:
    try:
        MediaRecorder(options.file.with_stem("probe"))
    except (OSError, ValueError) as error:
        raise ExampleError(f"can not record to {options.file}: {error}") from None
    async with entered(options, f"Recording to {options.file}") as (signaling, start):
        await Links(signaling, start, Recordings(options.file, start).begin).run()


def arguments() -> argparse.Namespace:
    made = serving_parser("examples.record", "Record what visitors send, a file for each.", name="recorder")
    made.add_argument("file", type=Path, help="call.mp4 becomes call-1.mp4, call-2.mp4, ...; also .webm, .mkv, .wav")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments()), interrupted=0))
