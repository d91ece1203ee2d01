from rtcpeer.sctp.outstanding import Outstanding

CHUNK = bytes(100)


def filled(count: int, per_packet: int = 1) -> Outstanding:
    out = Outstanding(10)
    for number in range(count):
        out.packet_number = 1 + number // per_packet
        out.chunks.append(CHUNK)
        out.packet_numbers.append(out.packet_number)
        out.next += 1
        out.flight += len(CHUNK)
    return out


def test_cumulative_and_gap_acknowledgement() -> None:
    out = filled(10)
    assert out.acknowledge(12, [(14, 16)]) == 400
    assert (out.base, out.flight) == (12, 600)
    assert out.acknowledge(12, [(14, 16)]) == 0
    assert out.acknowledge(20, []) == 600
    assert (out.base, out.flight, len(out.acked)) == (20, 0, 0)


def test_loss_needs_three_later_packets() -> None:
    out = filled(10)
    out.acknowledge(10, [(11, 13)])
    assert out.detect_losses() == []
    out.acknowledge(10, [(11, 14)])
    assert out.detect_losses() == [10]
    assert out.detect_losses() == []
    assert out.flight == 600
    assert out.peek_lost() == 10
    out.packet_number += 1
    assert out.resend(10) == CHUNK
    assert out.flight == 700
    assert out.peek_lost() is None


def test_a_retransmission_can_be_lost_again() -> None:
    out = filled(10)
    out.acknowledge(10, [(11, 20)])
    assert out.detect_losses() == [10]
    out.packet_number += 1
    out.resend(10)
    for _ in range(3):
        out.packet_number += 1
        out.chunks.append(CHUNK)
        out.packet_numbers.append(out.packet_number)
        out.next += 1
        out.flight += 100
    out.acknowledge(10, [(11, 23)])
    assert out.detect_losses() == [10]
    assert out.flight == 0


def test_bundled_chunks_are_one_packet() -> None:
    out = filled(20, per_packet=10)
    out.acknowledge(10, [(11, 30)])
    assert out.detect_losses() == []  # one packet later is no proof


def test_timeout_loses_all_but_what_the_last_sack_had() -> None:
    out = filled(10)
    out.acknowledge(10, [(12, 15)])
    out.acknowledge(10, [(12, 13)])  # the peer reneged on two
    assert out.lose_everything() == [10, 11, *range(13, 20)]
    assert out.flight == 0
    assert out.acknowledge(20, []) == 900
    assert out.flight == 0
    assert not out.lost


def test_abandoned_prefix() -> None:
    out = filled(5)
    out.abandon(10)
    out.abandon(12)
    assert out.abandoned_until() == 11
    out.abandon(11)
    assert out.abandoned_until() == 13
    assert out.flight == 200
    out.acknowledge(13, [])
    assert (out.abandoned, out.flight) == (set(), 200)
