"""Channels come and go on the same ids over a bad link, closed by either side or both; nothing leaks into the next."""

import random

import pytest

from rtcpeer.datachannel.channels import ChannelState
from tests.sim.link import LinkSettings
from tests.unit.datachannel.peers import Peers, messages

BAD = LinkSettings(delay=0.02, jitter=0.01, loss=0.1, duplication=0.02, reordering=0.05)


def come_and_go(seed: int, rounds: int) -> None:
    peers = Peers(BAD, seed).connect()
    rng = random.Random(seed)
    used: list[int | None] = []
    for index in range(rounds):
        ours, theirs = peers.pair(f"round {index}", ordered=rng.random() < 0.5)
        used.append(ours.stream_id)
        sent = [f"{index}/{number}" for number in range(rng.randrange(20))]
        for text in sent:
            ours.send(text)
        match rng.randrange(3):
            case 0:
                ours.close()
            case 1:
                peers.run(lambda: len(messages(peers.b, theirs)) == len(sent))  # noqa: B023
                theirs.close()
            case _:
                ours.close()
                theirs.close()
        both = (ours, theirs)
        peers.run(lambda ends=both: all(end.state is ChannelState.CLOSED for end in ends))
        got = [str(message) for message in messages(peers.b, theirs)]
        assert set(got) <= set(sent)
    assert used == [0] * rounds
    assert peers.client.channels == peers.server.channels == []


def test_channels_come_and_go() -> None:
    come_and_go(seed=1, rounds=20)


def test_what_was_sent_before_the_close_arrives() -> None:
    for seed in range(10):
        peers = Peers(BAD, seed).connect()
        ours, theirs = peers.pair(ordered=False)
        sent = {f"{number}" for number in range(50)}
        for text in sent:
            ours.send(text)
        ours.close()
        peers.run(lambda ends=(ours, theirs): all(end.state is ChannelState.CLOSED for end in ends))
        assert set(messages(peers.b, theirs)) == sent


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_many_seeds(seed: int) -> None:
    come_and_go(seed, rounds=5)
