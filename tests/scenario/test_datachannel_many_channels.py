"""A hundred channels of all kinds over a bad link: what was promised arrives, in the order that was promised."""

import random

import pytest

from rtcpeer.datachannel.channels import Channel, ChannelState
from tests.sim.link import LinkSettings
from tests.unit.datachannel.peers import Peers, Side, announced, closed, messages

BAD = LinkSettings(delay=0.02, jitter=0.01, loss=0.1, loss_burst=2.0, duplication=0.01, reordering=0.03)
KINDS: list[dict[str, object]] = [
    {},
    {"ordered": False},
    {"max_retransmits": 1},
    {"ordered": False, "max_retransmits": 0},
    {"max_packet_life_time_ms": 50},
    {"ordered": False, "max_packet_life_time_ms": 50},
]


def run_channels(seed: int, count: int, per_channel: int) -> Peers:
    peers = Peers(BAD, seed).connect()
    rng = random.Random(seed)
    opened: list[tuple[Channel, Side, dict[str, object]]] = []
    for index in range(count):
        ends, other = (peers.client, peers.b) if rng.random() < 0.5 else (peers.server, peers.a)
        kind = KINDS[index % len(KINDS)]
        opened.append((ends.open(f"channel {index}", **kind), other, kind))  # type: ignore[arg-type]
    peers.run(lambda: all(channel.state is ChannelState.OPEN for channel, _, _ in opened))
    for number in range(per_channel):
        for channel, _, _ in opened:
            channel.send(message_of(number, channel))
        peers.run_for(0.01)
    peers.run(lambda: len(announced(peers.a)) + len(announced(peers.b)) == count)
    far = {channel.label: channel for side in (peers.a, peers.b) for channel in announced(side).values()}
    closed_by_sender = {channel for channel, _, _ in opened if rng.random() < 0.5}
    for channel, _, _ in opened:
        (channel if channel in closed_by_sender else far[channel.label]).close()
    expected = 2 * count
    peers.run(lambda: len(closed(peers.a)) + len(closed(peers.b)) == expected, timeout=120.0)
    for channel, other, kind in opened:
        got = messages(other, far[channel.label])
        sent = [message_of(number, channel) for number in range(per_channel)]
        check(kind, sent, [str(message) for message in got], closed_by_sender=channel in closed_by_sender)
    assert peers.client.channels == peers.server.channels == []
    return peers


def message_of(number: int, channel: Channel) -> str:
    return f"{number} on {channel.label}".ljust(400 * number, ".")


def check(kind: dict[str, object], sent: list[str], got: list[str], *, closed_by_sender: bool) -> None:
    assert len(set(got)) == len(got), "nothing arrives twice"
    assert set(got) <= set(sent)
    if closed_by_sender and kind.keys() <= {"ordered"}:
        assert set(got) == set(sent), "what was sent before the close arrives"
    # Where the far end closed, what arrives after that is for nobody. What did arrive has no holes before it.
    if kind == {}:
        assert got == sent[: len(got)]
    elif kind.get("ordered", True):
        assert got == [message for message in sent if message in set(got)]


def test_a_hundred_channels() -> None:
    peers = run_channels(seed=1, count=100, per_channel=5)
    assert peers.link_ab.lost
    assert peers.link_ba.lost


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_many_seeds(seed: int) -> None:
    run_channels(seed, count=12, per_channel=4)
