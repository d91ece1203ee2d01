"""What goes wrong between a program and its signalling server."""

from rtcpeer.errors import RtcpeerError


class SignalingConnectionError(RtcpeerError, ConnectionError):
    """The server can not be reached, or was lost; the message says which server and what to do."""


class SignalingRefusedError(RtcpeerError):
    """The server did not let us into the room; `code` is one of docs/signaling.md, such as ``"room-full"``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
