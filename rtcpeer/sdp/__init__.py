"""Session descriptions (RFC 8866) with what WebRTC adds: a model, its text form both ways, typed readers.

- `model`: the values; `parse.parse` and `serialize.serialize`: to and from text.
- `transport`: ICE, DTLS, SCTP and BUNDLE attributes. `media`: codecs, streams and header extensions.
"""

from rtcpeer.sdp.model import Attribute, Attributes, Connection, MediaSection, Origin, SessionDescription, Timing
from rtcpeer.sdp.parse import parse
from rtcpeer.sdp.serialize import serialize

__all__ = [
    "Attribute",
    "Attributes",
    "Connection",
    "MediaSection",
    "Origin",
    "SessionDescription",
    "Timing",
    "parse",
    "serialize",
]
