"""Every exception that rtcpeer raises.

::

    RtcpeerError
    ├── MalformedPacketError     bytes from the network that break their format; never reaches a caller
    ├── MediaStreamError         a track has ended; how those who read it learn of that
    └── DOMException             the W3C's, each named as the specification names it
        ├── InvalidStateError
        ├── InvalidAccessError
        ├── InvalidModificationError
        ├── NotSupportedError
        ├── NetworkError
        ├── SyntaxError
        └── OperationError
            └── RTCError         carries errorDetail and what belongs to it
                └── SdpSyntaxError   names the line

Misuse that JavaScript reports as ``TypeError`` or ``RangeError`` is Python's own `TypeError` or `ValueError`.
"""

__all__ = [
    "RtcpeerError",
    "MalformedPacketError",
    "MediaStreamError",
    "DOMException",
    "InvalidStateError",
    "InvalidAccessError",
    "InvalidModificationError",
    "NotSupportedError",
    "NetworkError",
    "SyntaxError",
    "OperationError",
    "RTCError",
    "SdpSyntaxError",
]


class RtcpeerError(Exception):
    """The root of the tree above."""


class MalformedPacketError(RtcpeerError):
    """Bytes from the network do not follow their format; the packet is dropped and counted."""


class MediaStreamError(RtcpeerError):
    """The track has ended: there is nothing more to receive."""


class DOMException(RtcpeerError):
    """What a browser would throw under the same name."""

    @property
    def name(self) -> str:
        """The name that JavaScript code would compare against."""
        return type(self).__name__


class InvalidStateError(DOMException):
    """The object is in a state that does not allow the operation."""


class InvalidAccessError(DOMException):
    """The object does not support the operation or argument."""


class InvalidModificationError(DOMException):
    """The object can not be modified in this way."""


class NotSupportedError(DOMException):
    """The operation is not supported."""


class NetworkError(DOMException):
    """A network error occurred."""


class SyntaxError(DOMException):
    """A string did not match the expected pattern, such as the URL of an ICE server."""


class OperationError(DOMException):
    """The operation failed for a reason of its own, which the message tells."""


class RTCError(OperationError):
    """An operation failed in a way that WebRTC classifies (W3C webrtc-pc section 12.1).

    ``errorDetail`` is one of the W3C's RTCErrorDetailType values: ``"data-channel-failure"``, ``"dtls-failure"``,
    ``"fingerprint-failure"``, ``"sctp-failure"``, ``"sdp-syntax-error"``, ...
    """

    def __init__(
        self,
        message: str,
        *,
        errorDetail: str,  # noqa: N803
        sdpLineNumber: int | None = None,  # noqa: N803
        sctpCauseCode: int | None = None,  # noqa: N803
        receivedAlert: int | None = None,  # noqa: N803
        sentAlert: int | None = None,  # noqa: N803
    ) -> None:
        super().__init__(message)
        self.errorDetail = errorDetail
        self.sdpLineNumber = sdpLineNumber
        self.sctpCauseCode = sctpCauseCode
        self.receivedAlert = receivedAlert
        self.sentAlert = sentAlert

    @property
    def name(self) -> str:
        """The W3C gives every RTCError the name OperationError."""
        return "OperationError"


class SdpSyntaxError(RTCError):
    """A session description breaks the grammar; ``sdpLineNumber`` counts from 1."""

    def __init__(self, message: str, line_number: int) -> None:
        super().__init__(
            f"SDP line {line_number}: {message}", errorDetail="sdp-syntax-error", sdpLineNumber=line_number
        )
