"""Who is in which room, who is polite towards whom, and what goes to whom: the server without its sockets.

The caller names each connection by a number of its own (`ClientKey`), hands in what arrives from it, and sends on
what comes out. The ids that peers know one another by are made at every join, so an old one never reaches a newcomer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from signaling_server.messages import (
    Bye,
    ByeFrom,
    Candidate,
    CandidateFrom,
    ClientMessage,
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
    ServerMessage,
)

ClientKey = int


@dataclass(frozen=True, slots=True)
class RoomsSettings:
    """How much the server takes on."""

    room_capacity: int = 32
    max_rooms: int = 1000

    def __post_init__(self) -> None:
        if self.room_capacity < 2:
            msg = f"room_capacity must be at least 2, for two to meet, not {self.room_capacity}"
            raise ValueError(msg)
        if self.max_rooms < 1:
            msg = f"max_rooms must be at least 1, not {self.max_rooms}"
            raise ValueError(msg)


class Delivery(NamedTuple):
    """A message to send to one connection."""

    client: ClientKey
    message: ServerMessage


@dataclass(frozen=True, slots=True)
class RoomsStatistics:
    """How busy it is."""

    rooms: int
    peers: int
    relayed: int


@dataclass(slots=True, eq=False)
class _Room:
    name: str
    # In the order of joining, which is also the order of politeness: the later yields.
    members: "dict[str, _Member]" = field(default_factory=dict)


class _Member(NamedTuple):
    id: str
    name: str
    client: ClientKey
    room: _Room


class Rooms:
    """All rooms of one server. Deliveries are in the order in which they must be sent."""

    def __init__(self, settings: RoomsSettings, new_id: Callable[[], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        self._rooms: dict[str, _Room] = {}
        self._members: dict[ClientKey, _Member] = {}
        self._relayed = 0

    def handle(self, client: ClientKey, message: ClientMessage) -> list[Delivery]:
        """What a message from a connection leads to; a refusal is an error to that connection alone."""
        try:
            match message:
                case Join():
                    return self._join(client, message)
                case Leave():
                    self._member(client, Request("leave"))
                    return self.remove(client, LeaveReason.LEFT)
                case Description(to, content):
                    sender, receiver = self._route(client, Request("description", to))
                    return self._relay(receiver, DescriptionFrom(sender.id, content))
                case Candidate(to, candidate):
                    sender, receiver = self._route(client, Request("candidate", to))
                    return self._relay(receiver, CandidateFrom(sender.id, candidate))
                case Bye(to, reason):
                    sender, receiver = self._route(client, Request("bye", to))
                    return self._relay(receiver, ByeFrom(sender.id, reason))
        except RefusedError as refusal:
            return [Delivery(client, Error(refusal.code, refusal.text, refusal.request))]

    def remove(self, client: ClientKey, reason: LeaveReason) -> list[Delivery]:
        """Take a connection out of its room; harmless when it is in none."""
        member = self._members.pop(client, None)
        if member is None:
            return []
        room = member.room
        del room.members[member.id]
        if not room.members:
            del self._rooms[room.name]
        return [Delivery(other.client, PeerLeft(member.id, reason)) for other in room.members.values()]

    def statistics(self) -> RoomsStatistics:
        """A snapshot."""
        return RoomsStatistics(rooms=len(self._rooms), peers=len(self._members), relayed=self._relayed)

    def _join(self, client: ClientKey, join: Join) -> list[Delivery]:
        request = Request("join")
        current = self._members.get(client)
        if current is not None:
            text = f'You are in room "{current.room.name}" already; send "leave" first.'
            raise RefusedError(ErrorCode.ALREADY_JOINED, text, request)
        room = self._rooms.get(join.room)
        if room is None:
            if len(self._rooms) >= self._settings.max_rooms:
                text = f"The server has all the {self._settings.max_rooms} rooms it takes; try again later."
                raise RefusedError(ErrorCode.TOO_MANY_ROOMS, text, request)
            room = self._rooms[join.room] = _Room(join.room)
        elif len(room.members) >= self._settings.room_capacity:
            text = f'Room "{room.name}" is full: it takes {self._settings.room_capacity} peers.'
            raise RefusedError(ErrorCode.ROOM_FULL, text, request)
        return self._enter(client, join.name, room)

    def _enter(self, client: ClientKey, name: str, room: _Room) -> list[Delivery]:
        member_id = self._new_id()
        while member_id in room.members:
            member_id = self._new_id()
        others = list(room.members.values())
        member = _Member(member_id, name, client, room)
        room.members[member_id] = self._members[client] = member
        peers = tuple(PeerInfo(other.id, other.name, polite=True) for other in others)
        news = PeerJoined(PeerInfo(member.id, name, polite=False))
        return [
            Delivery(client, Joined(member.id, room.name, peers)),
            *(Delivery(other.client, news) for other in others),
        ]

    def _member(self, client: ClientKey, request: Request) -> _Member:
        member = self._members.get(client)
        if member is None:
            text = f'"{request.type}" needs a room; send "join" first.'
            raise RefusedError(ErrorCode.NOT_JOINED, text, request)
        return member

    def _route(self, client: ClientKey, request: Request) -> tuple[_Member, _Member]:
        sender = self._member(client, request)
        receiver = sender.room.members.get(request.to or "")
        if receiver is None:
            text = f'There is no peer "{request.to}" in room "{sender.room.name}"; it may have left.'
            raise RefusedError(ErrorCode.UNKNOWN_PEER, text, request)
        if receiver is sender:
            text = f'"{request.to}" is your own id; a message goes to another peer.'
            raise RefusedError(ErrorCode.UNKNOWN_PEER, text, request)
        return sender, receiver

    def _relay(self, receiver: _Member, message: ServerMessage) -> list[Delivery]:
        self._relayed += 1
        return [Delivery(receiver.client, message)]
