from rtcpeer.sctp.abandonment import MAX_FORWARDED
from rtcpeer.sctp.chunks import ChunkType, ForwardTsn, parse_forward_tsn
from tests.unit.sctp.test_sender import FULL, Bench, tsn_of


def bench() -> Bench:
    made = Bench()
    made.sender.abandonment.is_supported = True
    return made


def forward_in(packet: bytes) -> ForwardTsn | None:
    if packet[0] != ChunkType.FORWARD_TSN:
        return None
    return parse_forward_tsn(packet[4 : int.from_bytes(packet[2:4], "big")])


def test_spent_attempts_become_a_forward_tsn() -> None:
    ours = bench()
    ours.push_limited(bytes(FULL), max_retransmits=0)
    for _ in range(5):
        ours.push(bytes(FULL))
    ours.pull()
    ours.sack(0, 2, 6)
    (packet,) = ours.pull()
    assert forward_in(packet) == ForwardTsn(1, ((0, 0),))
    assert ours.sender.abandonment.messages == 1
    assert ours.pull() == []  # told once, until the timer or news
    ours.sack(6)
    assert not ours.sender.has_work


def test_it_is_told_again_while_the_peer_does_not_follow() -> None:
    ours = bench()
    ours.push_limited(b"lost", max_retransmits=0)
    ours.push(bytes(FULL))
    ours.pull()
    ours.now += 2
    ours.sender.handle_timeout(ours.now)
    first = ours.pull()
    assert forward_in(first[0]) == ForwardTsn(1, ((0, 0),))
    ours.now += 5
    ours.sender.handle_timeout(ours.now)
    assert forward_in(ours.pull()[0]) == ForwardTsn(1, ((0, 0),))


def test_a_peer_without_the_extension_gets_everything() -> None:
    ours = Bench()
    ours.push_limited(bytes(FULL), max_retransmits=0)
    for _ in range(5):
        ours.push(bytes(FULL))
    ours.pull()
    ours.sack(0, 2, 6)
    assert [tsn_of(packet) for packet in ours.pull()] == [1]
    assert ours.sender.abandonment.messages == 0


def test_what_was_never_sent_takes_no_number() -> None:
    ours = bench()
    ours.sender.peer_window = 0
    ours.push(bytes(FULL))
    ours.push_limited(b"late", lifetime=0.5)
    ours.push(b"next")
    ours.pull()
    ours.now += 1
    ours.sack(1)
    (packet,) = ours.pull()
    assert packet[16:20] == b"next"
    assert int.from_bytes(packet[10:12], "big") == 1
    assert ours.sender.abandonment.messages == 1


def test_the_unsent_rest_of_a_message_gets_a_tsn_that_stands_for_it() -> None:
    ours = bench()
    ours.push_limited(bytes(30 * FULL), lifetime=0.5)
    ours.push(b"next")
    assert len(ours.pull()) == 10
    ours.now += 1
    ours.sack(10)
    packets = ours.pull()
    assert b"next" in packets[0]
    assert tsn_of(packets[0]) == 12  # 11 stands for the rest
    assert any(forward_in(packet) == ForwardTsn(11, ((0, 0),)) for packet in ours.pull())


def test_one_forward_tsn_covers_a_bounded_number() -> None:
    ours = bench()
    out = ours.sender.outstanding
    ours.push(bytes(FULL))
    ours.pull()
    template = out.chunks[0]
    for _ in range(3 * MAX_FORWARDED):
        out.append_abandoned(template)
    out.abandon(1)
    ours.sender.abandonment.plan(is_repeated=False)
    assert forward_in(ours.pull()[0]) == ForwardTsn(MAX_FORWARDED, ((0, 0),))
    ours.sender.abandonment.plan(is_repeated=False)
    assert ours.pull() == []
    ours.sack(MAX_FORWARDED)
    assert forward_in(ours.pull()[0]) == ForwardTsn(2 * MAX_FORWARDED, ((0, 0),))
