"""FFmpeg's video encoders as WebRTC wants them: no delay, constant bitrate, keyframes only when asked for.

How their bitrate changes while they run was measured with libavcodec 62 (`RateControl`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction

import av
from av.codec.hwaccel import HWAccel

from rtcpeer.errors import MalformedPacketError
from rtcpeer.media.codec_contract import CodecError
from rtcpeer.payload import H264Profile, ProfileLevelId
from rtcpeer.rtp.parameters import CodecParameters

__all__ = [
    "VIDEO_CLOCK_RATE",
    "EncoderShape",
    "RateControl",
    "VideoImplementation",
    "available_cores",
    "implementations_of",
    "open_encoder",
    "packetization_mode",
    "x264_profile",
]

VIDEO_CLOCK_RATE = 90000  # Hz, of every video payload format
_BUFFER_SECONDS = 0.6  # of media at the target bitrate that the rate control may be ahead
_BUFFER_SECONDS_X264 = 0.3  # it spends more of it at once
_MAX_SLICE_SIZE = 1100  # bytes; packetization mode 0 sends each NAL unit in a packet of its own (RFC 6184 section 6.2)
_QUANTIZERS_VPX = (2, 56)  # a picture coarser than 56 is of no use: rather fewer or smaller ones
_PROFILES_X264 = {
    H264Profile.CONSTRAINED_BASELINE: "baseline",
    H264Profile.BASELINE: "baseline",
    H264Profile.MAIN: "main",
    H264Profile.HIGH: "high",
    H264Profile.CONSTRAINED_HIGH: "high",  # without interlacing and B pictures, which we never make
}


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """What an encoder is opened for."""

    codec: CodecParameters
    width: int
    height: int
    framerate: float
    bitrate: int  # the highest that it can be told later
    expected_bitrate: int  # what it begins with
    keyframe_interval: float  # seconds

    @property
    def threads(self) -> int:
        """One is enough for 640x480; more than half of the cores are never taken.

        Threads of libvpx spin while they wait for each other: where two of them share two cores with other work, a
        picture of 1280x720 has taken half a second instead of 5 ms.
        """
        pixels = self.width * self.height
        wanted = 1 if pixels <= 640 * 480 else 2 if pixels <= 1280 * 720 else 4
        return max(min(wanted, available_cores() // 2), 1)


class RateControl(Enum):
    """What makes an encoder that runs aim at another bitrate."""

    # FFmpeg does not tell libvpx about a changed bitrate. But libvpx budgets by the timestamps of the pictures: one
    # opened for a bitrate produces half of it when its clock runs at half the speed.
    TIME = auto()
    # FFmpeg tells x264, which stays with constant bitrate if it began so, and goes up to what it was opened for. It
    # counts pictures instead of reading their timestamps; reading them would cost a delay of one picture.
    RECONFIGURE = auto()
    # Nothing but opening it again, with a keyframe.
    REOPEN = auto()


@dataclass(frozen=True, slots=True)
class VideoImplementation:
    """One of FFmpeg's encoders."""

    name: str  # FFmpeg's
    options: Callable[[EncoderShape], dict[str, str]]
    rate_control: RateControl = RateControl.REOPEN
    pixel_format: str = "yuv420p"
    quantizers: tuple[int, int] | None = None
    is_hardware: bool = False
    wants_flush: bool = False  # complains where it is freed without
    device: str | None = None  # FFmpeg's name for the kind of device to which pictures have to be uploaded


def open_encoder(implementation: VideoImplementation, shape: EncoderShape) -> av.VideoCodecContext:
    """The encoder, opened; `CodecError` where FFmpeg refuses."""
    try:
        device = HWAccel(implementation.device) if implementation.device else None
        context = av.CodecContext.create(implementation.name, "w", device)
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = shape.width, shape.height
        context.pix_fmt = implementation.pixel_format
        context.bit_rate = shape.bitrate
        context.time_base = Fraction(1, VIDEO_CLOCK_RATE)
        context.framerate = Fraction(max(round(shape.framerate), 1))
        context.gop_size = max(round(shape.framerate * shape.keyframe_interval), 1)
        context.max_b_frames = 0
        context.thread_count = shape.threads
        if implementation.quantizers:
            context.qmin, context.qmax = implementation.quantizers
        context.options = implementation.options(shape)
        context.open()
    except (av.FFmpegError, ValueError) as error:
        raise CodecError(
            f"{implementation.name} does not open for {shape.width}x{shape.height} at {shape.bitrate} bit/s: {error}"
        ) from error
    return context


