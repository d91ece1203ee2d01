"""What must hold between us and any other implementation, whoever offers; run by a class for each of them."""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from rtcpeer import IceSettings, RTCIceCandidate, RTCPeerConnection, Settings
from tests.interop.browser import Browser
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.peer import Candidate, Description, Message, Mode, Peer, connect
from tests.interop.peers.python_peer import OurPeer

LARGE = 256 * 1024

TEXTS: list[Message] = ["text", "", "Ünïcödé \U0001f600 \u202e", "line\r\nbreak\x00nul", "x" * 2000]
BINARIES: list[Message] = [b"binary", b"", bytes(range(256)), b"\x00", b"\xff" * 2000]


@dataclass(frozen=True)
class Pair:
    """Us and them, and who offers."""

    ours: OurPeer
    theirs: Peer
    we_offer: bool

    @property
    def offerer(self) -> Peer:
        return self.ours if self.we_offer else self.theirs

    @property
    def answerer(self) -> Peer:
        return self.theirs if self.we_offer else self.ours

    def sides(self, side: str) -> tuple[Peer, Peer]:
        """The named side and the other one."""
        return (self.ours, self.theirs) if side == "ours" else (self.theirs, self.ours)

    async def connect(self, mode: Mode = "trickle", *, copies: int = 1) -> None:
        """With one channel, `chat`, opened by the offerer."""
        await self.offerer.create_channel("chat")
        await connect(self.offerer, self.answerer, mode, copies=copies)
        await asyncio.gather(self.ours.channel("chat"), self.theirs.channel("chat"))


