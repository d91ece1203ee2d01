"""How many round trips the opening takes when both sides call `connect` as their DTLS handshake ends."""

import heapq
import random

import pytest

from rtcpeer.sctp import Association, SctpSettings
from rtcpeer.sctp.events import AssociationEstablished, MessageReceived, PeerAnswered, SctpEvent

SERVER, CLIENT = 0, 1


def timeline(connect_at: tuple[float, float], *, answer_with: bytes = b"") -> list[tuple[float, int, SctpEvent]]:
    """Events in round trips; each side sends a message as soon as it hears that it may."""
    generator = random.Random(1)
    ends = [Association(SctpSettings(), generator.randbytes) for _ in connect_at]
    flying: list[tuple[float, int, int, bytes]] = []
    events = []
    started: set[int] = set()
    has_sent: set[int] = set()
    serial = 0
    for step in range(9):
        now = step / 2
        while flying and flying[0][0] <= now:
            _, _, side, packet = heapq.heappop(flying)
            ends[side].receive(packet, now)
        for side, end in enumerate(ends):
            if now >= connect_at[side] and side not in started:
                started.add(side)
                end.connect()
            for event in end.poll_events():
                events.append((now, side, event))
                if isinstance(event, PeerAnswered | AssociationEstablished) and side not in has_sent:
                    has_sent.add(side)
                    end.send(0, 51, b"at once" + answer_with)
            for packet in end.packets_to_send(now):
                serial += 1
                heapq.heappush(flying, (now + 0.5, serial, 1 - side, packet))
    return events


def first(events: list[tuple[float, int, SctpEvent]], side: int, kind: type) -> float:
    return next(when for when, who, event in events if who == side and isinstance(event, kind))


def test_the_dtls_server_may_send_after_one_round_trip() -> None:
    events = timeline((0.0, 0.5))
    assert first(events, SERVER, PeerAnswered) == 1.0
    assert first(events, SERVER, AssociationEstablished) == 2.0
    assert first(events, CLIENT, AssociationEstablished) == 1.5
    # What the server sent upon PeerAnswered rode with its COOKIE ECHO; what the client sent came with COOKIE ACK.
    assert first(events, CLIENT, MessageReceived) == 1.5
    assert first(events, SERVER, MessageReceived) == 2.0


def test_both_at_once() -> None:
    events = timeline((0.0, 0.0))
    for side in (SERVER, CLIENT):
        assert first(events, side, PeerAnswered) == 1.0
        assert first(events, side, AssociationEstablished) == 1.5
        assert first(events, side, MessageReceived) == 1.5


def test_only_a_packets_worth_goes_before_the_cookie_is_acknowledged() -> None:
    """RFC 9260 section 5.1 C: no other packet until the COOKIE ACK."""
    events = timeline((0.0, 99.0), answer_with=bytes(5000))
    assert first(events, SERVER, PeerAnswered) == 1.0
    assert first(events, SERVER, AssociationEstablished) == 2.0
    assert first(events, CLIENT, MessageReceived) == 2.5


def test_an_answering_side_hears_of_the_association_only() -> None:
    events = timeline((0.0, 99.0))
    assert not [event for _, side, event in events if side == CLIENT and isinstance(event, PeerAnswered)]
    assert first(events, CLIENT, AssociationEstablished) == 1.5


@pytest.mark.parametrize("side", [SERVER, CLIENT])
def test_each_side_is_established_once(side: int) -> None:
    events = timeline((0.0, 0.5))
    assert sum(isinstance(event, AssociationEstablished) for _, who, event in events if who == side) == 1
