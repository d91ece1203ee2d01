"""From encoded frames to a track: decodes in a thread."""

from collections.abc import Callable

from rtcpeer.media.codec_contract import DecoderStatistics, RawFrame
from rtcpeer.media.settings import CodecSettings
from rtcpeer.rtp.frames import EncodedFrame

__all__ = ["TrackDecoder"]


class TrackDecoder:
    """Decodes the frames of one received track; which codec is in each `EncodedFrame`.

    Make it when somebody first reads the track. ``on_keyframe_needed()`` comes on the loop: at the beginning unless a
    keyframe is there, after a failure, after frames had to be dropped. Where nobody reads for `max_unread` seconds, it
    drops what comes until somebody does.
    """

    def __init__(self, on_keyframe_needed: Callable[[], None], *, settings: CodecSettings | None = None) -> None:
        raise NotImplementedError

    def receive(self, frame: EncodedFrame) -> None:
        """Take a frame, in decoding order; never raises, never blocks."""

    async def recv(self) -> RawFrame | None:
        """The next decoded frame; pts counts in the RTP clock (time_base) from the first frame. None at the end."""

    def statistics(self) -> DecoderStatistics:
        """A snapshot."""
        raise NotImplementedError

    def end(self) -> None:
        """No more frames will come: `recv` gives what is there, then None."""

    async def close(self) -> None:
        """End the thread; `recv` gives None from now on. Harmless when repeated."""
