import random

from rtcpeer.sctp.chunks import ChunkType
from rtcpeer.sctp.endpoint import MAX_CONTROL_CHUNKS, MAX_READY_PACKETS, Endpoint
from rtcpeer.sctp.events import (
    AssociationClosed,
    AssociationEstablished,
    BufferedAmountLow,
    CloseReason,
    ErrorCause,
    MessageReceived,
    SctpEvent,
)
from rtcpeer.sctp.handshake import Capabilities
from rtcpeer.sctp.link import Terms
from rtcpeer.sctp.send_queue import Message
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.state import AssociationState


def endpoint() -> Endpoint:
    return Endpoint(SctpSettings(), random.Random(1).randbytes)


def terms(*, local_initial_tsn: int = 100) -> Terms:
    return Terms(
        peer_tag=7,
        local_initial_tsn=local_initial_tsn,
        peer_initial_tsn=1,
        peer_window=100_000,
        outbound_streams=10,
        inbound_streams=10,
        capabilities=Capabilities(True, True),
    )


def events_of(ours: Endpoint) -> list[SctpEvent]:
    events, ours.events = ours.events, []
    return events + (ours.link.receiver.release_events() if ours.link else [])


def test_answers_are_bounded_until_they_are_pulled() -> None:
    ours = endpoint()
    for _ in range(1000):
        ours.answer(b"chunk")
        ours.answer_with(b"packet")
    ours.control.clear()
    ours.answer(bytes(ours.room + 1))  # would fit no packet
    assert ours.control == []
    assert len(ours.ready) == MAX_READY_PACKETS
    for _ in range(1000):
        ours.answer(b"chunk")
    assert len(ours.control) == MAX_CONTROL_CHUNKS


def test_an_abort_is_told_even_when_the_answers_are_full() -> None:
    ours = endpoint()
    ours.adopt(terms())
    for _ in range(100):
        ours.answer_with(b"packet")
    ours.abort(CloseReason.OUT_OF_RESOURCE, ErrorCause(4, b""), "too much")
    (packet,) = ours.ready
    assert (packet[4:8], packet[12]) == (b"\0\0\0\7", ChunkType.ABORT)
    assert ours.is_ended
    assert events_of(ours) == [AssociationClosed(CloseReason.OUT_OF_RESOURCE, (ErrorCause(4, b""),), "too much")]


def test_events_keep_their_place_among_messages() -> None:
    ours = endpoint()
    ours.adopt(terms())
    ours.establish(0.0, is_restart=False)
    assert ours.link is not None
    ours.link.receiver.reassembly.complete(1, 0, 53, b"before", 0)
    ours.emit(BufferedAmountLow(1))
    ours.link.receiver.reassembly.complete(1, 1, 53, b"after", 0)
    assert events_of(ours) == [
        AssociationEstablished(10, 10),
        MessageReceived(1, 53, b"before"),
        BufferedAmountLow(1),
        MessageReceived(1, 53, b"after"),
    ]


def test_what_rode_with_a_cookie_rides_again_only_under_the_same_tsn() -> None:
    ours = endpoint()
    ours.adopt(terms())
    assert ours.link is not None
    first = ours.link.sender.outstanding
    ours.adopt(terms())
    assert ours.link.sender.outstanding is first
    assert ours.link.sender.abandonment._outstanding is first
    ours.adopt(terms(local_initial_tsn=101))
    assert ours.link.sender.outstanding is not first


def test_a_shutdown_wanted_early_begins_with_the_association() -> None:
    ours = endpoint()
    ours.adopt(terms())
    ours.shutdown.is_wanted = True
    ours.establish(0.0, is_restart=False)
    assert ours.state is AssociationState.SHUTDOWN_PENDING


def test_the_end_drops_what_is_queued() -> None:
    ours = endpoint()
    ours.queue.push(Message(ours.queue.stream(1), 53, b"x", 0))
    ours.answer(b"chunk")
    ours.end(CloseReason.PATH_FAILURE, (), "")
    assert not ours.queue.ring
    assert not ours.control
    assert ours.state is AssociationState.CLOSED
