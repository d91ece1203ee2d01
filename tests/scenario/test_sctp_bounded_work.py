"""What a packet costs does not grow with what a hostile peer has piled up before it."""

from collections.abc import Callable

import pytest

from rtcpeer.sctp import SctpSettings
from rtcpeer.sctp.chunks import DATA, ForwardTsn, pack_forward_tsn
from rtcpeer.sctp.reassembly import Reassembly
from rtcpeer.sctp.receive_tracker import MAX_GAPS
from tests.unit.sctp.lossy_pipe import LossyPipe
from tests.unit.sctp.test_sender import Bench
from tests.unit.sctp.work import work_of

LITTLE, MUCH = 100, 5000


def attacked(gaps: int) -> Callable[[], object]:
    """Leaves so many gaps; gives one more packet of the attack, with the SACK it draws."""
    pipe = LossyPipe(settings=SctpSettings(receive_window=4 << 20)).established()
    link = pipe.right._endpoint.link
    assert link is not None
    first = link.receiver.tracker.next + 1
    seal = pipe.left._endpoint.link.envelope.seal  # type: ignore[union-attr]

    def strike(number: int) -> None:
        tsn = (first + 2 * number) & 0xFFFFFFFF
        packet = seal(DATA.pack(0, 0, 20, tsn, number % 1000, 0, 53) + b"evil")
        pipe.right.receive(packet, pipe.now)
        assert len(pipe.right.packets_to_send(pipe.now)) == 1

    for number in range(gaps):
        strike(number)
    assert len(link.receiver.tracker.gaps) == min(gaps, MAX_GAPS)
    return lambda: strike(gaps)


def test_gaps_at_the_receiver() -> None:
    little, much = work_of(attacked(LITTLE)), work_of(attacked(MAX_GAPS - 1))
    assert much <= little * 1.2
    assert much < 1000


def test_gap_blocks_at_the_sender() -> None:
    def sacked(blocks: int) -> Callable[[], object]:
        bench = Bench(SctpSettings(initial_window_packets=10_000, max_burst_packets=10_000))
        for _ in range(12_000):
            bench.push(bytes(600))
        while bench.pull():
            pass
        flat = [offset for number in range(blocks) for offset in (2 + 2 * number, 2 + 2 * number)]
        bench.sack(0, *flat)
        return lambda: bench.sack(0, *flat)

    assert work_of(sacked(4000)) <= work_of(sacked(256)) * 1.2


@pytest.mark.parametrize("count", [LITTLE, MUCH])
def test_forward_tsn_over_parked_fragments(count: int) -> None:
    reassembly = Reassembly()
    for number in range(count):
        reassembly.take_out_of_order(100 + 2 * number, 0, number, 0, 53, b"x")
    assert work_of(lambda: reassembly.skip(5, ())) < 50
    assert work_of(lambda: reassembly.skip(101, ())) < 60
    assert reassembly.held == (count - 1) * 129


def test_forward_tsn_over_waiting_messages() -> None:
    def skipped(count: int) -> Callable[[], object]:
        reassembly = Reassembly()
        for number in range(count):
            reassembly.take_out_of_order(100 + number, 3, 1, 10_000 + number, 53, b"x")
        entries = ForwardTsn(50, tuple((1, ssn) for ssn in range(290)))
        return lambda: reassembly.skip(50, entries.skipped)

    assert work_of(skipped(MUCH)) <= work_of(skipped(LITTLE)) * 1.2


def test_sacks_that_never_reach_what_was_abandoned() -> None:
    def sacked(abandoned: int) -> Callable[[], object]:
        bench = Bench()
        bench.sender.abandonment.is_supported = True
        bench.push(bytes(100))
        bench.pull()
        out = bench.sender.outstanding
        for _ in range(abandoned):
            out.append_abandoned(out.chunks[0])
        out.abandon(1)
        bench.sack(0)
        bench.pull()
        return lambda: (bench.sack(0), bench.pull())

    assert work_of(sacked(40_000)) <= work_of(sacked(LITTLE)) * 1.2


def test_joined_fragments_leave_nothing_behind() -> None:
    reassembly = Reassembly()
    for message in range(1000):
        start = 10 + 4 * message
        for sequence, flags in ((start + 2, 1), (start, 2), (start + 1, 0)):
            reassembly.take_out_of_order(sequence, flags, 1, message, 53, b"x")
    assert len(reassembly.release()) == 1000
    assert len(reassembly._order) < 100
    assert reassembly.held == 0


def test_forward_tsn_answers_are_one_sack() -> None:
    pipe = LossyPipe().established()
    tsn = pipe.right._endpoint.link.receiver.tracker.next  # type: ignore[union-attr]
    seal = pipe.left._endpoint.link.envelope.seal  # type: ignore[union-attr]
    pipe.right.receive(seal(b"".join(pack_forward_tsn((tsn + n) & 0xFFFFFFFF, []) for n in range(100))), pipe.now)
    assert len(pipe.right.packets_to_send(pipe.now)) == 1
