"""What one peer sends, for another one: encoded frames from a receiver to a sender, without a codec."""

from rtcpeer.api.encoded_frames import EncodedFrames
from rtcpeer.api.rtp_receiver import RTCRtpReceiver
from rtcpeer.event_target import event_handler
from rtcpeer.media.track import MediaStreamError, MediaStreamTrack
from rtcpeer.rtp.frames import EncodedFrame

__all__ = ["ForwardedTrack"]


class ForwardedTrack(MediaStreamTrack):
    """The media of a receiver as it came, to be given to a sender of another connection: `addTrack`, `replaceTrack`.

    Each sender needs one of its own. It passes on what the sender's peer asks for (keyframes) and tells what the path
    to it carries. Both connections have to have agreed on the codec.

    Args:
        receiver: where frames come from.
        rid: which layer of a peer that sends several (simulcast); None for the first that comes.

    Event: ``bitratechange`` when `bitrate` has changed.
    """

    onbitratechange = event_handler("bitratechange")

    def __init__(self, receiver: RTCRtpReceiver, rid: str | None = None) -> None:
        super().__init__()
        self.kind = receiver.track.kind
        self._receiver = receiver
        self._wanted = self._current = rid
        self._bitrate: int | None = None
        self._frames: EncodedFrames | None = None
        self._needs_keyframe = True  # each frame of audio is one

    @property
    def rid(self) -> str | None:
        """Which layer is forwarded. Another one takes over with its next keyframe, which setting this asks for."""
        return self._wanted

    @rid.setter
    def rid(self, rid: str | None) -> None:
        self._wanted = rid
        if rid != self._current:
            self._receiver.requestKeyframe(rid)

    @property
    def bitrate(self) -> int | None:
        """How many bits per second the path to the sender's peer carries of this; None while nobody knows."""
        return self._bitrate

    async def recv(self) -> EncodedFrame:
        """The next frame.

        Raises:
            MediaStreamError: the receiver or this track has ended.
        """
        self._require_live()
        if self._frames is None:
            self._frames = self._receiver.encoded()
        async for frame in self._frames:
            if self._is_for_us(frame):
                return frame
        super().stop()
        raise MediaStreamError(f"The {self.kind} track {self.id} has ended")

    def stop(self) -> None:
        """Forward no more; the receiver goes on."""
        if self._frames is not None:
            self._frames.close()
        super().stop()

    def request_keyframe(self) -> None:
        """For the sender: its peer needs one."""
        self._receiver.requestKeyframe(self._current)

    def set_bitrate(self, bitrate: int) -> None:
        """For the sender: what its path carries."""
        if bitrate != self._bitrate:
            self._bitrate = bitrate
            self.emit("bitratechange")

    def _is_for_us(self, frame: EncodedFrame) -> bool:
        if frame.is_keyframe and (frame.rid == self._wanted or (self._wanted is None and self._needs_keyframe)):
            self._current = self._wanted = frame.rid
            self._needs_keyframe = False
        return not self._needs_keyframe and frame.rid == self._current
