"""Our negotiation of audio and video, without a network, against what browsers make of it.

Descriptions go to and fro, and after each exchange both sides must have the same transceivers.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from rtcpeer.jsep import (
    Applied,
    DescriptionType,
    LocalTransport,
    Negotiation,
    NegotiationSettings,
    TransceiverWish,
    Wanted,
)
from rtcpeer.rtp.parameters import EncodingParameters
from rtcpeer.sdp import serialize
from rtcpeer.sdp.transport import Direction
from tests.interop.browser import Browser, Page
from tests.interop.chromium import Chromium
from tests.interop.firefox import Firefox

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]

OFFER, ANSWER = DescriptionType.OFFER, DescriptionType.ANSWER
LOCAL = LocalTransport("ourfrag1", "ourpassword1ourpassword1", (("sha-256", ":".join(["AB"] * 32)),))

_OFFER = """
await pc.setLocalDescription();
return pc.localDescription.sdp;
"""
_TAKE_ANSWER = "await pc.setRemoteDescription({ type: 'answer', sdp });"
_ANSWER = """
await pc.setRemoteDescription({ type: "offer", sdp });
await pc.setLocalDescription();
return pc.localDescription.sdp;
"""
_TRANSCEIVERS = """
pc.getTransceivers().filter((each) => each.mid !== null).map((each) => ({
  mid: each.mid,
  kind: each.receiver.track.kind,
  direction: each.currentDirection,
  codecs: each.sender.getParameters().codecs.map((codec) => codec.payloadType),
  rids: each.sender.getParameters().encodings.map((encoding) => encoding.rid ?? null),
}))
"""


class Ours:
    """A negotiation with the transceivers that an application would have made."""

    def __init__(self, settings: NegotiationSettings | None = None) -> None:
        self.negotiation = Negotiation("4711", settings)
        self.wishes: dict[int, TransceiverWish] = {}
        self._count = 0

    def add(self, kind: str, direction: Direction = Direction.SENDRECV, rids: tuple[str | None, ...] = (None,)) -> int:
        self._count += 1
        self._wish(self._count, kind, direction, rids)
        return self._count

    def _wish(self, key: int, kind: str, direction: Direction, rids: tuple[str | None, ...] = (None,)) -> None:
        first = (1000 + abs(key)) * 1000 + (500 if key < 0 else 0)
        encodings = tuple(
            EncodingParameters(first + 2 * index, first + 2 * index + 1, rid) for index, rid in enumerate(rids)
        )
        self.wishes[key] = TransceiverWish(
            key, kind, direction, ("stream",), f"track{key}", encodings, is_from_add_track=key > 0
        )

    @property
    def wanted(self) -> Wanted:
        return Wanted(True, tuple(self.wishes.values()), cname="ours")

    async def offer(self, page: Page) -> Applied:
        self.negotiation.create_offer(self.wanted, LOCAL)
        self.negotiation.set_local(OFFER)
        text = self.negotiation.local_description_text("effective", LOCAL)
        return self._applied(self.negotiation.set_remote(ANSWER, await page.run(_ANSWER, sdp=text), self.wanted))

    async def answer(self, page: Page) -> Applied:
        self._applied(self.negotiation.set_remote(OFFER, await page.run(_OFFER), self.wanted))
        reply = serialize(self.negotiation.create_answer(LOCAL, self.wanted))
        applied = self._applied(self.negotiation.set_local(ANSWER, reply))
        await page.run(_TAKE_ANSWER, sdp=reply)
        return applied

    def _applied(self, applied: Applied) -> Applied:
        for key in applied.stopped:
            del self.wishes[key]
        for facts in applied.media:
            if facts.transceiver not in self.wishes:
                self._wish(facts.transceiver, facts.kind, Direction.RECVONLY)
        return applied


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Chromium, Firefox], ids=["chromium", "firefox"])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    async with request.param() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    tab = await browser.new_page()
    await tab.run("globalThis.pc = new RTCPeerConnection();")
    yield tab
    await tab.run("pc.close();")
    await tab.close()


async def assert_agreed(page: Page, applied: Applied) -> None:
    """Both sides have the same transceivers with the same directions, and send what the other takes."""
    theirs = {each["mid"]: each for each in await page.evaluate(_TRANSCEIVERS) if each["direction"] != "stopped"}
    assert {facts.mid for facts in applied.media} == theirs.keys()
    for facts in applied.media:
        assert facts.current_direction is not None
        assert facts.receive is not None
        assert facts.send is not None
        their = theirs[facts.mid]
        assert their["kind"] == facts.kind
        assert their["direction"] == facts.current_direction.reversed.value
        if facts.receive.is_receiving:
            assert their["codecs"][0] in {codec.payload_type for codec in facts.receive.codecs}
    assert await page.evaluate("pc.signalingState") == "stable"


async def test_we_offer_a_call(page: Page) -> None:
    ours = Ours()
    ours.add("audio")
    ours.add("video")
    applied = await ours.offer(page)
    await assert_agreed(page, applied)
    assert [facts.current_direction for facts in applied.media] == [Direction.SENDONLY] * 2
    assert applied.data_channel is not None
    assert not ours.negotiation.is_negotiation_needed(ours.wanted)


async def test_we_offer_a_call_that_is_bundled_or_not_at_all(page: Page) -> None:
    ours = Ours(NegotiationSettings(bundle_policy="max-bundle"))
    ours.add("audio")
    ours.add("video")
    applied = await ours.offer(page)
    await assert_agreed(page, applied)
    assert len(applied.mids) == 3


async def test_they_offer_a_call(page: Page) -> None:
    await page.run("pc.addTransceiver('audio'); pc.addTransceiver('video'); pc.createDataChannel('');")
    ours = Ours()
    ours.add("video")
    applied = await ours.answer(page)
    await assert_agreed(page, applied)
    assert [facts.current_direction for facts in applied.media] == [Direction.RECVONLY, Direction.SENDRECV]
    assert applied.data_channel is not None


async def test_they_offer_simulcast(page: Page) -> None:
    await page.run("pc.addTransceiver('video', { sendEncodings: [{ rid: 'q' }, { rid: 'h' }, { rid: 'f' }] });")
    applied = await Ours().answer(page)
    await assert_agreed(page, applied)
    (facts,) = applied.media
    assert facts.receive is not None
    assert facts.receive.rids == ("q", "h", "f")
    (their,) = await page.evaluate(_TRANSCEIVERS)
    assert their["rids"] == ["q", "h", "f"]


async def test_we_ask_for_simulcast(page: Page) -> None:
    """As a forwarding server does: the rids of its offer become the encodings of their sender."""
    ours = Ours()
    key = ours.add("video", Direction.RECVONLY)
    ours.wishes[key] = replace(ours.wishes[key], receive_rids=("lo", "hi"))
    ours.negotiation.create_offer(ours.wanted, LOCAL)
    ours.negotiation.set_local(OFFER)
    text = ours.negotiation.local_description_text("effective", LOCAL)
    reply = await page.run(
        """
        await pc.setRemoteDescription({ type: "offer", sdp });
        pc.getTransceivers()[0].direction = "sendonly";
        await pc.setLocalDescription();
        return pc.localDescription.sdp;
        """,
        sdp=text,
    )
    applied = ours.negotiation.set_remote(ANSWER, reply)
    await assert_agreed(page, applied)
    (facts,) = applied.media
    assert facts.receive is not None
    assert facts.receive.rids == ("lo", "hi")
    (their,) = await page.evaluate(_TRANSCEIVERS)
    assert their["rids"] == ["lo", "hi"]


async def test_we_offer_simulcast(page: Page) -> None:
    """Browsers answer that they receive it or that they do not; we send what they have said."""
    ours = Ours()
    ours.add("video", rids=("q", "h", "f"))
    applied = await ours.offer(page)
    await assert_agreed(page, applied)
    (facts,) = applied.media
    assert facts.send is not None
    assert tuple(encoding.rid for encoding in facts.send.encodings) in {("q", "h", "f"), ("q",)}


async def test_twenty_random_changes_by_either_side(page: Page) -> None:
    chance = random.Random(4)
    ours = Ours()
    await ours.offer(page)  # data channels: while any section lives, the transport does
    for _ in range(20):
        if chance.random() < 0.5:
            change_ours(ours, chance)
            applied = await ours.offer(page)
        else:
            await page.run(
                """
                const living = pc.getTransceivers().filter((each) => each.direction !== "stopped");
                if (action < 0.4 || !living.length) pc.addTransceiver(kind, { direction });
                else if (action < 0.8) living[Math.floor(which * living.length)].direction = direction;
                else living[Math.floor(which * living.length)].stop();
                """,
                action=chance.random(),
                which=chance.random(),
                kind=chance.choice(["audio", "video"]),
                direction=chance.choice(list(Direction)).value,
            )
            applied = await ours.answer(page)
        await assert_agreed(page, applied)


def change_ours(ours: Ours, chance: random.Random) -> None:
    direction = chance.choice(list(Direction))
    action = chance.random()
    if action < 0.4 or not ours.wishes:
        ours.add(chance.choice(["audio", "video"]), direction)
        return
    key = chance.choice(list(ours.wishes))
    wish = ours.wishes[key]
    ours.wishes[key] = replace(wish, is_stopped=True) if action > 0.8 else replace(wish, direction=direction)
