"""H.264 encoders of graphics cards and systems on a chip. FFmpeg may have them where the machine has not: we try."""

from collections.abc import Callable
from functools import cache

import av

from rtcpeer.media.codec_contract import CodecError
from rtcpeer.media.video_implementations import (
    EncoderShape,
    RateControl,
    VideoImplementation,
    open_encoder,
    x264_profile,
)
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["HARDWARE", "works", "working_hardware"]

_BUFFER_SECONDS = 0.6
_PROBE_WIDTH, _PROBE_HEIGHT = 640, 480  # some hardware takes nothing very small
_PROBE_CODEC = CodecParameters(
    "video", "H264", 0, 90000, parameters=(("profile-level-id", "42e01f"), ("packetization-mode", "1"))
)


def _options(**own: str) -> Callable[[EncoderShape], dict[str, str]]:
    """FFmpeg's options for low delay and constant bitrate, which each encoder names in its own way."""

    def options(shape: EncoderShape) -> dict[str, str]:
        buffer = str(round(shape.bitrate * _BUFFER_SECONDS))
        return {"maxrate": str(shape.bitrate), "bufsize": buffer, "profile": x264_profile(shape.codec), **own}

    return options


def _hardware(name: str, pixel_format: str = "nv12", device: str | None = None, **own: str) -> VideoImplementation:
    return VideoImplementation(
        name, _options(**own), RateControl.REOPEN, pixel_format=pixel_format, is_hardware=True, device=device
    )


HARDWARE = (
    _hardware("h264_videotoolbox", realtime="1"),
    _hardware(
        "h264_nvenc", "yuv420p", preset="p3", tune="ull", rc="cbr", zerolatency="1", delay="0", **{"forced-idr": "1"}
    ),
    _hardware("h264_qsv", async_depth="1", forced_idr="1"),
    _hardware("h264_vaapi", device="vaapi", async_depth="1", rc_mode="CBR"),
    _hardware("h264_amf", usage="ultralowlatency", rc="cbr", forced_idr="1"),
    _hardware("h264_v4l2m2m", "yuv420p"),
)


@cache
def working_hardware() -> tuple[VideoImplementation, ...]:
    """Those that encode a picture here; tried once, which takes some milliseconds each."""
    return tuple(implementation for implementation in HARDWARE if works(implementation))


def works(implementation: VideoImplementation) -> bool:
    """Whether it makes a keyframe of one picture."""
    bitrate = 500_000
    shape = EncoderShape(_PROBE_CODEC, _PROBE_WIDTH, _PROBE_HEIGHT, 30.0, bitrate, bitrate, 10.0)
    picture = av.VideoFrame(_PROBE_WIDTH, _PROBE_HEIGHT, "yuv420p")
    picture.pts = 0
    try:
        context = open_encoder(implementation, shape)
        packets = context.encode(picture.reformat(format=implementation.pixel_format)) or context.encode(None)
    except (CodecError, av.FFmpegError, ValueError, NotImplementedError):
        return False
    return any(packet.is_keyframe and packet.size for packet in packets)
