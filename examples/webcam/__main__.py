"""Show this machine's camera to everybody who connects."""

import argparse
import sys

from examples.common import ExampleError, Link, Links, entered, run, say, serving_parser
from rtcpeer import MediaStream, MediaStreamTrack
from rtcpeer.contrib.media import MediaPlayer, MediaRelay

# FFmpeg's name of the interface to cameras, and how the first one is called there.
CAMERAS = {
    "linux": ("v4l2", "/dev/video0"),
    "darwin": ("avfoundation", "default:none"),
    "win32": ("dshow", "video=Integrated Camera"),
}


class Camera:
    """One camera for all visitors."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self._track = track
        self._relay = MediaRelay()

    def show(self, link: Link) -> None:
        """Send the picture to one more; the frame that is there when the encoder is ready, not those before."""
        link.converse()
        link.pc.addTrack(self._relay.subscribe(self._track, buffered=False), MediaStream())


def open_camera(options: argparse.Namespace) -> MediaStreamTrack:
    size = {"video_size": options.size, "framerate": str(options.rate)}
    # A filter graph has its size and rate in its description.
    settings = {} if options.format == "lavfi" else size
    try:
        player = MediaPlayer(options.device, format=options.format, options=settings)
    except (OSError, ValueError) as error:
        raise ExampleError(
            f"can not open the camera {options.device}: {error}; a picture without a camera:"
            " --format lavfi --device testsrc2"
        ) from None
    if player.video is None:
        raise ExampleError(f"{options.device} gives no picture")
    return player.video


async def main(options: argparse.Namespace) -> None:
    camera = open_camera(options)
    async with entered(options, f"Showing {options.device}") as (signaling, start):
        camera.on("ended", lambda: say("* the camera has gone"))
        await Links(signaling, start, Camera(camera).show).run()


def arguments() -> argparse.Namespace:
    interface, device = CAMERAS.get(sys.platform, CAMERAS["linux"])
    made = serving_parser("examples.webcam", "Show this machine's camera to everybody who connects.", name="camera")
    made.add_argument("--device", default=device, help="(default: %(default)s)")
    made.add_argument("--format", default=interface, help="FFmpeg's interface to it (default: %(default)s)")
    made.add_argument("--size", default="640x480", help="(default: %(default)s)")
    made.add_argument("--rate", type=int, default=30, help="pictures a second (default: %(default)s)")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments()), interrupted=0))
