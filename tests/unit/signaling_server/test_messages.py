import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from signaling_server.messages import (
    Bye,
    ByeFrom,
    Candidate,
    CandidateFrom,
    Description,
    DescriptionFrom,
    Error,
    ErrorCode,
    Join,
    Joined,
    Leave,
    LeaveReason,
    PeerInfo,
    PeerJoined,
    PeerLeft,
    RefusedError,
    Request,
    encode,
    parse,
    schema,
)

CANDIDATE = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}

SERVER_MESSAGES = [
    (Joined("a", "r", (PeerInfo("b", "Bob", polite=True),)), "joined"),
    (PeerJoined(PeerInfo("a", "Ada", polite=False)), "peer-joined"),
    (PeerLeft("a", LeaveReason.TOO_SLOW), "peer-left"),
    (DescriptionFrom("a", {"type": "offer", "sdp": "v=0\r\n"}), "description"),
    (CandidateFrom("a", dict(CANDIDATE)), "candidate"),
    (CandidateFrom("a", None), "candidate"),
    (ByeFrom("a", None), "bye"),
    (ByeFrom("a", "done"), "bye"),
    *((Error(code, "text", Request("join")), "error") for code in ErrorCode),
    (Error(ErrorCode.UNKNOWN_PEER, "text", Request("bye", "x")), "error"),
    (Error(ErrorCode.MALFORMED_JSON, "text"), "error"),
]


def refusal(message: object) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        parse(message if isinstance(message, str) else json.dumps(message))
    return caught.value


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "join", "room": "lobby", "name": "Ada"}, Join("lobby", "Ada")),
        ({"type": "join", "room": "Küche 7 👩‍🚀"}, Join("Küche 7 👩‍🚀", "guest")),
        ({"type": "join", "room": "r" * 64}, Join("r" * 64)),
        ({"type": "leave", "later": "field"}, Leave()),
        ({"type": "bye", "to": "b"}, Bye("b")),
        ({"type": "bye", "to": "b", "reason": "x" * 200}, Bye("b", "x" * 200)),
        ({"type": "candidate", "to": "b", "candidate": None}, Candidate("b", None)),
        ({"type": "candidate", "to": "b", "candidate": {"candidate": ""}}, Candidate("b", {"candidate": ""})),
        (
            {"type": "candidate", "to": "b", "candidate": CANDIDATE | {"usernameFragment": None, "foo": 1}},
            Candidate("b", CANDIDATE | {"usernameFragment": None}),
        ),
        (
            {"type": "description", "to": "b", "description": {"type": "answer", "sdp": "v=0", "toString": "x"}},
            Description("b", {"type": "answer", "sdp": "v=0"}),
        ),
    ],
)
def test_parses(message: object, expected: object) -> None:
    assert parse(json.dumps(message)) == expected


def test_integer_written_as_float_is_relayed_as_integer() -> None:
    parsed = parse('{"type":"candidate","to":"b","candidate":{"candidate":"","sdpMLineIndex":1.0}}')
    assert isinstance(parsed, Candidate)
    assert '"sdpMLineIndex":1}' in encode(CandidateFrom("a", parsed.content))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"join"',
        "{'type': 'leave'}",
        '{"type": "leave"} x',
        '{"type": NaN}',
        '{"type": -Infinity}',
        "[" * 30_000,
        '{"a":' * 30_000,
        "9" * 20_000,
        "\x00",
    ],
)
def test_malformed_json(text: str) -> None:
    error = refusal(text)
    assert error.code is ErrorCode.MALFORMED_JSON
    assert error.request is None
    assert len(error.text) < 200


