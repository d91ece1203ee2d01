"""Play a film or a song to everybody who connects: read and decoded once, whoever comes sees what is on."""

import argparse
import sys

from examples.common import ExampleError, Link, Links, entered, run, serving_parser
from rtcpeer import MediaStream
from rtcpeer.contrib.media import MediaPlayer, MediaRelay


class Broadcast:
    """One player for all."""

    def __init__(self, player: MediaPlayer) -> None:
        self._tracks = [track for track in (player.audio, player.video) if track is not None]
        self._relay = MediaRelay()

    def show(self, link: Link) -> None:
        """Send it to one more; the offer follows from the tracks."""
        link.converse()
        stream = MediaStream()
        for track in self._tracks:
            link.pc.addTrack(self._relay.subscribe(track), stream)


async def main(options: argparse.Namespace) -> None:
    try:
        player = MediaPlayer(options.file, loop=not options.once)
    except (OSError, ValueError) as error:
        raise ExampleError(f"can not play {options.file}: {error}") from None
    async with entered(options, f"Playing {options.file}") as (signaling, start):
        await Links(signaling, start, Broadcast(player).show).run()


def arguments() -> argparse.Namespace:
    made = serving_parser("examples.play_file", "Play a file to everybody who connects.", name="player")
    made.add_argument("file", help="whatever FFmpeg reads, or a URL")
    made.add_argument("--once", action="store_true", help="do not begin again at the end")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments()), interrupted=0))
