import asyncio
from collections.abc import Callable
from types import SimpleNamespace

from pyee.asyncio import AsyncIOEventEmitter

from rtcpeer.signaling.events import (
    ByeReceived,
    CandidateReceived,
    DescriptionReceived,
    Peer,
    PeerMessage,
)
from rtcpeer.signaling.negotiator import PeerNegotiator


class FakeSignaling:
    """What a negotiator uses of a SignalingClient; delivers to the other end when told to."""

    def __init__(self, own_id: str) -> None:
        self.id = own_id
        self.sent: list[tuple[str, object]] = []
        self.taker: Callable[[PeerMessage], None] | None = None
        self.error: Exception | None = None

    def take(self, peer_id: str, taker: Callable[[PeerMessage], None]) -> None:
        self.taker = taker

    def release(self, peer_id: str) -> None:
        self.taker = None

    async def send_description(self, to: str, description: SimpleNamespace) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append((description.type, description.sdp))

    async def send_candidate(self, to: str, candidate: object) -> None:
        self.sent.append(("candidate", candidate))


class FakeConnection(AsyncIOEventEmitter):
    """The signalling state machine of the W3C with descriptions that are counters."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.signalingState = "stable"
        self.localDescription: SimpleNamespace | None = None
        self.calls: list[str] = []
        self.candidates: list[object] = []
        self.gathering = asyncio.Event()
        self.gathering.set()
        self.needs = False
        self.offers = 0
        self.chain = asyncio.Lock()

    def need(self) -> None:
        self.needs = True
        if self.signalingState == "stable":
            self.emit("negotiationneeded")

    async def gathered(self) -> None:
        await self.gathering.wait()

    async def setLocalDescription(self) -> None:
        async with self.chain:
            await asyncio.sleep(0)
            if self.signalingState == "have-remote-offer":
                self.localDescription = SimpleNamespace(type="answer", sdp=f"{self.name} answer")
                self._stable()
            else:
                self.offers += 1
                self.localDescription = SimpleNamespace(type="offer", sdp=f"{self.name} offer {self.offers}")
                self.signalingState = "have-local-offer"
            self.calls.append(f"local {self.localDescription.type}")

    async def setRemoteDescription(self, description: dict[str, str]) -> None:
        async with self.chain:
            await asyncio.sleep(0)
            if description["type"] == "offer":
                self.signalingState = "have-remote-offer"
            elif self.signalingState == "have-local-offer":
                self.needs = False
                self._stable()
            else:
                raise ValueError(f"no answer is due in {self.signalingState}")
            self.calls.append(f"remote {description['type']}")

    async def addIceCandidate(self, candidate: object) -> None:
        if candidate == {"candidate": "bad"}:
            raise ValueError("bad candidate")
        self.candidates.append(candidate)

    def _stable(self) -> None:
        self.signalingState = "stable"
        if self.needs:
            asyncio.get_running_loop().call_soon(self.emit, "negotiationneeded")


class End:
    def __init__(self, name: str, *, polite: bool, trickle: bool = True) -> None:
        self.name = name
        self.peer = Peer("other", "Other", polite=polite)
        self.signaling = FakeSignaling(name)
        self.pc = FakeConnection(name)
        self.errors: list[Exception] = []
        self.negotiator = PeerNegotiator(
            self.signaling,  # type: ignore[arg-type]
            self.peer,
            self.pc,
            trickle=trickle,
            on_error=self.errors.append,
        )

    def hear(self, kind: str, content: object) -> None:
        assert self.signaling.taker is not None
        if kind == "candidate":
            self.signaling.taker(CandidateReceived(self.peer, content))  # type: ignore[arg-type]
        else:
            self.signaling.taker(DescriptionReceived(self.peer, {"type": kind, "sdp": str(content)}))


async def settle() -> None:
    for _ in range(40):
        await asyncio.sleep(0)


async def exchange(one: End, other: End) -> list[str]:
    """Deliver everything until nobody says anything more."""
    log: list[str] = []
    while True:
        await settle()
        if not one.signaling.sent and not other.signaling.sent:
            return log
        for sender, receiver in ((one, other), (other, one)):
            sent, sender.signaling.sent = sender.signaling.sent, []
            for kind, content in sent:
                log.append(f"{sender.name}: {content}")
                receiver.hear(kind, content)


async def pair(*, trickle: bool = True) -> tuple[End, End]:
    return End("late", polite=True, trickle=trickle), End("early", polite=False, trickle=trickle)


async def finish(*ends: End) -> None:
    for end in ends:
        await end.negotiator.close()
        assert end.signaling.taker is None
        assert not end.pc.listeners("negotiationneeded")
        assert not end.pc.listeners("icecandidate")


async def test_one_offers_and_the_other_answers() -> None:
    late, early = await pair()
    early.pc.need()
    assert await exchange(late, early) == ["early: early offer 1", "late: late answer"]
    assert early.pc.signalingState == late.pc.signalingState == "stable"
    assert not early.errors
    assert not late.errors
    await finish(late, early)


async def test_colliding_offers_end_with_both_answered_in_both_modes() -> None:
    for trickle in (True, False):
        late, early = await pair(trickle=trickle)
        late.pc.need()
        early.pc.need()
        log = await exchange(late, early)
        # The polite one's first offer is ignored; it makes another one for what it needs still.
        assert log == [
            "late: late offer 1",
            "early: early offer 1",
            "late: late answer",
            "late: late offer 2",
            "early: early answer",
        ], (trickle, log)
        assert not late.errors
        assert not early.errors
        assert early.pc.signalingState == late.pc.signalingState == "stable"
        await finish(late, early)


async def test_offer_that_arrives_before_our_task_runs_is_a_collision() -> None:
    late, early = await pair()
    early.pc.need()
    early.hear("offer", "late offer")
    await settle()
    assert early.pc.calls == ["local offer"]
    late.pc.need()
    late.hear("offer", "early offer")
    await settle()
    assert late.signaling.sent[-1][0] in {"answer", "offer"}
    assert "answer" in [kind for kind, _ in late.signaling.sent]
    await finish(late, early)


async def test_no_candidate_overtakes_its_description() -> None:
    late, early = await pair()
    early.pc.need()
    await asyncio.sleep(0)
    early.pc.emit("icecandidate", "first")
    early.pc.emit("icecandidate", None)
    await settle()
    assert [kind for kind, _ in early.signaling.sent] == ["offer", "candidate", "candidate"]
    assert early.signaling.sent[-1] == ("candidate", None)
    await finish(late, early)


async def test_bulk_sends_after_gathering_and_takes_candidates_meanwhile() -> None:
    late, early = await pair(trickle=False)
    assert not early.pc.listeners("icecandidate")
    late.pc.gathering.clear()
    late.hear("offer", "x")
    late.hear("candidate", {"candidate": "c"})
    late.hear("candidate", None)
    await settle()
    assert late.signaling.sent == []
    assert late.pc.candidates == [{"candidate": "c"}, None]
    late.pc.gathering.set()
    await settle()
    assert late.signaling.sent == [("answer", "late answer")]
    await finish(late, early)


async def test_bulk_offer_waits_for_the_answer_before_it() -> None:
    late, early = await pair(trickle=False)
    late.pc.gathering.clear()
    late.hear("offer", "x")
    await settle()
    late.pc.need()
    await settle()
    assert late.pc.calls == ["remote offer", "local answer"]
    late.pc.gathering.set()
    await settle()
    assert late.signaling.sent == [("answer", "late answer"), ("offer", "late offer 1")]
    await finish(late, early)


async def test_bulk_offer_rolled_back_while_gathering_is_not_sent_but_made_again() -> None:
    late, early = await pair(trickle=False)
    late.pc.gathering.clear()
    late.pc.need()
    await settle()
    late.hear("offer", "x")
    await settle()
    late.pc.gathering.set()
    await settle()
    assert late.signaling.sent == [("answer", "late answer"), ("offer", "late offer 2")]
    await finish(late, early)


async def test_candidates_of_an_ignored_offer_are_no_errors_and_others_are() -> None:
    late, early = await pair()
    early.hear("candidate", {"candidate": "bad"})
    await settle()
    assert [str(error) for error in early.errors] == ["bad candidate"]
    early.pc.need()
    await settle()
    early.hear("offer", "x")
    early.hear("candidate", {"candidate": "bad"})
    await settle()
    assert len(early.errors) == 1
    early.hear("answer", "y")
    early.hear("candidate", {"candidate": "bad"})
    early.hear("candidate", {"candidate": "good"})
    await settle()
    assert len(early.errors) == 2
    assert early.pc.candidates == [{"candidate": "good"}]
    await finish(late, early)


async def test_failure_is_told_and_does_not_end_negotiation() -> None:
    late, early = await pair()
    late.hear("answer", "to nothing")
    await settle()
    assert [str(error) for error in late.errors] == ["no answer is due in stable"]
    late.signaling.error = ConnectionError("lost")
    late.hear("offer", "x")
    await settle()
    assert [str(error) for error in late.errors] == ["no answer is due in stable", "lost"]
    late.signaling.error = None
    late.hear("offer", "x")
    await settle()
    assert late.signaling.sent == [("answer", "late answer")]
    await finish(late, early)


async def test_close_at_once_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    late, early = await pair()
    late.pc.need()
    await finish(late, early)
    await late.negotiator.close()
    late.pc.need()
    assert asyncio.all_tasks() == before


async def test_what_comes_after_a_bye_is_for_the_next_connection() -> None:
    # An offer may follow the bye in the same turn of the loop, before the program has closed anything.
    end = End("early", polite=False)
    assert end.signaling.taker is not None
    end.signaling.taker(ByeReceived(end.peer, ""))
    assert end.signaling.taker is None
    heard: list[PeerMessage] = []
    end.signaling.take(end.peer.id, heard.append)
    await end.negotiator.close()
    assert end.signaling.taker == heard.append
