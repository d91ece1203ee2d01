"""The client's side of the messages of docs/signaling.md, as functions."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from rtcpeer.signaling.events import (
    ByeReceived,
    CandidateInit,
    CandidateReceived,
    DescriptionInit,
    DescriptionReceived,
    Peer,
    PeerJoined,
    PeerLeft,
    SignalingError,
    SignalingMessage,
)

# The server refuses what is larger, in bytes of UTF-8.
MAX_MESSAGE_SIZE = 64 * 1024


class DescriptionLike(Protocol):
    """An RTCSessionDescription, ours or anybody's."""

    @property
    def type(self) -> str:
        """Such as ``"offer"``."""

    @property
    def sdp(self) -> str:
        """The text."""


class CandidateLike(Protocol):
    """An RTCIceCandidate, ours or anybody's."""

    def toJSON(self) -> Mapping[str, object]:  # noqa: N802
        """The RTCIceCandidateInit."""


class BadMessageError(Exception):
    """The server sent what is not in docs/signaling.md: another version, or no signalling server at all."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to our join."""

    id: str
    room: str
    peers: tuple[Peer, ...]


def encode(message: Mapping[str, object]) -> str:
    """The text to send; raises `ValueError` when it is more than the server takes."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size > MAX_MESSAGE_SIZE:
        msg = f'a "{message["type"]}" of {size} bytes is more than the {MAX_MESSAGE_SIZE} a signalling server takes'
        raise ValueError(msg)
    return text


def description_init(description: DescriptionLike | Mapping[str, object]) -> DescriptionInit:
    """The dictionary of a description; raises `TypeError` for anything else."""
    if isinstance(description, Mapping):
        kind, sdp = description.get("type"), description.get("sdp")
    else:
        kind, sdp = getattr(description, "type", None), getattr(description, "sdp", None)
    if not isinstance(kind, str) or not isinstance(sdp, str):
        msg = f"a description has type and sdp, which {type(description).__name__} lacks"
        raise TypeError(msg)
    return {"type": str(kind), "sdp": sdp}


def candidate_init(candidate: CandidateLike | Mapping[str, object] | None) -> CandidateInit | None:
    """The dictionary of a candidate; raises `TypeError` for what is none."""
    if candidate is None:
        return None
    fields = candidate if isinstance(candidate, Mapping) else _as_json(candidate)
    if not isinstance(fields.get("candidate"), str):
        msg = f"a candidate is None, a dict with candidate, or has toJSON(), which {type(candidate).__name__} lacks"
        raise TypeError(msg)
    known = {name: fields[name] for name in CandidateInit.__annotations__ if name in fields}
    return cast("CandidateInit", known)


def decode(text: str, peers: Mapping[str, Peer]) -> Joined | SignalingMessage | None:
    """A message from the server, with the peers it is about.

    None for a type we do not know, as a newer server may send. Raises `BadMessageError` for what is no message.
    """
    try:
        message = _object(json.loads(text))
        read = _READERS.get(_string(message["type"]))
        return read(message, peers) if read is not None else None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        msg = f"{type(error).__name__}: {error}"
        raise BadMessageError(msg) from None


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        msg = f"an object was expected, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def _as_json(candidate: CandidateLike) -> Mapping[str, object]:
    try:
        return candidate.toJSON()
    except AttributeError:
        return {}


def _string(value: object) -> str:
    if not isinstance(value, str):
        msg = f"a string was expected, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        msg = f"true or false was expected, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def _peer(value: object) -> Peer:
    fields = _object(value)
    return Peer(_string(fields["id"]), _string(fields["name"]), _boolean(fields["polite"]))


def _joined(message: Mapping[str, object], _peers: Mapping[str, Peer]) -> Joined:
    members = message["peers"]
    if not isinstance(members, list):
        msg = "peers must be a list"
        raise TypeError(msg)
    return Joined(_string(message["id"]), _string(message["room"]), tuple(_peer(member) for member in members))


def _peer_joined(message: Mapping[str, object], _peers: Mapping[str, Peer]) -> PeerJoined:
    return PeerJoined(_peer(message["peer"]))


def _peer_left(message: Mapping[str, object], peers: Mapping[str, Peer]) -> PeerLeft:
    return PeerLeft(peers[_string(message["id"])], _string(message["reason"]))


def _description(message: Mapping[str, object], peers: Mapping[str, Peer]) -> DescriptionReceived:
    content = _object(message["description"])
    init: DescriptionInit = {"type": _string(content["type"]), "sdp": _string(content["sdp"])}
    return DescriptionReceived(peers[_string(message["from"])], init)


def _candidate(message: Mapping[str, object], peers: Mapping[str, Peer]) -> CandidateReceived:
    content = message["candidate"]
    init = None if content is None else candidate_init(_object(content))
    return CandidateReceived(peers[_string(message["from"])], init)


def _bye(message: Mapping[str, object], peers: Mapping[str, Peer]) -> ByeReceived:
    return ByeReceived(peers[_string(message["from"])], _string(message.get("reason") or ""))


def _error(message: Mapping[str, object], _peers: Mapping[str, Peer]) -> SignalingError:
    request = _object(message.get("request") or {})
    kind, to = request.get("type"), request.get("to")
    return SignalingError(
        _string(message["code"]),
        _string(message["message"]),
        None if kind is None else _string(kind),
        None if to is None else _string(to),
    )


_READERS: dict[str, Callable[[Mapping[str, object], Mapping[str, Peer]], Joined | SignalingMessage]] = {
    "joined": _joined,
    "peer-joined": _peer_joined,
    "peer-left": _peer_left,
    "description": _description,
    "candidate": _candidate,
    "bye": _bye,
    "error": _error,
}