class Behaviours:
    """To be inherited by a class whose module has a fixture `theirs`, a fresh peer for each test."""

    @pytest_asyncio.fixture(loop_scope="module", params=["we-offer", "they-offer"])
    async def pair(self, request: pytest.FixtureRequest, theirs: Peer) -> AsyncIterator[Pair]:
        async with OurPeer(RTCPeerConnection()) as ours:
            yield Pair(ours, theirs, we_offer=request.param == "we-offer")

    @pytest.mark.parametrize("mode", ["trickle", "bulk"])
    async def test_messages_arrive_as_they_were_sent(self, pair: Pair, mode: Mode) -> None:
        await pair.connect(mode)
        await exchange(pair, "chat", TEXTS)
        await exchange(pair, "chat", BINARIES)
        states = await pair.ours.states()
        assert states == {"connection": "connected", "iceconnection": states["iceconnection"], "signaling": "stable"}
        assert states["iceconnection"] in {"connected", "completed"}

    async def test_large_messages(self, pair: Pair) -> None:
        await pair.connect()
        await transfer(pair.ours, pair.theirs, "chat", large_messages(LARGE))
        await transfer(pair.theirs, pair.ours, "chat", large_messages(LARGE))
        assert pair.ours.pc.sctp is not None
        limit = pair.ours.pc.sctp.maxMessageSize
        assert limit == pair.theirs.abilities.largest_message
        if limit == LARGE:
            with pytest.raises(TypeError):
                await pair.ours.send("chat", bytes(LARGE + 1))
            await exchange(pair, "chat", ["lives on"])

    async def test_much_data_both_ways_at_once(self, pair: Pair) -> None:
        await pair.connect()
        generator = random.Random(4)
        messages: list[Message] = [generator.randbytes(16384) for _ in range(64)]
        await exchange(pair, "chat", messages)

    async def test_a_hundred_channels(self, pair: Pair) -> None:
        labels = [f"channel {number}" for number in range(100)]
        for label in labels[:50]:
            await pair.offerer.create_channel(label)
        await connect(pair.offerer, pair.answerer)
        for label in labels[50:]:
            await pair.answerer.create_channel(label)
        ids = {(await peer.channel(label))["id"] for label in labels for peer in (pair.ours, pair.theirs)}
        assert len(ids) == 100
        for label in labels:
            await pair.ours.send(label, f"{label} from us")
            await pair.theirs.send(label, f"{label} from them")
        for label in labels:
            assert await pair.theirs.received(label, 1) == [f"{label} from us"]
            assert await pair.ours.received(label, 1) == [f"{label} from them"]

    @pytest.mark.parametrize("opener", ["ours", "theirs"])
    @pytest.mark.parametrize(
        "options",
        [
            {"ordered": False},
            {"maxRetransmits": 0},
            {"ordered": False, "maxRetransmits": 3, "protocol": "game/1"},
            {"maxPacketLifeTime": 2000},
            {"ordered": False, "maxPacketLifeTime": 2000},
        ],
        ids="-".join,
    )
    async def test_unordered_and_partially_reliable(self, pair: Pair, opener: str, options: dict[str, object]) -> None:
        one, other = pair.sides(opener)
        await pair.connect()
        await one.create_channel("special", **options)
        wanted = {
            "label": "special",
            "ordered": True,
            "maxRetransmits": None,
            "maxPacketLifeTime": None,
            "protocol": "",
        }
        for peer in (one, other):
            attributes = await peer.channel("special")
            assert {name: attributes[name] for name in wanted} == wanted | options
        messages: list[Message] = [f"{number} " + "x" * (number % 3 * 1500) for number in range(30)]
        for sender, receiver in ((one, other), (other, one)):
            await sender.send("special", *messages)
            arrived = await receiver.received("special", len(messages))  # loopback loses nothing
            assert sorted(map(str, arrived)) == sorted(map(str, messages))

    async def test_negotiated_channels(self, pair: Pair) -> None:
        for number in (0, 7, 100):
            for peer in (pair.ours, pair.theirs):
                await peer.create_channel(f"agreed {number}", negotiated=True, id=number)
        await connect(pair.offerer, pair.answerer)
        for peer in (pair.ours, pair.theirs):
            await peer.create_channel("later", negotiated=True, id=50, ordered=False)
        for label in ("agreed 0", "agreed 7", "agreed 100", "later"):
            for peer in (pair.ours, pair.theirs):
                assert (await peer.channel(label))["negotiated"] is True
            await exchange(pair, label, ["text", b"binary", "", b""])

    async def test_candidates_before_the_description(self, pair: Pair) -> None:
        """Only ours is asked: browsers refuse candidates that come before the description."""
        await pair.offerer.create_channel("chat")
        offer = await pair.offerer.describe("offer", "bulk")
        if not pair.we_offer:
            await give_candidates(pair.ours, offer)
        await pair.answerer.accept(offer if pair.we_offer else without_candidates(offer))
        answer = await pair.answerer.describe("answer", "bulk")
        if pair.we_offer:
            await give_candidates(pair.ours, answer)
        await pair.offerer.accept(without_candidates(answer) if pair.we_offer else answer)
        await asyncio.gather(pair.ours.connected(), pair.theirs.connected())
        early = [RTCIceCandidate(one) for one in candidates_of(answer if pair.we_offer else offer)]
        told = {(one.address, one.port, "host") for one in early if one.protocol == "udp" and one.component == "rtp"}
        assert told <= {(one.address, one.port, one.type) for one in remote_candidates(pair.ours)}
        await asyncio.gather(pair.ours.channel("chat"), pair.theirs.channel("chat"))
        await exchange(pair, "chat", ["hello"])

    async def test_trickled_candidates_delivered_twice(self, pair: Pair) -> None:
        await pair.connect(copies=2)
        assert_no_duplicates(pair.ours)
        await exchange(pair, "chat", ["hello"])

    async def test_candidates_in_the_description_and_again(self, pair: Pair) -> None:
        await pair.offerer.create_channel("chat")
        offer = await pair.offerer.describe("offer", "bulk")
        await pair.answerer.accept(offer)
        await give_candidates(pair.answerer, offer)
        answer = await pair.answerer.describe("answer", "bulk")
        await pair.offerer.accept(answer)
        await give_candidates(pair.offerer, answer)
        await give_candidates(pair.offerer, answer)
        await asyncio.gather(pair.ours.channel("chat"), pair.theirs.channel("chat"))
        assert_no_duplicates(pair.ours)
        await exchange(pair, "chat", ["hello"])

    @pytest.mark.parametrize("closer", ["ours", "theirs"])
    @pytest.mark.parametrize("opener", ["ours", "theirs"])
    async def test_a_channel_is_closed(self, pair: Pair, opener: str, closer: str) -> None:
        await pair.connect()
        opening, other = pair.sides(opener)
        closing, waiting = pair.sides(closer)
        ids = []
        for _ in range(3):  # the id comes back, and works again
            await opening.create_channel("passing")
            ids.append((await opening.channel("passing"))["id"])
            await other.channel("passing")
            await exchange(pair, "passing", ["hello"])
            await closing.send("passing", *(f"last {number}" for number in range(20)))
            await closing.close_channel("passing")
            assert await waiting.received("passing", 20) == [f"last {number}" for number in range(20)]
            await closing.channel("passing", "closed")
            await waiting.channel("passing", "closed")
        assert len(set(ids)) == 1
        await exchange(pair, "chat", ["lives on"])

    async def test_we_close_the_connection(self, pair: Pair) -> None:
        await pair.connect()
        started = time.monotonic()
        await pair.ours.close()
        assert time.monotonic() - started < 1
        assert pair.ours.channels["chat"].readyState == "closed"
        await pair.theirs.channel("chat", "closed")
        assert time.monotonic() - started < 3

    async def test_they_close_the_connection(self, pair: Pair) -> None:
        await pair.connect()
        started = time.monotonic()
        await pair.theirs.close()
        await pair.ours.channel("chat", "closed")
        assert time.monotonic() - started < 3
        assert pair.ours.pc.sctp is not None
        assert pair.ours.pc.sctp.state == "closed"
        transport = pair.ours.pc.sctp.transport
        await pair.ours.until(lambda: transport.state == "closed", "end of DTLS")
        if pair.we_offer:  # once is enough: the silence takes its time
            await pair.ours.until(lambda: pair.ours.pc.connectionState == "disconnected", "disconnected", within=10)


