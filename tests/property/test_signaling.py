import contextlib
import json
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from rtcpeer.signaling.codec import BadMessageError, decode
from rtcpeer.signaling.events import Peer
from signaling_server.messages import (
    Bye,
    ClientMessage,
    Error,
    Join,
    Joined,
    Leave,
    LeaveReason,
    PeerJoined,
    PeerLeft,
    RefusedError,
    encode,
    parse,
    schema,
)
from signaling_server.rooms import Rooms, RoomsSettings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
TYPES = ["join", "leave", "description", "candidate", "bye", "joined", "peer-joined", "peer-left", "error"]
FIELDS = ["type", "room", "name", "to", "from", "id", "peer", "peers", "description", "candidate", "sdp", "sdpMid"]
FIELDS += ["sdpMLineIndex", "reason", "code", "message", "request"]
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)
NEARLY = st.builds(
    lambda kind, rest: rest | {"type": kind},
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(FIELDS), JSON | OBJECTS | st.lists(OBJECTS, max_size=2), max_size=6),
)
SERVER = Draft202012Validator({"$ref": "#/$defs/server-message", "$defs": schema()["$defs"]})
PEERS = {"a": Peer("a", "Ada", polite=True)}
OFFER = json.dumps({"type": "description", "to": "a", "description": {"type": "offer", "sdp": "v=0\r\n"}})


@settings(max_examples=200)
@given(st.text() | JSON.map(json.dumps) | NEARLY.map(json.dumps))
def test_server_raises_nothing_but_its_refusal(text: str) -> None:
    try:
        parse(text)
    except RefusedError as refusal:
        encoded = encode(Error(refusal.code, refusal.text, refusal.request))
        encoded.encode()
        SERVER.validate(json.loads(encoded))


@settings(max_examples=200)
@given(st.text() | JSON.map(json.dumps) | NEARLY.map(json.dumps))
def test_client_raises_nothing_but_bad_message(text: str) -> None:
    with contextlib.suppress(BadMessageError):
        decode(text, PEERS)


def test_truncated_message_is_refused_at_every_length() -> None:
    for length in range(len(OFFER)):
        try:
            parse(OFFER[:length])
        except RefusedError:
            continue
        raise AssertionError(OFFER[:length])


STEPS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["join", "leave", "bye", "gone"]),
        st.sampled_from(["red", "blue", "green"]),
        st.integers(0, 12),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(STEPS)
def test_everybody_knows_who_is_in_the_room(steps: list[tuple[int, str, str, int]]) -> None:
    """Each client, believing only what it is told, knows exactly the others of its room; of two, one is polite."""
    numbers = count(1)
    rooms = Rooms(RoomsSettings(room_capacity=3, max_rooms=2), lambda: str(next(numbers)))
    inside: dict[int, str] = {}
    ids: dict[int, str] = {}
    views: dict[int, dict[str, bool]] = {}
    for client, action, room, target in steps:
        message: ClientMessage = {"join": Join(room), "leave": Leave(), "bye": Bye(str(target))}.get(action, Leave())
        deliveries = rooms.remove(client, LeaveReason.TIMEOUT) if action == "gone" else rooms.handle(client, message)
        refused = any(isinstance(delivery.message, Error) for delivery in deliveries)
        assert not refused or [delivery.client for delivery in deliveries] == [client]
        if action in {"leave", "gone"} and not refused:
            inside.pop(client, None)
            views.pop(client, None)
        for receiver, told in deliveries:
            match told:
                case Joined(own_id, joined_room, peers):
                    assert receiver == client
                    ids[client] = own_id
                    inside[client] = joined_room
                    views[client] = {peer.id: peer.polite for peer in peers}
                case PeerJoined(peer):
                    views[receiver][peer.id] = peer.polite
                case PeerLeft(peer_id):
                    del views[receiver][peer_id]
                case _:
                    assert receiver in inside or isinstance(told, Error)
        for one, its_room in inside.items():
            others = [other for other in inside if other != one and inside[other] == its_room]
            assert set(views[one]) == {ids[other] for other in others}
            assert len(others) < 3
            for other in others:
                assert views[one][ids[other]] is not views[other][ids[one]]
        assert rooms.statistics().peers == len(inside)
        assert rooms.statistics().rooms == len(set(inside.values())) <= 2
