"""Tracks that belong together (W3C mediacapture-main section 4.2)."""

import uuid
from collections.abc import Iterable

from rtcpeer.event_target import EventTarget, event_handler
from rtcpeer.media.track import MediaStreamTrack

__all__ = ["MediaStream"]


class MediaStream(EventTarget):
    """A set of tracks that a peer plays together, such as a camera and its microphone.

    Events: ``addtrack`` and ``removetrack`` get the track, when the peer changes the stream (not by the methods here).

    Args:
        tracks: The tracks, or another stream whose tracks it shares.
        id: A name for it; without, a UUID.
    """

    onaddtrack = event_handler("addtrack")
    onremovetrack = event_handler("removetrack")

    def __init__(
        self,
        tracks: "Iterable[MediaStreamTrack] | MediaStream" = (),
        *,
        id: str | None = None,  # noqa: A002 the W3C's name
    ) -> None:
        super().__init__()
        self._id = id if id is not None else str(uuid.uuid4())
        members = tracks.getTracks() if isinstance(tracks, MediaStream) else tracks
        self._tracks = {track.id: track for track in members}

    @property
    def id(self) -> str:
        """Its name, which the peer learns in the description (msid)."""
        return self._id

    @property
    def active(self) -> bool:
        """Whether any of its tracks is live."""
        return any(track.readyState == "live" for track in self._tracks.values())

    def getTracks(self) -> list[MediaStreamTrack]:
        """All tracks."""
        return list(self._tracks.values())

    def getAudioTracks(self) -> list[MediaStreamTrack]:
        """The audio tracks."""
        return [track for track in self._tracks.values() if track.kind == "audio"]

    def getVideoTracks(self) -> list[MediaStreamTrack]:
        """The video tracks."""
        return [track for track in self._tracks.values() if track.kind == "video"]

    def getTrackById(self, trackId: str) -> MediaStreamTrack | None:
        """The track of this id, if there is one."""
        return self._tracks.get(trackId)

    def addTrack(self, track: MediaStreamTrack) -> None:
        """Add a track; one that is in it stays."""
        self._tracks.setdefault(track.id, track)

    def removeTrack(self, track: MediaStreamTrack) -> None:
        """Remove a track; one that is not in it is ignored."""
        self._tracks.pop(track.id, None)

    def clone(self) -> "MediaStream":
        """A stream of another id, with clones of the tracks (`MediaStreamTrack.clone`)."""
        return MediaStream([track.clone() for track in self._tracks.values()])

    def _change(self, *, added: Iterable[MediaStreamTrack] = (), removed: Iterable[MediaStreamTrack] = ()) -> None:
        """For its source: the peer has changed the stream, of which the application is told."""
        for track in removed:
            if self._tracks.pop(track.id, None) is not None:
                self.emit("removetrack", track)
        for track in added:
            if track.id not in self._tracks:
                self._tracks[track.id] = track
                self.emit("addtrack", track)