def available_cores() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def implementations_of(name: str) -> tuple[VideoImplementation, ...]:
    """FFmpeg's encoders for a codec, those in software first and those in hardware behind them."""
    return _IMPLEMENTATIONS.get(name.lower(), ())


def _constant_bitrate(shape: EncoderShape) -> dict[str, str]:
    bitrate = str(shape.bitrate)
    return {"minrate": bitrate, "maxrate": bitrate, "bufsize": str(round(shape.bitrate * _BUFFER_SECONDS))}


def _vp8(shape: EncoderShape) -> dict[str, str]:
    return _constant_bitrate(shape) | {
        "deadline": "realtime",
        # Measured at 640x480: half the time of libvpx's speed 4, for 0.3 dB at equal bitrate. Speeds above 8 miss the
        # bitrate where much moves. Positive numbers adapt to the machine's load, negative ones are this speed.
        "cpu-used": "-8",
        "lag-in-frames": "0",
        "static-thresh": "100",
        "undershoot-pct": "100",
        "overshoot-pct": "15",
        "max-intra-rate": "500",  # per cent of a mean frame's size, so that a keyframe does not delay all behind it
    }


def _vp9(shape: EncoderShape) -> dict[str, str]:
    return _constant_bitrate(shape) | {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "static-thresh": "100",
        "undershoot-pct": "100",
        "overshoot-pct": "15",
        "max-intra-rate": "500",
        "aq-mode": "3",  # cyclic refresh
        "row-mt": "1" if shape.threads > 1 else "0",
        "tile-columns": "1" if shape.threads > 1 else "0",
        "auto-alt-ref": "0",
    }


def _x264(shape: EncoderShape) -> dict[str, str]:
    # Repeated headers and start codes are what FFmpeg's wrapper makes without a global header.
    parameters = ["scenecut=0"]
    if packetization_mode(shape.codec) == 0:
        parameters.append(f"slice-max-size={_MAX_SLICE_SIZE}")
    return {
        "maxrate": str(shape.bitrate),
        "bufsize": str(round(shape.expected_bitrate * _BUFFER_SECONDS_X264)),
        "preset": "superfast",  # as much time as libvpx's VP8 takes at its setting above
        "tune": "zerolatency",
        "profile": x264_profile(shape.codec),
        "forced-idr": "1",  # a picture of type I that was asked for is one to begin with
        "x264-params": ":".join(parameters),
    }


# Deviation: pictures larger than the level of the peer's profile-level-id allows are sent nevertheless, under the level
# that they have. Browsers name 3.1 (1280x720) for decoders that take far more, and peers without a=fmtp would get
# 176x144.
def x264_profile(codec: CodecParameters) -> str:
    """The profile to encode in, as FFmpeg names it; `CodecError` where there is no encoder for it."""
    profile = _h264_profile(codec)
    if profile not in _PROFILES_X264:
        raise CodecError(f"no encoder for the profile of profile-level-id={codec.parameter('profile-level-id')}")
    return _PROFILES_X264[profile]


def _h264_profile(codec: CodecParameters) -> H264Profile:
    value = codec.parameter("profile-level-id")
    if value is None:
        return H264Profile.BASELINE  # RFC 6184 section 8.1
    try:
        profile = ProfileLevelId.parse(value).profile
    except MalformedPacketError as error:
        raise CodecError(str(error)) from error
    if profile is None:
        raise CodecError(f"profile-level-id={value} names no profile")
    return profile


def packetization_mode(codec: CodecParameters) -> int:
    """0 where nothing is said (RFC 6184 section 8.1)."""
    return 1 if codec.parameter("packetization-mode") == "1" else 0


def _svt_av1(shape: EncoderShape) -> dict[str, str]:
    # SVT-AV1 prints its configuration on each opening, unless its environment variable asks for errors only.
    os.environ.setdefault("SVT_LOG", "1")
    # Without its tools for screens (scm), which draw plain areas in colours of their neighbours.
    # Low delay and constant bitrate; "rtc" leaves out what takes time and helps little in a call.
    return {"preset": "10", "svtav1-params": f"rtc=1:scm=0:pred-struct=1:rc=2:scd=0:lp={shape.threads}"}


_IMPLEMENTATIONS = {
    "vp8": (VideoImplementation("libvpx", _vp8, RateControl.TIME, quantizers=_QUANTIZERS_VPX),),
    "vp9": (VideoImplementation("libvpx-vp9", _vp9, RateControl.TIME, quantizers=_QUANTIZERS_VPX),),
    "h264": (VideoImplementation("libx264", _x264, RateControl.RECONFIGURE),),
    "av1": (VideoImplementation("libsvtav1", _svt_av1, wants_flush=True),),
}
