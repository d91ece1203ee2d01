"""Video over a bad link: NACKs, retransmissions and the jitter buffer together deliver whole frames in order."""

import random

import pytest

from rtcpeer.rtp.jitter_buffer import GapSkipped, JitterBuffer, JitterBufferSettings, KeyframeNeeded, MediaKind
from rtcpeer.rtp.loss import LossSettings, NackGenerator, RetransmissionHistory
from tests.sim.clock import Clock
from tests.sim.link import Link, LinkSettings

FRAME_INTERVAL = 1 / 30


class Playout:
    """A sender of video and its receiver; sequence numbers and timestamps wrap on the way."""

    def __init__(self, seed: int, link: LinkSettings) -> None:
        self.clock = Clock()
        self.dice = random.Random(seed)
        self.link = Link(link, random.Random(f"{seed}/link"))
        self.history = RetransmissionHistory(LossSettings(), 2_000_000)
        self.nacks = NackGenerator(LossSettings())
        self.buffer = JitterBuffer(JitterBufferSettings(), MediaKind.VIDEO, 90_000)
        self.frames = []
        self.sent_at = {}
        self.keyframe_requests = 0
        self._number = 65_000
        self._frame = 0
        self._wants_keyframe = True
        self._timer = None
        self.link_back_delay = link.delay

    def send_frame(self) -> None:
        now = self.clock.time()
        is_key, self._wants_keyframe = self._wants_keyframe, False
        count = 12 if is_key else self.dice.randint(1, 4)
        timestamp = 0xFFFF0000 + self._frame * 3000 & 0xFFFFFFFF
        self.sent_at[self._frame] = now
        for index in range(count):
            packet = (self._number & 0xFFFF, timestamp, self._frame, index == 0, index == count - 1, is_key)
            self.history.add(self._number & 0xFFFF, packet, 1000, now)
            self._transmit(packet, False)
            self._number += 1
        self._frame += 1
        self.clock.call_later(FRAME_INTERVAL, self.send_frame)

    def _transmit(self, packet, is_retransmission: bool) -> None:
        for arrival, payloads in self.link.transmit([bytes(1000)], self.clock.time()):
            for _ in payloads:
                self.clock.call_at(arrival, self._receive, packet, is_retransmission)

    def _receive(self, packet, is_retransmission: bool) -> None:
        number, timestamp, frame, is_first, is_last, is_key = packet
        now = self.clock.time()
        self.nacks.receive(number, now)
        self.buffer.receive(
            number,
            timestamp,
            frame,
            1000,
            now,
            is_first=is_first,
            is_last=is_last,
            is_keyframe=is_key,
            is_retransmission=is_retransmission,
        )
        self._drain()

    def _drain(self) -> None:
        now = self.clock.time()
        self.frames += [(now, frame) for frame in self.buffer.frames(now)]
        for event in self.buffer.poll_events():
            match event:
                case GapSkipped(next_sequence_number=number):
                    self.nacks.forget_before(number)
                case KeyframeNeeded():
                    self.keyframe_requests += 1
                    self.clock.call_later(self.link_back_delay, self._ask_for_keyframe)
        for number in self.nacks.requests(now):
            self.clock.call_later(self.link_back_delay, self._resend, number)
        dues = [due for due in (self.buffer.next_timeout(), self.nacks.next_timeout()) if due is not None]
        if dues and (self._timer is None or min(dues) < self._timer):
            self._timer = max(min(dues), now)
            self.clock.call_at(self._timer, self._fire, self._timer)

    def _fire(self, due: float) -> None:
        if due == self._timer:
            self._timer = None
            self._drain()

    def _ask_for_keyframe(self) -> None:
        self._wants_keyframe = True

    def _resend(self, number: int) -> None:
        packet = self.history.packet(number, self.clock.time())
        if packet is not None:
            self._transmit(packet, True)


def play(seed: int, link: LinkSettings, seconds: float) -> Playout:
    playout = Playout(seed, link)
    playout.send_frame()
    playout.clock.run_for(seconds)
    timestamps = [frame.timestamp for _, frame in playout.frames]
    assert timestamps == sorted(set(timestamps))
    assert all(len(set(frame.packets)) == 1 for _, frame in playout.frames)
    return playout


@pytest.mark.parametrize("seed", range(5))
def test_every_frame_comes_in_spite_of_loss_and_reordering(seed: int) -> None:
    link = LinkSettings(delay=0.03, jitter=0.02, loss=0.05, duplication=0.02, reordering=0.05)
    playout = play(seed, link, 20)
    assert len(playout.frames) >= 20 * 30 - 15
    assert playout.keyframe_requests == 0
    delays = sorted(now - playout.sent_at[frame.packets[0]] for now, frame in playout.frames)
    assert delays[len(delays) // 2] < 0.12
    assert playout.buffer.statistics().late + playout.buffer.statistics().duplicates > 0


@pytest.mark.parametrize("seed", range(3))
def test_an_outage_costs_its_time_and_one_keyframe(seed: int) -> None:
    playout = Playout(seed, LinkSettings(delay=0.03))
    playout.send_frame()
    playout.clock.run_for(5)
    playout.link.settings = LinkSettings(loss=1.0)
    playout.clock.run_for(3)
    playout.link.settings = LinkSettings(delay=0.03)
    playout.clock.run_for(10)
    assert 1 <= playout.keyframe_requests <= 3
    played = [now for now, _ in playout.frames]
    assert all(any(second <= now < second + 1 for now in played) for second in (*range(5), *range(10, 18)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_terrible_link_still_plays(seed: int) -> None:
    link = LinkSettings(delay=0.05, jitter=0.05, loss=0.2, loss_burst=3, duplication=0.05, reordering=0.1)
    playout = play(seed, link, 120)
    assert len(playout.frames) > 0.5 * 120 * 30
