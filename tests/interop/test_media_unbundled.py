"""Chromium with every bundle policy, and made not to bundle: its candidates and ours for each transport."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rtcpeer import RTCPeerConnection
from tests.interop.browser import Page
from tests.interop.chromium import Chromium
from tests.interop.media_sources import NumberedVideo, Numbers, Tone
from tests.interop.test_media import CALL, GATHERED, until

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]

DATA = """
const channel = window.channel = pc.createDataChannel("x", { negotiated: true, id: 0 });
channel.onmessage = ({ data }) => channel.send(data + " back");
"""
STATES = """
const transports = new Set(pc.getSenders().map((sender) => sender.transport));
transports.add(pc.sctp?.transport);
return [...transports].map((transport) => transport?.state);
"""
RECEIVED = """
const stats = [...(await pc.getStats()).values()].filter((one) => one.type === "inbound-rtp");
return stats.map((one) => one.packetsReceived).filter((count) => count > 20).length;
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Chromium) -> AsyncIterator[Page]:
    made = await chromium.new_page()
    await made.playwright.route("http://localhost/", lambda route: route.fulfill(body="", content_type="text/html"))
    await made.navigate("http://localhost/")
    yield made
    await made.close()


def parted(description: Any, *, is_parted: bool) -> dict[str, str]:
    """As it travels: without its groups, or as it is."""
    made: dict[str, str] = description if isinstance(description, dict) else description.toJSON()
    if is_parted:
        made = made | {"sdp": re.sub("a=group:BUNDLE .*\r\n", "", made["sdp"])}
    return made


async def exchange(pc: RTCPeerConnection, page: Page, *, we_offer: bool, is_parted: bool) -> None:
    candidates: list[Any] = []
    pc.on("icecandidate", candidates.append)
    if we_offer:
        await pc.setLocalDescription()
        answer = await page.run(
            f"await pc.setRemoteDescription(offer); await pc.setLocalDescription(); {GATHERED}",
            offer=parted(pc.localDescription, is_parted=is_parted),
        )
        await pc.setRemoteDescription(answer)
    else:
        offer = await page.run(f"await pc.setLocalDescription(); {GATHERED}")
        await pc.setRemoteDescription(parted(offer, is_parted=is_parted))
        await pc.setLocalDescription()
        await page.run("await pc.setRemoteDescription(answer);", answer=parted(pc.localDescription, is_parted=False))
    await until(lambda: pc.iceGatheringState == "complete")
    for candidate in candidates:
        if candidate is not None and await page.run("return pc.remoteDescription !== null;"):
            # Those of a transport that the answer has dropped are nobody's any more, and are ignored.
            await page.run("await pc.addIceCandidate(candidate).catch(() => {});", candidate=candidate.toJSON())


@pytest.mark.parametrize(
    ("ours", "theirs", "is_parted", "transports"),
    [
        ("balanced", "balanced", False, 1),
        ("balanced", "max-compat", False, 1),
        ("max-compat", "balanced", False, 1),
        ("balanced", "max-bundle", False, 1),
        ("balanced", "balanced", True, 3),
        ("max-compat", "max-compat", True, 3),
    ],
)
@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
async def test_a_call_over_as_many_transports_as_are_needed(
    page: Page, ours: str, theirs: str, is_parted: bool, transports: int, we_offer: bool
) -> None:
    call = CALL.replace("RTCPeerConnection()", f"RTCPeerConnection({{ bundlePolicy: '{theirs}' }})")
    await page.run(call + DATA, constraints={"audio": True, "video": {"width": 320, "height": 240}})
    async with RTCPeerConnection({"bundlePolicy": ours}) as pc:
        arrived = {}
        pc.on("track", lambda track: arrived.setdefault(track.kind, track))
        pc.addTrack(Tone())
        pc.addTrack(NumberedVideo())
        channel = pc.createDataChannel("x", negotiated=True, id=0)
        replies: list[object] = []
        channel.on("message", replies.append)
        await exchange(pc, page, we_offer=we_offer, is_parted=is_parted)
        await until(lambda: pc.connectionState == "connected")
        await until(lambda: channel.readyState == "open")
        channel.send("there")
        await until(lambda: replies == ["there back"])
        reader = Numbers(arrived["video"])
        await until(lambda: len(reader.numbers) >= 20)
        assert (await arrived["audio"].recv()).sample_rate == 48000
        await page.wait_for(f"(async () => {{ {RECEIVED} }})().then((count) => count >= 2)")
        assert await page.run(STATES) == ["connected"] * transports
        assert pc.sctp is not None
        assert len({each.transport for each in pc.getSenders()} | {pc.sctp.transport}) == transports
        report = await pc.getStats()
        assert sum(one.type == "transport" for one in report.values()) == transports
    await reader.task
