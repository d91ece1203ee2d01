import pytest

from rtcpeer.sctp.chunks import FLAG_IMMEDIATE, Sack
from rtcpeer.sctp.congestion import LossBasedController
from rtcpeer.sctp.outstanding import MAX_SPAN, Outstanding
from rtcpeer.sctp.rto import RetransmissionTimeout
from rtcpeer.sctp.send_queue import LimitedMessage, Message, SendQueue
from rtcpeer.sctp.sender import Sender
from rtcpeer.sctp.settings import SctpSettings

FULL = 1164  # user data of a packet with one chunk


class Bench:
    """A sender whose packets are bare chunks, and a peer that is spelled out."""

    def __init__(self, settings: SctpSettings | None = None, *, peer_window: int = 1 << 20) -> None:
        settings = settings or SctpSettings()
        self.queue = SendQueue()
        self.rto = RetransmissionTimeout(settings)
        controller = LossBasedController(settings.max_packet_size - 12, settings.initial_window_packets, peer_window)
        self.sender = Sender(settings, self.queue, controller, self.rto, Outstanding(1), peer_window)
        self.now = 10.0

    def push(self, data: bytes, *, stream_id: int = 0, unordered: int = 0) -> None:
        self.queue.push(Message(self.queue.stream(stream_id), 53, data, unordered))

    def push_limited(self, data: bytes, *, max_retransmits: int | None = None, lifetime: float | None = None) -> None:
        self.queue.push(LimitedMessage(self.queue.stream(0), 53, data, 0, max_retransmits, lifetime))

    def pull(self) -> list[bytes]:
        packets: list[bytes] = []
        head = self.sender.fill(packets, b"", lambda body: body, self.now)
        return packets + [head] * bool(head)

    def sack(self, tsn: int, *blocks: int, window: int = 1 << 20, after: float = 0.1) -> bool:
        self.now += after
        return self.sender.take_sack(Sack(tsn, window, blocks, ()), self.now)


def tsn_of(packet: bytes) -> int:
    return int.from_bytes(packet[4:8], "big")


def flags_of(packet: bytes) -> int:
    return packet[1]


def test_messages_are_cut_to_packets_and_small_ones_share_one() -> None:
    bench = Bench()
    bench.push(bytes(3 * FULL))
    assert [(len(packet), flags_of(packet)) for packet in bench.pull()] == [(1180, 2), (1180, 0), (1180, 1)]
    for _ in range(3):
        bench.push(bytes(100), stream_id=5)
    (packet,) = bench.pull()
    assert len(packet) == 3 * 116
    assert [int.from_bytes(packet[at + 10 : at + 12], "big") for at in (0, 116, 232)] == [0, 1, 2]  # their SSNs


def test_a_tail_too_small_for_a_fragment_closes_the_packet() -> None:
    bench = Bench()
    bench.push(bytes(FULL - 100))
    bench.push(bytes(500))
    assert [len(packet) for packet in bench.pull()] == [FULL - 100 + 16, 516]


def test_ten_packets_at_first() -> None:
    """Deviation: section 7.2.1 begins with 4,380 bytes."""
    bench = Bench()
    bench.push(bytes(100 * FULL))
    assert len(bench.pull()) == 10
    assert bench.pull() == []


def test_bursts_of_128_packets() -> None:
    """Deviation: section 6.1 would let Max.Burst be 4."""
    bench = Bench(SctpSettings(initial_window_packets=1000))
    bench.push(bytes(300 * FULL))
    assert [len(bench.pull()) for _ in range(4)] == [128, 128, 44, 0]


def test_flight_counts_headers_and_padding() -> None:
    """Deviation: section 6.2.1 counts user data only."""
    bench = Bench()
    for _ in range(1000):
        bench.push(b"x")
    bench.pull()
    assert bench.sender.outstanding.flight == 20 * len(bench.sender.outstanding.chunks)
    assert 10 * 1180 - 20 <= bench.sender.outstanding.flight <= 11 * 1180


def test_the_peers_window_bounds_but_one_chunk_always_goes() -> None:
    bench = Bench(peer_window=1500)
    bench.push(bytes(10 * FULL))
    assert len(bench.pull()) == 1
    bench.sack(1, window=0)
    assert len(bench.pull()) == 1  # section 6.1 A: a probe
    assert bench.pull() == []


