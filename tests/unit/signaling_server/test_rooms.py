from itertools import count

import pytest

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
    Request,
)
from signaling_server.rooms import Delivery, Rooms, RoomsSettings, RoomsStatistics

OFFER = {"type": "offer", "sdp": "v=0"}


@pytest.fixture
def rooms() -> Rooms:
    numbers = count(1)
    return Rooms(RoomsSettings(room_capacity=3, max_rooms=2), lambda: f"p{next(numbers)}")


def refused(deliveries: list[Delivery], client: int) -> Error:
    (delivery,) = deliveries
    assert delivery.client == client
    assert isinstance(delivery.message, Error)
    return delivery.message


def test_later_one_is_polite(rooms: Rooms) -> None:
    assert rooms.handle(10, Join("lobby", "Ada")) == [Delivery(10, Joined("p1", "lobby", ()))]
    assert rooms.handle(11, Join("lobby", "Bob")) == [
        Delivery(11, Joined("p2", "lobby", (PeerInfo("p1", "Ada", polite=True),))),
        Delivery(10, PeerJoined(PeerInfo("p2", "Bob", polite=False))),
    ]
    assert rooms.handle(12, Join("lobby", "Ada"))[0] == Delivery(
        12, Joined("p3", "lobby", (PeerInfo("p1", "Ada", polite=True), PeerInfo("p2", "Bob", polite=True)))
    )


def test_relays_to_one_peer_only(rooms: Rooms) -> None:
    for client in (10, 11, 12):
        rooms.handle(client, Join("lobby"))
    assert rooms.handle(10, Description("p2", dict(OFFER))) == [Delivery(11, DescriptionFrom("p1", OFFER))]
    assert rooms.handle(12, Candidate("p1", None)) == [Delivery(10, CandidateFrom("p3", None))]
    assert rooms.handle(11, Bye("p3", "x")) == [Delivery(12, ByeFrom("p2", "x"))]
    assert rooms.statistics() == RoomsStatistics(rooms=1, peers=3, relayed=3)


def test_peer_in_another_room_is_unknown(rooms: Rooms) -> None:
    rooms.handle(10, Join("one"))
    rooms.handle(11, Join("two"))
    error = refused(rooms.handle(10, Description("p2", dict(OFFER))), 10)
    assert error.code is ErrorCode.UNKNOWN_PEER
    assert error.text == 'There is no peer "p2" in room "one"; it may have left.'
    assert error.request == Request("description", "p2")
    assert rooms.statistics().relayed == 0


def test_own_id_is_unknown(rooms: Rooms) -> None:
    rooms.handle(10, Join("one"))
    assert refused(rooms.handle(10, Bye("p1")), 10).code is ErrorCode.UNKNOWN_PEER


@pytest.mark.parametrize("message", [Leave(), Bye("x"), Candidate("x", None), Description("x", {})])
def test_needs_a_room(rooms: Rooms, message: Leave | Bye | Candidate | Description) -> None:
    assert refused(rooms.handle(10, message), 10).code is ErrorCode.NOT_JOINED


def test_joins_once_until_it_leaves(rooms: Rooms) -> None:
    rooms.handle(10, Join("one"))
    error = refused(rooms.handle(10, Join("two")), 10)
    assert error.code is ErrorCode.ALREADY_JOINED
    assert error.request == Request("join")
    assert rooms.handle(10, Leave()) == []
    assert rooms.handle(10, Join("two")) == [Delivery(10, Joined("p2", "two", ()))]
    assert rooms.statistics().rooms == 1


def test_full_room_and_full_server(rooms: Rooms) -> None:
    for client in (10, 11, 12):
        rooms.handle(client, Join("one"))
    assert refused(rooms.handle(13, Join("one")), 13).code is ErrorCode.ROOM_FULL
    rooms.handle(13, Join("two"))
    assert refused(rooms.handle(14, Join("three")), 14).code is ErrorCode.TOO_MANY_ROOMS
    rooms.remove(11, LeaveReason.TIMEOUT)
    assert rooms.handle(14, Join("one"))[0].client == 14


def test_others_hear_who_left_and_why(rooms: Rooms) -> None:
    for client in (10, 11, 12):
        rooms.handle(client, Join("one"))
    assert rooms.remove(11, LeaveReason.TIMEOUT) == [
        Delivery(10, PeerLeft("p2", LeaveReason.TIMEOUT)),
        Delivery(12, PeerLeft("p2", LeaveReason.TIMEOUT)),
    ]
    assert rooms.remove(11, LeaveReason.DISCONNECTED) == []
    assert rooms.handle(10, Leave()) == [Delivery(12, PeerLeft("p1", LeaveReason.LEFT))]
    assert rooms.remove(12, LeaveReason.DISCONNECTED) == []
    assert rooms.statistics() == RoomsStatistics(rooms=0, peers=0, relayed=0)


def test_id_in_use_is_not_given_again() -> None:
    ids = iter(["same", "same", "other"])
    rooms = Rooms(RoomsSettings(), lambda: next(ids))
    rooms.handle(10, Join("one"))
    joined = rooms.handle(11, Join("one"))[0].message
    assert isinstance(joined, Joined)
    assert joined.id == "other"


@pytest.mark.parametrize(
    ("settings", "name"), [({"room_capacity": 1}, "room_capacity"), ({"max_rooms": 0}, "max_rooms")]
)
def test_settings_name_what_is_wrong(settings: dict[str, int], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        RoomsSettings(**settings)
