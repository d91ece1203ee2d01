"""H.264 encoders of graphics cards and systems on a chip. FFmpeg may have them where the machine has not: we try."""

from functools import cache

import av

from rtcpeer.media.codec_contract import CodecError
from rtcpeer.media.video_implementations import (
    EncoderShape,
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


_CONSTRAINED = {"baseline": "constrained_baseline"}  # as some of them call what x264 calls baseline
_NUMBERS = {"baseline": "66", "main": "77", "high": "100"}  # profile_idc


def _hardware(
    name: str,
    own: dict[str, str],
    pixel_format: str = "nv12",
    *,
    device: str | None = None,
    profiles: dict[str, str] | None = None,
) -> VideoImplementation:
    """Low delay and constant bitrate, which each encoder names in its ``own`` way."""

    def options(shape: EncoderShape) -> dict[str, str]:
        profile = x264_profile(shape.codec)
        return own | {
            "maxrate": str(shape.bitrate),
            "bufsize": str(round(shape.bitrate * _BUFFER_SECONDS)),
            "profile": (profiles or {}).get(profile, profile),
        }

    return VideoImplementation(name, options, pixel_format=pixel_format, is_hardware=True, device=device)


_NVENC = {"preset": "p3", "tune": "ull", "rc": "cbr", "zerolatency": "1", "delay": "0", "forced-idr": "1"}
_AMF = {"usage": "ultralowlatency", "rc": "cbr", "forced_idr": "1"}
HARDWARE = (
    _hardware("h264_videotoolbox", {"realtime": "1"}),
    _hardware("h264_nvenc", _NVENC, "yuv420p"),
    _hardware("h264_qsv", {"async_depth": "1", "forced_idr": "1"}),
    _hardware("h264_vaapi", {"async_depth": "1", "rc_mode": "CBR"}, device="vaapi", profiles=_CONSTRAINED),
    _hardware("h264_amf", _AMF, profiles=_CONSTRAINED),
    _hardware("h264_v4l2m2m", {}, "yuv420p", profiles=_NUMBERS),
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
