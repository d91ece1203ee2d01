"""Media helpers by the path that programs written for aiortc import them from."""

from rtcpeer.media.blackhole import MediaBlackhole
from rtcpeer.media.player import MediaPlayer
from rtcpeer.media.recorder import MediaRecorder
from rtcpeer.media.relay import MediaRelay

__all__ = ["MediaBlackhole", "MediaPlayer", "MediaRecorder", "MediaRelay"]
