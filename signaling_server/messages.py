"""The messages of docs/signaling.md: parsed from JSON, checked against schema.json, and encoded.

A message that is wrong raises `RefusedError`, which becomes the ``error`` message its sender gets.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

_TYPES = ("join", "leave", "description", "candidate", "bye")

# What one message may measure, in bytes of UTF-8.
MAX_MESSAGE_SIZE = 64 * 1024

DEFAULT_NAME = "guest"

Json = dict[str, object]


class ErrorCode(StrEnum):
    """Why a message was refused."""

    MALFORMED_JSON = "malformed-json"
    NOT_TEXT = "not-text"
    MESSAGE_TOO_LARGE = "message-too-large"
    UNKNOWN_TYPE = "unknown-type"
    INVALID_MESSAGE = "invalid-message"
    NOT_JOINED = "not-joined"
    ALREADY_JOINED = "already-joined"
    ROOM_FULL = "room-full"
    TOO_MANY_ROOMS = "too-many-rooms"
    UNKNOWN_PEER = "unknown-peer"


class LeaveReason(StrEnum):
    """Why a peer is no longer in its room."""

    LEFT = "left"
    DISCONNECTED = "disconnected"
    TIMEOUT = "timeout"
    TOO_SLOW = "too-slow"


class Request(NamedTuple):
    """What an error is about: as much of the refused message as could be read."""

    type: str
    to: str | None = None


class RefusedError(Exception):
    """A message breaks the protocol or can not be served now; `text` is a sentence for whoever sent it."""

    def __init__(self, code: ErrorCode, text: str, request: Request | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.request = request


@dataclass(frozen=True, slots=True)
class Join:
    """Enter a room."""

    room: str
    name: str = DEFAULT_NAME


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the room and stay connected."""


class Description(NamedTuple):
    """A session description for the peer `to`; `content` is {type, sdp}."""

    to: str
    content: Json


class Candidate(NamedTuple):
    """A candidate for the peer `to`; `content` is an RTCIceCandidateInit, or None after the last one."""

    to: str
    content: Json | None


class Bye(NamedTuple):
    """The sender has closed its peer connection to the peer `to`."""

    to: str
    reason: str | None = None


ClientMessage = Join | Leave | Description | Candidate | Bye


class PeerInfo(NamedTuple):
    """A peer as another one is told of it; `polite` is about the one who is told."""

    id: str
    name: str
    polite: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """Answers a join."""

    id: str
    room: str
    peers: tuple[PeerInfo, ...]


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """Another peer came into the room."""

    peer: PeerInfo


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """Another peer went."""

    id: str
    reason: LeaveReason


class DescriptionFrom(NamedTuple):
    """A description, relayed."""

    sender: str
    content: Json


class CandidateFrom(NamedTuple):
    """A candidate, relayed."""

    sender: str
    content: Json | None


class ByeFrom(NamedTuple):
    """A bye, relayed."""

    sender: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Error:
    """A message was refused."""

    code: ErrorCode
    text: str
    request: Request | None = None


ServerMessage = Joined | PeerJoined | PeerLeft | DescriptionFrom | CandidateFrom | ByeFrom | Error


def parse(text: str) -> ClientMessage:
    """The message in a WebSocket text frame; raises `RefusedError` and nothing else."""
    message = _load(text)
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise RefusedError(ErrorCode.UNKNOWN_TYPE, _unknown_type(message), _request(message))
    error = best_match(_validators()[kind].iter_errors(message))
    if error is not None:
        raise RefusedError(ErrorCode.INVALID_MESSAGE, f"{kind}: {_explain(error)}", _request(message))
    return _build(kind, message)


def encode(message: ServerMessage) -> str:
    """The text of a message to a client."""
    text = json.dumps(_as_json(message), ensure_ascii=False, separators=(",", ":"))
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON can spell half a surrogate pair ("\\ud800") and UTF-8 can not, so it travels on as it came: escaped.
        return json.dumps(_as_json(message), separators=(",", ":"))
    return text


@cache
def schema() -> Json:
    """The JSON Schema of all messages."""
    document: Json = json.loads(resources.files(__package__).joinpath("schema.json").read_text("utf-8"))
    return document


@cache
def _validators() -> dict[str, Draft202012Validator]:
    # One for each type: quicker than the oneOf of them all, and its error is about the right message.
    definitions = schema()["$defs"]
    return {name: Draft202012Validator({"$ref": f"#/$defs/client-{name}", "$defs": definitions}) for name in _TYPES}