async def transfer(sender: Peer, receiver: Peer, label: str, messages: list[Message]) -> None:
    await sender.send(label, *messages)
    assert await receiver.received(label, len(messages)) == messages


async def exchange(pair: Pair, label: str, messages: list[Message]) -> None:
    """The same messages both ways at once, compared."""
    await asyncio.gather(
        transfer(pair.ours, pair.theirs, label, messages), transfer(pair.theirs, pair.ours, label, messages)
    )


def large_messages(size: int) -> list[Message]:
    generator = random.Random(size)
    return [generator.randbytes(size), "".join(generator.choices("abcdefgh ", k=size)), generator.randbytes(size - 1)]


def candidates_of(description: Description) -> list[Candidate]:
    mid = re.search(r"^a=mid:(\S+)", description["sdp"], re.MULTILINE)
    lines = re.findall(r"^a=(candidate:.*?)\r?$", description["sdp"], re.MULTILINE)
    assert mid, description["sdp"]
    assert lines, description["sdp"]
    return [{"candidate": line, "sdpMid": mid[1], "sdpMLineIndex": 0} for line in lines]


async def give_candidates(peer: Peer, description: Description) -> None:
    for candidate in candidates_of(description):
        await peer.add_candidate(candidate)


def without_candidates(description: Description) -> Description:
    sdp = re.sub(r"^a=(candidate:.*|end-of-candidates)\r?\n", "", description["sdp"], flags=re.MULTILINE)
    assert "candidate:" not in sdp
    return {**description, "sdp": sdp}


def remote_candidates(ours: OurPeer) -> list[RTCIceCandidate]:
    candidates: list[RTCIceCandidate] = ours.pc.sctp.transport.iceTransport.getRemoteCandidates()
    return candidates


def assert_no_duplicates(ours: OurPeer) -> None:
    known = [(one.address, one.port, one.protocol, one.component) for one in remote_candidates(ours)]
    assert known
    assert len(known) == len(set(known))


async def connect_to_hidden_addresses(browser: Browser, mode: str, *, we_offer: bool) -> None:
    """A visitor's browser gives `.local` names only; it reaches us, and we learn where it is from its checks."""
    settings = Settings(ice=IceSettings(mdns="disabled"))
    async with (
        await BrowserPeer.start(browser) as theirs,
        OurPeer(RTCPeerConnection(settings=settings)) as ours,
    ):
        pair = Pair(ours, theirs, we_offer=we_offer)
        await pair.connect("bulk" if mode == "bulk" else "trickle")
        await exchange(pair, "chat", ["hello", b"bytes"])
        known = remote_candidates(ours)
        assert "prflx" in {one.type for one in known}
        ice = ours.pc.sctp.transport.iceTransport
        ice.on("selectedcandidatepairchange", ours.wake)
        await ours.until(lambda: ice.getSelectedCandidatePair() is not None, "selected pair")
        assert not ice.getSelectedCandidatePair().remote.address.endswith(".local")
