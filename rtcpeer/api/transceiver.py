"""RTCRtpTransceiver (W3C webrtc-pc section 5.4)."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from rtcpeer.api.closing import Closing
from rtcpeer.api.media_capabilities import preferred_codecs
from rtcpeer.api.media_link import MediaLink
from rtcpeer.api.rtp_parameters import RTCRtpCodec, RTCRtpCodecCapability, RTCRtpTransceiverDirection, from_dictionary
from rtcpeer.api.rtp_receiver import RTCRtpReceiver
from rtcpeer.api.rtp_sender import RTCRtpSender
from rtcpeer.errors import InvalidStateError
from rtcpeer.jsep.capabilities import CodecCapability, MediaCapabilities
from rtcpeer.jsep.facts import MediaFacts, TransceiverWish
from rtcpeer.rtp.parameters import Kind
from rtcpeer.sdp.transport import Direction

__all__ = ["RTCRtpTransceiver"]

_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


class RTCRtpTransceiver:
    """A sender and a receiver that share one section of the session; made by `RTCPeerConnection`."""

    def __init__(
        self,
        link: MediaLink,
        key: int,
        sender: RTCRtpSender,
        receiver: RTCRtpReceiver,
        direction: RTCRtpTransceiverDirection,
        capabilities: MediaCapabilities,
    ) -> None:
        self._link = link
        self._key = key
        self._sender = sender
        self._receiver = receiver
        self._kind: Kind = receiver._kind  # noqa: SLF001
        self._direction: Direction = checked_direction(direction)
        self._capabilities = capabilities
        self._preferences: tuple[CodecCapability, ...] = ()
        self._facts: MediaFacts | None = None
        self._has_sent = False  # its sender is not used for another track then (W3C section 5.1, addTrack)
        self._is_from_add_track = False
        self._fired_direction: Direction | None = None  # the one of which ``track`` events have told
        self._is_stopping = False
        self._is_stopped = False
        sender._transceiver = receiver._transceiver = self  # noqa: SLF001

    @property
    def kind(self) -> Kind:
        """``"audio"`` or ``"video"``; aiortc's, the W3C asks the receiver's track."""
        return self._kind

    @property
    def mid(self) -> str | None:
        """The name of the section; None before negotiation."""
        return None if self._facts is None else self._facts.mid

    @property
    def sender(self) -> RTCRtpSender:
        """The half that sends."""
        return self._sender

    @property
    def receiver(self) -> RTCRtpReceiver:
        """The half that receives."""
        return self._receiver

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, here or by the peer."""
        return self._is_stopping or self._is_stopped

    @property
    def direction(self) -> RTCRtpTransceiverDirection:
        """What we want; it takes effect with the next negotiation, and setting it asks for one.

        Raises:
            TypeError: it is set to something else than the four directions.
            InvalidStateError: it is set after a stop.
        """
        return "stopped" if self.stopped else self._direction.value

    @direction.setter
    def direction(self, value: RTCRtpTransceiverDirection) -> None:
        wanted = checked_direction(value)
        self._require_living()
        if wanted is not self._direction:
            self._direction = wanted
            self._link.need_changed()

    @property
    def currentDirection(self) -> RTCRtpTransceiverDirection | None:
        """What was negotiated last; None before that."""
        if self._is_stopped:
            return "stopped"
        direction = None if self._facts is None else self._facts.current_direction
        return None if direction is None else direction.value

    def setCodecPreferences(self, codecs: Sequence[RTCRtpCodec | Mapping[str, Any]]) -> None:
        """Negotiate these codecs only, the best first; none for the default.

        Args:
            codecs: from `RTCRtpReceiver.getCapabilities` or `RTCRtpSender.getCapabilities`.

        Raises:
            InvalidModificationError: one of them is none of ours, or they are none on their own, as RTX is.
            InvalidStateError: the transceiver is stopped.
        """
        self._require_living()
        wanted = [
            one if isinstance(one, RTCRtpCodec) else from_dictionary(RTCRtpCodecCapability, one) for one in codecs
        ]
        self._preferences = preferred_codecs(self._kind, wanted, self._capabilities)
        self._link.need_changed()

    def stop(self) -> Coroutine[Any, Any, None]:
        """End it for good; the peer learns of it by negotiation. It has happened on return; awaiting is optional."""
        if not self.stopped:
            self._is_stopping = True
            self._end_halves()
            self._link.need_changed()
        return Closing(lambda: None)

    # From the connection

    def _wish(self) -> TransceiverWish:
        sender = self._sender
        return TransceiverWish(
            self._key,
            self._kind,
            self._direction,
            sender._stream_ids,  # noqa: SLF001
            sender._track_id,  # noqa: SLF001
            sender._own_streams,  # noqa: SLF001
            self._preferences,
            is_from_add_track=self._is_from_add_track,
            has_sent=self._has_sent,
            is_stopped=self.stopped,
        )

    @property
    def _takes_track(self) -> bool:
        """Whether addTrack uses it."""
        return not self.stopped and self._sender.track is None and not self._has_sent

    def _set_direction(self, *, sends: bool) -> None:
        """Add or take away the sending part."""
        self._direction = Direction.of(sends=sends, receives=self._direction.receives)

    def _apply(self, facts: MediaFacts | None) -> None:
        """What is negotiated now; None: no section."""
        self._facts = facts
        if facts is not None and facts.current_direction is not None and facts.current_direction.sends:
            self._has_sent = True
        if not self.stopped:
            self._sender._configured(None if facts is None else facts.send)  # noqa: SLF001
            self._receiver._configured(None if facts is None else facts.receive)  # noqa: SLF001

    def _ended(self) -> None:
        """Its section is no more, or the connection."""
        if not self._is_stopped:
            self._is_stopping = self._is_stopped = True
            self._facts = None
            self._end_halves()

    def _end_halves(self) -> None:
        self._sender._end()  # noqa: SLF001
        self._receiver._end()  # noqa: SLF001

    def _require_living(self) -> None:
        if self.stopped:
            raise InvalidStateError("the transceiver is stopped")


def checked_direction(value: str) -> Direction:
    """One of the four that can be asked for; else TypeError."""
    if value not in _DIRECTIONS:
        raise TypeError(f"a direction is one of {', '.join(_DIRECTIONS)}, not {value!r}")
    return Direction(value)
