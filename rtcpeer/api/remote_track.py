"""The track of a receiver: what the peer sends, decoded for those who read it."""

from typing import TYPE_CHECKING, Any

from rtcpeer.media.frames import MediaFrame
from rtcpeer.media.stream import MediaStream
from rtcpeer.media.track import MediaStreamError, MediaStreamTrack
from rtcpeer.rtp.parameters import Kind

if TYPE_CHECKING:  # they make these tracks
    from rtcpeer.api.rtp_receiver import RTCRtpReceiver
    from rtcpeer.api.transceiver import RTCRtpTransceiver

__all__ = ["RemoteStreamTrack"]


class RemoteStreamTrack(MediaStreamTrack):
    """Audio or video of the peer's; muted until some of it arrives. What ``track`` handlers are given.

    Besides a track's own members it has those of the W3C's ``RTCTrackEvent``.
    """

    def __init__(self, kind: Kind, receiver: "RTCRtpReceiver") -> None:
        super().__init__()
        self.kind = kind
        self._is_muted = True
        self._receiver = receiver

    @property
    def receiver(self) -> "RTCRtpReceiver":
        """What this is the track of."""
        return self._receiver

    @property
    def transceiver(self) -> "RTCRtpTransceiver":
        """What that is half of."""
        return self._receiver._transceiver  # noqa: SLF001

    @property
    def streams(self) -> list[MediaStream]:
        """The streams that the peer says it belongs to."""
        return list(self._receiver._streams)  # noqa: SLF001

    @property
    def track(self) -> "RemoteStreamTrack":
        """This one, for handlers written for the W3C's event."""
        return self

    def _name(self, name: str | None) -> None:
        """What the peer calls it, before anybody knows of it."""
        self._id = name or self._id

    async def recv(self) -> MediaFrame:
        """The next frame, decoded; the first call starts the decoder.

        Raises:
            MediaStreamError: the track has ended.
        """
        self._require_live()
        frame: Any = await self._receiver._decoded()  # noqa: SLF001
        if frame is None:
            self.stop()
            raise MediaStreamError(f"The {self.kind} track {self.id} has ended")
        return frame  # type: ignore[no-any-return]

    def stop(self) -> None:
        """End the track here; what the peer goes on to send is not decoded."""
        if self.readyState == "live":
            super().stop()
            self._receiver._track_ended()  # noqa: SLF001
