"""One track for several consumers."""

from weakref import WeakValueDictionary

from rtcpeer.media.fanout import Fanout
from rtcpeer.media.track import SHARED_FRAMES, MediaStreamTrack, SharedTrack, receive_from

__all__ = ["MediaRelay"]


class MediaRelay:
    """Lets several consumers read one track: each gets a track of its own, and none slows the others down.

    The source is read while anybody reads, one frame after the other, whether or not the consumers keep up. When the
    last consumer's track is stopped the reading ends, the source is left as it is and may be subscribed to again. When
    the source ends, its consumers' tracks end, after what they have not read yet.
    """

    def __init__(self) -> None:
        # Subscriptions keep their fan-out, and with the last of them it forgets its track.
        self._fanouts: WeakValueDictionary[MediaStreamTrack, Fanout] = WeakValueDictionary()

    def subscribe(self, track: MediaStreamTrack, buffered: bool = True) -> SharedTrack:
        """A track that gives what ``track`` gives from its first `recv` on.

        Args:
            track: The source. It should no longer be read by anybody else.
            buffered: Whether a consumer that is busy for a moment still gets every frame: up to 32 are kept, then the
                oldest are lost. Without, it gets the newest frame each time, which suits who shows or analyses it.
        """
        fanout = self._fanouts.get(track)
        if fanout is None:
            fanout = self._fanouts[track] = Fanout(lambda: receive_from(track))
        return SharedTrack(track, fanout.subscribe(SHARED_FRAMES if buffered else 1))
