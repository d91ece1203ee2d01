"""Signalling without a server by the path that programs written for aiortc import it from."""

from rtcpeer.signaling.direct import (
    BYE,
    BaseSignaling,
    CopyAndPasteSignaling,
    SignalingBye,
    TcpSocketSignaling,
    UnixSocketSignaling,
    add_signaling_arguments,
    create_signaling,
    object_from_string,
    object_to_string,
)

__all__ = [
    "BYE",
    "BaseSignaling",
    "CopyAndPasteSignaling",
    "SignalingBye",
    "TcpSocketSignaling",
    "UnixSocketSignaling",
    "add_signaling_arguments",
    "create_signaling",
    "object_from_string",
    "object_to_string",
]
