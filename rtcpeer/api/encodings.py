"""The encodings of a sender: what `addTransceiver` and `setParameters` take, checked (W3C webrtc-pc section 5.1)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtcpeer.api.rtp_parameters import RTCRtpEncodingParameters, from_dictionary
from rtcpeer.core import Entropy
from rtcpeer.media.codec_contract import EncodingTarget
from rtcpeer.rtp.parameters import EncodingParameters, Kind

__all__ = ["PRIORITIES", "check_encodings", "initial_encodings", "new_streams", "target"]

MAX_ENCODINGS = 8

# RFC 8835 section 4.1: each level has twice the share of the one below.
PRIORITIES = {"very-low": 0.5, "low": 1.0, "medium": 2.0, "high": 4.0}

_RID = re.compile(r"[A-Za-z0-9]{1,16}")  # RFC 8852 section 3.3, no longer than a one-byte extension holds


def initial_encodings(
    kind: Kind, given: Sequence[RTCRtpEncodingParameters | Mapping[str, Any]]
) -> list[RTCRtpEncodingParameters]:
    """Those of a new sender; without any there is one.

    Raises:
        TypeError: rids are missing, malformed or the same.
        ValueError: a limit is out of range.
    """
    encodings = [replace(from_dictionary(RTCRtpEncodingParameters, one)) for one in given][:MAX_ENCODINGS]
    encodings = encodings or [RTCRtpEncodingParameters()]
    _check_rids(encodings)
    if len(encodings) == 1:
        encodings[0].rid = None  # nothing to tell it from
    if kind == "video" and all(one.scaleResolutionDownBy is None for one in encodings):
        for index, one in enumerate(reversed(encodings)):
            one.scaleResolutionDownBy = 2.0**index
    check_encodings(kind, encodings)
    return encodings


def check_encodings(kind: Kind, encodings: Sequence[RTCRtpEncodingParameters]) -> None:
    """Complete what was left out, and refuse what is out of range (ValueError; JavaScript's RangeError)."""
    for one in encodings:
        if kind == "audio":
            one.scaleResolutionDownBy = one.maxFramerate = None
            continue
        if one.scaleResolutionDownBy is None:
            one.scaleResolutionDownBy = 1.0
        if one.scaleResolutionDownBy < 1:
            raise ValueError(f"scaleResolutionDownBy is 1 or more, not {one.scaleResolutionDownBy}")
        if one.maxFramerate is not None and one.maxFramerate < 0:
            raise ValueError(f"maxFramerate is not negative, as {one.maxFramerate} is")
    for one in encodings:
        if one.maxBitrate is not None and one.maxBitrate <= 0:
            raise ValueError(f"maxBitrate is positive, not {one.maxBitrate}")
        if one.priority not in PRIORITIES:
            raise TypeError(f"priority is one of {', '.join(PRIORITIES)}, not {one.priority!r}")


def new_streams(
    kind: Kind, encodings: Sequence[RTCRtpEncodingParameters], entropy: Entropy
) -> tuple[EncodingParameters, ...]:
    """SSRCs for the encodings (RFC 3550 section 8.1), and for the repair of video."""
    return tuple(
        EncodingParameters(_ssrc(entropy), _ssrc(entropy) if kind == "video" else None, one.rid) for one in encodings
    )


def target(
    encoding: RTCRtpEncodingParameters, rid: str | None, *, is_active: bool, packet_time_ms: int | None = None
) -> EncodingTarget:
    """What the encoder is to make of the track."""
    return EncodingTarget(
        rid,
        encoding.active and is_active,
        encoding.maxBitrate,
        encoding.maxFramerate,
        encoding.scaleResolutionDownBy or 1.0,
        packet_time_ms,
    )


def _check_rids(encodings: Sequence[RTCRtpEncodingParameters]) -> None:
    rids = [one.rid for one in encodings if one.rid is not None]
    if len(rids) != len(encodings) and (rids or len(encodings) > 1):
        raise TypeError("where there are several encodings, each needs a rid")
    for rid in rids:
        if not _RID.fullmatch(rid):
            raise TypeError(f"a rid has 1 to 16 letters and digits, unlike {rid!r}")
    if len(set(rids)) != len(rids):
        raise TypeError("two encodings have the same rid")


def _ssrc(entropy: Entropy) -> int:
    return int.from_bytes(entropy(4), "big") or 1
