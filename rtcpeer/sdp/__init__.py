"""Session descriptions (RFC 8866) with what WebRTC adds: a model, its text form both ways, typed readers.

- `model`: the values; `parse.parse` and `serialize.serialize`: to and from text.
- `transport`: ICE, DTLS, SCTP and BUNDLE attributes. `media`: codecs, streams and header extensions.
"""

import importlib
from typing import Any

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


def __getattr__(name: str) -> Any:
    """The two helpers that programs written for aiortc import from here.

    They are about an object of the api layer, which this package must not import: so they are found when asked for.
    """
    if name in {"candidate_from_sdp", "candidate_to_sdp"}:
        return getattr(importlib.import_module("rtcpeer.api.ice_candidate"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