def _load(text: str) -> Json:
    try:
        message = json.loads(text, parse_constant=_refuse_constant)
    # ValueError is bad JSON, and also an integer of more digits than Python converts.
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "too deep, or a number no browser would send"
        raise RefusedError(ErrorCode.MALFORMED_JSON, f"This is not JSON: {reason}.") from None
    if not isinstance(message, dict):
        raise RefusedError(ErrorCode.MALFORMED_JSON, 'A message is a JSON object, such as {"type": "leave"}.')
    return message


def _refuse_constant(name: str) -> NoReturn:
    # Python would read NaN and Infinity; JSON has neither, and a browser stumbles over them.
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _build(kind: str, message: Json) -> ClientMessage:
    match message:
        case {"type": "join", "room": str(room), **rest}:
            return Join(room, str(rest.get("name", DEFAULT_NAME)))
        case {"type": "description", "to": str(to), "description": dict(content)}:
            return Description(to, {"type": content["type"], "sdp": content["sdp"]})
        case {"type": "candidate", "to": str(to), "candidate": None}:
            return Candidate(to, None)
        case {"type": "candidate", "to": str(to), "candidate": dict(content)}:
            return Candidate(to, _candidate(content))
        case {"type": "bye", "to": str(to), **rest}:
            reason = rest.get("reason")
            return Bye(to, None if reason is None else str(reason))
        case _:
            assert kind == "leave", kind
            return Leave()


_CANDIDATE_FIELDS = ("candidate", "sdpMid", "sdpMLineIndex", "usernameFragment")


def _candidate(content: Json) -> Json:
    known: Json = {name: content[name] for name in _CANDIDATE_FIELDS if name in content}
    index = known.get("sdpMLineIndex")
    if isinstance(index, float):
        # To JSON Schema 1.0 is an integer.
        known["sdpMLineIndex"] = int(index)
    return known


def _as_json(message: ServerMessage) -> Json:
    match message:
        case DescriptionFrom(sender, content):
            return {"type": "description", "from": sender, "description": content}
        case CandidateFrom(sender, content):
            return {"type": "candidate", "from": sender, "candidate": content}
        case ByeFrom(sender, None):
            return {"type": "bye", "from": sender}
        case ByeFrom(sender, reason):
            return {"type": "bye", "from": sender, "reason": reason}
        case Joined(own_id, room, peers):
            return {"type": "joined", "id": own_id, "room": room, "peers": [peer._asdict() for peer in peers]}
        case PeerJoined(peer):
            return {"type": "peer-joined", "peer": peer._asdict()}
        case PeerLeft(peer_id, reason):
            return {"type": "peer-left", "id": peer_id, "reason": reason}
        case Error(code, text, request):
            return {"type": "error", "code": code, "message": text, "request": request and _request_as_json(request)}


def _request_as_json(request: Request) -> Json:
    about: Json = {"type": request.type}
    if request.to is not None:
        about["to"] = request.to
    return about


def _request(message: Json) -> Request | None:
    kind, to = message.get("type"), message.get("to")
    if not isinstance(kind, str) or len(kind) > 64:
        return None
    return Request(kind, to if isinstance(to, str) and 1 <= len(to) <= 64 else None)


def _unknown_type(message: Json) -> str:
    expected = f"known are {', '.join(_TYPES)}"
    if "type" not in message:
        return f'The message has no "type"; {expected}.'
    kind = message["type"]
    if not isinstance(kind, str):
        return f'"type" must be a string; {expected}.'
    return f"There is no message of type {json.dumps(kind[:64])}; {expected}."


def _explain(error: ValidationError) -> str:
    """What the schema objects to, without repeating what may be 64 KiB."""
    field = ".".join(str(part) for part in error.absolute_path) or "the message"
    limit = error.validator_value
    match error.validator:
        case "required":
            assert isinstance(error.instance, dict)
            assert isinstance(limit, list)
            missing = next(name for name in limit if name not in error.instance)
            return f'"{missing}" is missing in {field}.'
        case "type":
            names = limit if isinstance(limit, list) else [limit]
            return f"{field} must be {' or '.join(_ARTICLES[str(name)] for name in names)}."
        case "enum":
            assert isinstance(limit, list)
            return f"{field} must be one of {', '.join(map(str, limit))}."
        case "minLength":
            return f"{field} must not be empty."
        case "maxLength":
            return f"{field} must have at most {limit} characters."
        case "minimum" | "maximum":
            return f"{field} must be between 0 and 65535."
        case "not":
            return f"{field} must not begin or end with white space, nor contain control characters."
        case _:
            return f"{field} is not as the schema wants it ({error.validator})."


_ARTICLES = {"object": "an object", "null": "null", "string": "a string", "integer": "an integer"}
