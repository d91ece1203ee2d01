import json
from types import SimpleNamespace

import pytest

from rtcpeer.signaling.codec import (
    BadMessageError,
    Joined,
    candidate_init,
    decode,
    description_init,
    encode,
)
from rtcpeer.signaling.events import (
    ByeReceived,
    CandidateReceived,
    DescriptionReceived,
    Peer,
    PeerJoined,
    PeerLeft,
    SignalingError,
)

ADA = Peer("a", "Ada", polite=True)
PEERS = {"a": ADA}
INIT = {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": None}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"type": "joined", "id": "x", "room": "r", "peers": [{"id": "a", "name": "Ada", "polite": True}]},
            Joined("x", "r", (ADA,)),
        ),
        ({"type": "peer-joined", "peer": {"id": "a", "name": "Ada", "polite": True}}, PeerJoined(ADA)),
        ({"type": "peer-left", "id": "a", "reason": "left"}, PeerLeft(ADA, "left")),
        (
            {"type": "description", "from": "a", "description": {"type": "offer", "sdp": "v=0"}},
            DescriptionReceived(ADA, {"type": "offer", "sdp": "v=0"}),
        ),
        ({"type": "candidate", "from": "a", "candidate": INIT | {"x": 1}}, CandidateReceived(ADA, INIT)),
        ({"type": "candidate", "from": "a", "candidate": None}, CandidateReceived(ADA, None)),
        ({"type": "bye", "from": "a"}, ByeReceived(ADA, "")),
        ({"type": "bye", "from": "a", "reason": "done"}, ByeReceived(ADA, "done")),
        (
            {"type": "error", "code": "c", "message": "m", "request": {"type": "bye", "to": "b"}},
            SignalingError("c", "m", "bye", "b"),
        ),
        ({"type": "error", "code": "c", "message": "m", "request": None}, SignalingError("c", "m")),
        ({"type": "of a later version"}, None),
    ],
)
def test_decodes(message: object, expected: object) -> None:
    assert decode(json.dumps(message), PEERS) == expected


@pytest.mark.parametrize(
    "message",
    [
        {},
        [],
        None,
        {"type": 1},
        {"type": "joined"},
        {"type": "joined", "id": "x", "room": "r", "peers": {}},
        {"type": "peer-joined", "peer": {"id": "a", "name": "Ada", "polite": 1}},
        {"type": "peer-left", "id": "nobody", "reason": "left"},
        {"type": "candidate", "from": "a", "candidate": 7},
        {"type": "candidate", "from": "a", "candidate": {}},
        {"type": "description", "from": "nobody", "description": {"type": "offer", "sdp": "v=0"}},
    ],
)
def test_what_is_not_in_the_protocol(message: object) -> None:
    with pytest.raises(BadMessageError):
        decode(json.dumps(message), PEERS)


def test_objects_and_dicts_are_taken() -> None:
    description = SimpleNamespace(type="offer", sdp="v=0")
    assert description_init(description) == description_init({"type": "offer", "sdp": "v=0", "more": 1})
    assert candidate_init(SimpleNamespace(toJSON=lambda: dict(INIT))) == candidate_init(INIT) == INIT
    assert candidate_init(None) is None


@pytest.mark.parametrize("thing", [{}, {"candidate": None}, "candidate:1", 7, SimpleNamespace(toJSON=dict)])
def test_no_candidate(thing: object) -> None:
    with pytest.raises(TypeError, match="a candidate is"):
        candidate_init(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize("thing", [None, {}, {"type": "offer"}, "v=0", SimpleNamespace(type=None, sdp="v=0")])
def test_no_description(thing: object) -> None:
    with pytest.raises(TypeError, match="a description has"):
        description_init(thing)  # type: ignore[arg-type]


def test_too_large_to_send() -> None:
    encode({"type": "x", "t": "ü" * 32_000})
    with pytest.raises(ValueError, match='"x" of 66'):
        encode({"type": "x", "t": "ü" * 33_000})