def test_a_round_trip_is_measured_and_the_timer_follows() -> None:
    bench = Bench()
    bench.push(bytes(FULL))
    bench.pull()
    assert bench.sender.timer.deadline == bench.now + 1.0
    assert bench.sack(1, after=0.2)
    assert bench.rto.smoothed == pytest.approx(0.2)
    assert bench.sender.timer.deadline is None
    assert not bench.sender.has_work


def test_loss_is_seen_in_one_sack() -> None:
    """Deviation: section 7.2.4 waits for three SACKs; here one SACK answers a batch."""
    bench = Bench()
    bench.push(bytes(10 * FULL))
    bench.pull()
    bench.sack(0, 2, 3)
    assert bench.pull() == []  # two packets later is not enough
    bench.sack(0, 2, 4)
    (packet,) = bench.pull()
    assert tsn_of(packet) == 1
    assert (bench.sender.retransmitted, bench.sender.fast_recoveries, bench.sender.timeouts) == (1, 1, 0)


def test_a_retransmission_asks_for_a_sack_at_once() -> None:
    bench = Bench()
    bench.push(bytes(10 * FULL))
    assert not any(flags_of(packet) & FLAG_IMMEDIATE for packet in bench.pull())
    bench.sack(0, 2, 4)
    assert flags_of(bench.pull()[0]) & FLAG_IMMEDIATE


def test_recovery_ends_with_what_was_in_flight() -> None:
    bench = Bench()
    bench.push(bytes(100 * FULL))
    bench.pull()
    bench.sack(0, 2, 10)
    window = bench.sender.controller.window
    assert window == 5 * 1180
    bench.pull()
    bench.sack(10)
    assert bench.sender.controller.window == window  # the acknowledgement that ends it does not grow it
    assert bench.sender.fast_recoveries == 1


def test_a_timeout_starts_over_and_its_back_off_ends_with_progress() -> None:
    """Deviation: section 6.3.1 C5 keeps the back-off until a chunk that was sent once has been timed."""
    bench = Bench()
    bench.push(bytes(FULL))
    bench.pull()
    bench.sack(1)
    before = bench.rto.timeout
    bench.push(bytes(3 * FULL))
    bench.pull()
    bench.now += 5
    assert bench.sender.handle_timeout(bench.now)
    assert bench.rto.timeout == 2 * before
    assert bench.sender.controller.window == 1180
    (packet,) = bench.pull()
    assert tsn_of(packet) == 2
    bench.sack(2)  # of a retransmission: no sample, but progress
    assert bench.rto.timeout == before


def test_old_and_impossible_sacks_change_nothing() -> None:
    bench = Bench()
    bench.push(bytes(5 * FULL))
    bench.pull()
    bench.sack(3)
    flight = bench.sender.outstanding.flight
    assert not bench.sack(2)  # overtaken
    assert not bench.sack(6)  # never sent
    assert not bench.sack(3, 2, 9)
    assert not bench.sack(3, 5, 4)
    assert bench.sender.outstanding.flight == flight


def test_an_idle_sender_forgets_its_window() -> None:
    bench = Bench(SctpSettings(initial_window_packets=10))
    bench.sender.controller.window = 100_000
    bench.push(b"x")
    bench.pull()
    bench.sack(1)
    bench.now += 10
    bench.push(b"x")
    bench.pull()
    assert bench.sender.controller.window == 50_000


def test_no_more_tsns_than_gap_blocks_can_name() -> None:
    """A peer that acknowledges all but the first chunk does not have us remember for ever."""
    bench = Bench(SctpSettings(initial_window_packets=1000))
    out = bench.sender.outstanding
    for _ in range(MAX_SPAN):
        out.chunks.append(b"")
        out.packet_numbers.append(0)
    out.next += MAX_SPAN
    bench.push(b"x")
    assert not bench.sender.is_ready()
    assert bench.pull() == []
    bench.sack(1)
    assert bench.sender.is_ready()
    assert len(bench.pull()) == 1
