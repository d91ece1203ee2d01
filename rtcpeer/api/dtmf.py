"""RTCDTMFSender (W3C webrtc-pc section 7)."""

from rtcpeer.api.media_link import MediaLink
from rtcpeer.errors import InvalidStateError
from rtcpeer.event_target import EventTarget, event_handler
from rtcpeer.rtp.sender import RtpSender

__all__ = ["RTCDTMFSender"]

_TONES = frozenset("0123456789ABCD#*,")


class RTCDTMFSender(EventTarget):
    """Plays the tones of a telephone's keys in place of the audio that is sent (RFC 4733).

    Event: ``tonechange`` (the tone that begins, a ``str``; an empty one when all have been played).
    """

    ontonechange = event_handler("tonechange")

    def __init__(self, link: MediaLink, core: RtpSender) -> None:
        super().__init__()
        self._link = link
        self._core = core

    @property
    def canInsertDTMF(self) -> bool:
        """Whether the peer has agreed to tones, and audio may be sent."""
        return self._core.can_send_tones

    @property
    def toneBuffer(self) -> str:
        """What is still to be played."""
        return self._core.tones

    def insertDTMF(self, tones: str, duration: int = 100, interToneGap: int = 70) -> None:
        """Play these instead of what is still to be played.

        Args:
            tones: any of ``0123456789ABCD#*``, and ``,`` for a pause of 2 s; empty to stop.
            duration: of each, in milliseconds; held between 40 and 6,000.
            interToneGap: the silence between two, in milliseconds; held between 30 and 6,000.

        Raises:
            InvalidStateError: `canInsertDTMF` is False.
            ValueError: a character that is no tone (JavaScript's InvalidCharacterError).
        """
        if not self.canInsertDTMF:
            raise InvalidStateError("tones can not be sent now: the peer takes none, or no audio is sent")
        wanted = tones.upper()
        unknown = set(wanted) - _TONES
        if unknown:
            raise ValueError(f"{''.join(sorted(unknown))!r} is no tone")
        self._core.send_tones(wanted, min(max(duration, 40), 6000) / 1000, min(max(interToneGap, 30), 6000) / 1000)
        self._link.wake()
