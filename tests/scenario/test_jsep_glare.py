"""Two sides that negotiate anew at random, often both at once: what each does in the end is what the other expects."""

import random

import pytest

from tests.sim.jsep_peer import JsepPeer


class Rounds:
    """Perfect negotiation between two peers over a channel that keeps order and takes its time."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.peers = (
            JsepPeer("polite", is_polite=True, random=self.random),
            JsepPeer("rude", is_polite=False, random=self.random),
        )
        self.checked = 0

    def other(self, peer):
        return self.peers[1] if peer is self.peers[0] else self.peers[0]

    def play(self, rounds):
        for _ in range(rounds):
            for _ in range(self.random.randrange(1, 4)):
                self.random.choice(self.peers).change()
            for _ in range(self.random.randrange(6)):
                self.step(self.random.choice(self.peers))
            if self.random.random() < 0.5:
                self.settle()
                self.check()
        self.settle()
        self.check()

    def step(self, peer):
        """Something that may happen next on one side, if there is anything."""
        if peer.inbox and (not peer.is_needed or self.random.random() < 0.5):
            peer.receive(self.other(peer))
        elif peer.is_needed:
            peer.offer(self.other(peer))

    def settle(self):
        for _ in range(100):
            busy = [peer for peer in self.peers if peer.inbox or peer.is_needed]
            if not busy:
                return
            self.step(self.random.choice(busy))
        raise AssertionError("the two never come to rest")

    def check(self):
        self.checked += 1
        ours, theirs = ({facts.mid: facts for facts in peer.facts.values()} for peer in self.peers)
        assert all(peer.is_stable for peer in self.peers)
        assert ours.keys() == theirs.keys()
        for mid, facts in ours.items():
            assert_agree(facts, theirs[mid])
            assert_agree(theirs[mid], facts)
        for peer in self.peers:
            assert set(peer.facts) == {wish.key for wish in peer.wishes.values()}
            assert all(facts.current_direction is not None for facts in peer.facts.values())
            assert_numbers_are_unique(peer.facts.values())


def assert_agree(sender, receiver):
    """What one side sends, the other expects."""
    send, receive = sender.send, receiver.receive
    assert (sender.kind, sender.index) == (receiver.kind, receiver.index)
    assert sender.current_direction is receiver.current_direction.reversed
    assert send.is_sending == receive.is_receiving == sender.current_direction.sends
    assert [codec.payload_type for codec in send.codecs] == [codec.payload_type for codec in receive.codecs]
    assert [codec.name for codec in send.codecs] == [codec.name for codec in receive.codecs]
    assert set(send.extensions) == set(receive.extensions)
    if not send.is_sending:
        return
    assert send.encodings
    if len(send.encodings) > 1:
        assert tuple(encoding.rid for encoding in send.encodings) == receive.rids
    elif receive.ssrcs:
        assert receive.ssrcs == (send.encodings[0].ssrc,)
    assert receiver.remote_stream_ids == receiver.remote_stream_ids


def assert_numbers_are_unique(all_facts):
    """In a BUNDLE group a payload type and an id mean one thing."""
    codecs, uris = {}, {}
    for facts in all_facts:
        for codec in facts.receive.codecs:
            meaning = codec.kind, codec.name.lower(), codec.clock_rate, codec.parameter("apt")
            assert codecs.setdefault(codec.payload_type, meaning) == meaning
        for uri, number in facts.receive.extensions:
            assert uris.setdefault(number, uri) == uri


@pytest.mark.parametrize("seed", range(4))
def test_fifty_random_rounds_end_in_agreement(seed):
    play(seed, 50)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(10, 13))
def test_a_thousand_random_rounds_end_in_agreement(seed):
    play(seed, 1000)


def play(seed, rounds):
    game = Rounds(seed)
    game.play(rounds)
    assert game.checked > rounds / 4
    polite, rude = game.peers
    assert polite.rolled_back  # otherwise there was no glare
    assert rude.ignored
