"""A peer that negotiates as an application and its peer connection would, with neither transports nor media."""

from collections import deque
from dataclasses import dataclass, field, replace

from rtcpeer.jsep import (
    DEFAULT_CAPABILITIES,
    DescriptionType,
    LocalTransport,
    Negotiation,
    SignalingState,
    TransceiverWish,
    Wanted,
)
from rtcpeer.rtp.parameters import EncodingParameters
from rtcpeer.sdp.transport import Direction

OFFER, ANSWER = DescriptionType.OFFER, DescriptionType.ANSWER
PRANSWER, ROLLBACK = DescriptionType.PRANSWER, DescriptionType.ROLLBACK


@dataclass
class JsepPeer:
    """One side of perfect negotiation (W3C webrtc-pc section 10.7).

    What it has to say to the other one waits in that one's ``inbox``; ``facts`` are by the keys of transceivers.
    """

    name: str
    is_polite: bool
    random: object
    negotiation: Negotiation = field(init=False)
    wishes: dict = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    inbox: deque = field(default_factory=deque)
    wants_data_channel: bool = False
    ignored: int = 0
    rolled_back: int = 0
    _keys: int = 0
    _ssrc: int = 0

    def __post_init__(self):
        self.negotiation = Negotiation(str(ord(self.name[0])))
        self.local = LocalTransport(f"{self.name}frag", f"{self.name}password{self.name}password", (("sha-256", "AA"),))
        self._ssrc = 1 if self.is_polite else 1_000_000

    # What the application does

    def change(self):
        """Do one thing at random that an application may do."""
        living = [wish for wish in self.wishes.values() if not wish.is_stopped]
        actions = [self._redirect, self._redirect, self._restream, self._prefer, self._stop]
        if len(living) < 8:
            actions += [self._add, self._add, self._add]
        action = self.random.choice(actions)
        if action == self._add:
            self._add()
        elif living:
            action(self.random.choice(living))
        if self.random.random() < 0.05:
            self.wants_data_channel = True

    def _add(self):
        kind = self.random.choice(["audio", "video"])
        direction = self.random.choice(list(Direction))
        rids = ("a", "b", "c") if kind == "video" and self.random.random() < 0.3 else (None,)
        self._put(TransceiverWish(self._keys, kind, direction, is_from_add_track=self.random.random() < 0.7), rids)
        self._keys += 1

    def _put(self, wish, rids=(None,)):
        encodings = []
        for rid in rids:
            encodings.append(EncodingParameters(self._ssrc, self._ssrc + 1, rid))
            self._ssrc += 2
        name = f"{self.name}{wish.key}"
        self.wishes[wish.key] = replace(wish, stream_ids=(f"stream-{name}",), track_id=name, encodings=tuple(encodings))

    def _redirect(self, wish):
        self.wishes[wish.key] = replace(wish, direction=self.random.choice(list(Direction)))

    def _restream(self, wish):
        streams = self.random.sample(["one", "two", "three"], self.random.randrange(3))
        self.wishes[wish.key] = replace(wish, stream_ids=tuple(streams))

    def _prefer(self, wish):
        codecs = [codec for codec in DEFAULT_CAPABILITIES.codecs_of(wish.kind) if self.random.random() < 0.8]
        self.random.shuffle(codecs)
        if codecs and not {"rtx", "telephone-event"}.issuperset(codec.name for codec in codecs):
            self.wishes[wish.key] = replace(wish, codec_preferences=tuple(codecs))

    def _stop(self, wish):
        if wish.key not in self.facts and self.is_stable:
            del self.wishes[wish.key]
        else:
            self.wishes[wish.key] = replace(wish, is_stopped=True)

    # What the connection does

    @property
    def wanted(self):
        return Wanted(self.wants_data_channel, tuple(self.wishes.values()), cname=self.name)

    @property
    def is_stable(self):
        return self.negotiation.state is SignalingState.STABLE

    @property
    def is_needed(self):
        return self.is_stable and self.negotiation.is_negotiation_needed(self.wanted)

    def offer(self, other):
        """What the handler of negotiationneeded does."""
        self.negotiation.create_offer(self.wanted, self.local)
        self._apply(self.negotiation.set_local(OFFER))
        self._tell(other, OFFER)

    def receive(self, other):
        """Take the next description from the inbox."""
        kind, text = self.inbox.popleft()
        is_collision = kind is OFFER and not self.is_stable
        if is_collision and not self.is_polite:
            self.ignored += 1
            return
        if is_collision and self.random.random() < 0.5:
            self._apply(self.negotiation.set_local(ROLLBACK))
        self._apply(self.negotiation.set_remote(kind, text, self.wanted))
        if kind is OFFER:
            if self.random.random() < 0.2:
                self.change()
            if self.random.random() < 0.2:
                self._answer(other, PRANSWER)
            self._answer(other, ANSWER)

    def _answer(self, other, kind):
        self.negotiation.create_answer(self.local, self.wanted)
        self._apply(self.negotiation.set_local(kind))
        self._tell(other, kind)

    def _tell(self, other, kind):
        other.inbox.append((kind, self.negotiation.local_description_text("effective", self.local)))

    def _apply(self, applied):
        self.rolled_back += applied.is_rolled_back
        self.facts = {facts.transceiver: facts for facts in applied.media}
        for key in applied.removed:
            if not self.wishes[key].is_from_add_track:
                del self.wishes[key]
        for key in applied.stopped:
            self.wishes.pop(key)
        if self.is_stable:  # what was stopped in an offer that is taken back was never negotiated
            gone = [wish.key for wish in self.wishes.values() if wish.is_stopped and wish.key not in self.facts]
            for key in gone:
                del self.wishes[key]
        for key, facts in self.facts.items():
            if key not in self.wishes:
                self._put(TransceiverWish(key, facts.kind, Direction.RECVONLY))
            wish = self.wishes[key]
            if facts.requested_rids and len(wish.encodings) == 1:
                self._put(wish, facts.requested_rids)
            elif facts.send is not None and applied.type is ANSWER and len(facts.send.encodings) < len(wish.encodings):
                # What the peer does not take of simulcast is gone for good (W3C webrtc-pc section 4.4.1.5).
                kept = {encoding.ssrc for encoding in facts.send.encodings}
                encodings = tuple(encoding for encoding in wish.encodings if encoding.ssrc in kept)
                self.wishes[key] = replace(wish, encodings=encodings)
