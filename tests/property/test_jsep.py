"""Negotiations: two of ours, random commands, and whatever a peer may send."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rtcpeer.errors import DOMException, InvalidStateError
from rtcpeer.jsep import DescriptionType, LocalTransport, Negotiation, Side, SignalingState, Wanted
from rtcpeer.jsep.signaling import TRANSITIONS
from rtcpeer.sdp import parse, serialize
from tests.unit.sdp.fixtures import NAMES, read

LOCAL = LocalTransport("ourfrag1", "ourpassword1ourpassword1", (("sha-256", "AA:BB"),))
OTHER = LocalTransport("theirfr1", "theirpassword1theirpasswd", (("sha-256", "CC:DD"),))
KINDS = st.sampled_from(DescriptionType)


class StateTable(RuleBasedStateMachine):
    """Our negotiation follows the table with descriptions that always fit, and so reaches every state."""

    def __init__(self):
        super().__init__()
        self.ours = Negotiation("1")
        self.state = SignalingState.STABLE

    def expect(self, side, kind, call):
        following = TRANSITIONS.get((self.state, side, kind))
        before = self.ours.session
        try:
            applied = call()
        except InvalidStateError:
            assert following is None
            assert self.ours.session is before
        else:
            assert applied.state is following
            self.state = following

    @rule(kind=KINDS)
    def set_local(self, kind):
        with contextlib.suppress(InvalidStateError):
            if kind is DescriptionType.OFFER:
                self.ours.create_offer(Wanted(data_channel=True), LOCAL)
            else:
                self.ours.create_answer(LOCAL)
        self.expect(Side.LOCAL, kind, lambda: self.ours.set_local(kind))

    @rule(kind=KINDS)
    def set_remote(self, kind):
        text = self._remote_text(kind)
        self.expect(Side.REMOTE, kind, lambda: self.ours.set_remote(kind, text))

    def _remote_text(self, kind):
        peer = Negotiation("2")
        if kind is DescriptionType.OFFER:
            return serialize(peer.create_offer(Wanted(data_channel=True), OTHER))
        local = self.ours.local_description()
        if local is None or local.type is not DescriptionType.OFFER:
            return ""
        peer.set_remote(DescriptionType.OFFER, local.sdp)
        return serialize(peer.create_answer(OTHER))

    @invariant()
    def states_agree(self):
        assert self.ours.state is self.state
        is_stable = self.state is SignalingState.STABLE
        assert is_stable == (self.ours.pending_local is None and self.ours.pending_remote is None)


TestStateTable = StateTable.TestCase
TestStateTable.settings = settings(max_examples=100, stateful_step_count=20)


@settings(max_examples=200)
@given(st.sampled_from(NAMES), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=4), st.data())
def test_a_shuffled_offer_is_answered_or_refused_and_leaves_no_trace(name, swaps, data):
    lines = read(name).splitlines()
    for first, second in swaps:
        a, b = first % len(lines), second % len(lines)
        lines[a], lines[b] = lines[b], lines[a]
    if data.draw(st.booleans()):
        del lines[data.draw(st.integers(0, len(lines) - 1))]
    negotiation = Negotiation("1")
    before = negotiation.session
    try:
        negotiation.set_remote(DescriptionType.OFFER, "\n".join(lines))
        answer = negotiation.create_answer(LOCAL)
        applied = negotiation.set_local(DescriptionType.ANSWER, serialize(answer))
    except DOMException:
        assert negotiation.state is SignalingState.STABLE
        assert negotiation.session is before
    else:
        assert len(answer.media) == len(parse("\n".join(lines)).media)
        assert (applied.remote is None) == (applied.mids == ())


JUNK = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "96", "111", "127", "128", "4294967296", "send", "a;b,~c", "*", "rtx/90000", "VP8/0"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
)


@settings(max_examples=300)
@given(
    st.sampled_from([name for name in NAMES if "-av" in name or "-simulcast" in name]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), JUNK), min_size=1, max_size=6),
)
def test_words_of_audio_and_video_may_be_anything(name, changes):
    """Whatever codecs, extensions, streams and rids are called: an answer or an error, and never two meanings."""
    lines = read(name).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("m="))
    for place, word, junk in changes:
        index = start + place % (len(lines) - start)
        words = lines[index].replace(":", ": ").replace(";", " ; ").split(" ")
        words[word % len(words)] = junk
        lines[index] = " ".join(words).replace(": ", ":").replace(" ; ", ";")
    negotiation = Negotiation("1")
    try:
        negotiation.set_remote(DescriptionType.OFFER, "\n".join(lines))
        negotiation.create_answer(LOCAL)
        applied = negotiation.set_local(DescriptionType.ANSWER)
    except DOMException:
        return
    for facts in applied.media:
        numbers = [codec.payload_type for codec in facts.receive.codecs]
        ids = [number for _, number in facts.receive.extensions]
        assert len(set(numbers)) == len(numbers)
        assert len(set(ids)) == len(ids)
        assert all(0 < number < 256 for number in ids)
    again = negotiation.create_offer(Wanted(data_channel=True), LOCAL)
    assert len(again.media) >= len(parse(serialize(again)).media) >= len(applied.media)