@pytest.mark.parametrize(
    "message", [{}, {"type": None}, {"type": 1}, {"type": ["join"]}, {"type": "joined"}, {"type": "x" * 60_000}]
)
def test_unknown_type(message: object) -> None:
    error = refusal(message)
    assert error.code is ErrorCode.UNKNOWN_TYPE
    assert len(error.text) < 250
    assert "known are join, leave, description, candidate, bye" in error.text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"type": "join"}, 'join: "room" is missing in the message.'),
        ({"type": "join", "room": 7}, "join: room must be a string."),
        ({"type": "join", "room": ""}, "join: room must not be empty."),
        ({"type": "join", "room": "r" * 65}, "join: room must have at most 64 characters."),
        ({"type": "description", "to": "b"}, 'description: "description" is missing in the message.'),
        ({"type": "description", "to": "b", "description": "v=0"}, "description: description must be an object."),
        (
            {"type": "description", "to": "b", "description": {"type": "rollback", "sdp": "v=0"}},
            "description: description.type must be one of offer, answer, pranswer.",
        ),
        (
            {"type": "description", "to": "b", "description": {"type": "offer"}},
            'description: "sdp" is missing in description.',
        ),
        (
            {"type": "description", "to": "b", "description": {"type": "offer", "sdp": ""}},
            "description: description.sdp must not be empty.",
        ),
        ({"type": "candidate", "to": "b"}, 'candidate: "candidate" is missing in the message.'),
        ({"type": "candidate", "to": "b", "candidate": 5}, "candidate: candidate must be an object or null."),
        ({"type": "candidate", "to": "b", "candidate": {}}, 'candidate: "candidate" is missing in candidate.'),
        (
            {"type": "candidate", "to": "b", "candidate": {"candidate": "", "sdpMLineIndex": 65536}},
            "candidate: candidate.sdpMLineIndex must be between 0 and 65535.",
        ),
        (
            {"type": "candidate", "to": "b", "candidate": {"candidate": "", "sdpMLineIndex": -1}},
            "candidate: candidate.sdpMLineIndex must be between 0 and 65535.",
        ),
        (
            {"type": "candidate", "to": "b", "candidate": {"candidate": "", "sdpMLineIndex": 0.5}},
            "candidate: candidate.sdpMLineIndex must be an integer or null.",
        ),
        ({"type": "bye", "to": "b", "reason": "x" * 201}, "bye: reason must have at most 200 characters."),
        ({"type": "bye", "to": ""}, "bye: to must not be empty."),
    ],
)
def test_invalid_message_names_the_field(message: dict[str, object], text: str) -> None:
    error = refusal(message)
    assert error.code is ErrorCode.INVALID_MESSAGE
    assert error.text == text
    assert error.request == Request(str(message["type"]), "b" if message.get("to") == "b" else None)


@pytest.mark.parametrize(
    "name", [" a", "a ", "a\n", "\ta", "a\u0000b", "a\u202eb", "a\u2028b", "\ud800", "a\u007f", "\u00a0a", "a\u2066"]
)
@pytest.mark.parametrize("field", ["room", "name"])
def test_label_that_could_mislead_is_refused(field: str, name: str) -> None:
    error = refusal({"type": "join", "room": "lobby"} | {field: name})
    assert error.code is ErrorCode.INVALID_MESSAGE
    assert error.text.startswith(f"join: {field} must not")


def test_half_a_surrogate_pair_travels_escaped() -> None:
    parsed = parse('{"type":"bye","to":"b","reason":"\\ud800"}')
    assert isinstance(parsed, Bye)
    text = encode(ByeFrom("a", parsed.reason))
    assert text.encode() == b'{"type":"bye","from":"a","reason":"\\ud800"}'


def test_other_text_travels_as_utf_8() -> None:
    assert encode(ByeFrom("a", "tschüß")) == '{"type":"bye","from":"a","reason":"tschüß"}'


@pytest.mark.parametrize(("message", "kind"), SERVER_MESSAGES)
def test_what_the_server_sends_is_in_the_schema(message: object, kind: str) -> None:
    encoded = json.loads(encode(message))  # type: ignore[arg-type]
    assert encoded["type"] == kind
    Draft202012Validator({"$ref": "#/$defs/server-message", "$defs": schema()["$defs"]}).validate(encoded)


def test_error_tells_what_it_answers() -> None:
    encoded = json.loads(encode(Error(ErrorCode.UNKNOWN_PEER, "text", Request("bye", "x"))))
    assert encoded == {
        "type": "error",
        "code": "unknown-peer",
        "message": "text",
        "request": {"type": "bye", "to": "x"},
    }


def test_every_example_of_the_specification_is_in_the_schema() -> None:
    text = (Path(__file__).parents[3] / "docs" / "signaling.md").read_text("utf-8")
    examples = [
        json.loads(line) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    assert len(examples) >= 13
    for example in examples:
        Draft202012Validator(schema()).validate(example)


def test_specification_names_every_error_code() -> None:
    text = (Path(__file__).parents[3] / "docs" / "signaling.md").read_text("utf-8")
    assert [code for code in ErrorCode if f"| `{code}` |" not in text] == []
