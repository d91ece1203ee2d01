"""Pictures and sound through real codecs and sockets: between two of our connections, and with Chromium."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from rtcpeer import MediaStreamTrack, OperationError, RTCPeerConnection, RTCRtpSender
from tests.interop.browser import Page
from tests.interop.chromium import Chromium, ChromiumPage
from tests.interop.media_sources import NumberedVideo, Numbers, Tone, colour_of, frequency_of

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]


async def until(condition: Callable[[], object], timeout: float = 30.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.02)


def tracks_of(pc: RTCPeerConnection) -> dict[str, MediaStreamTrack]:
    found: dict[str, MediaStreamTrack] = {}
    pc.on("track", lambda track: found.setdefault(track.kind, track))
    return found


async def exchange(offerer: RTCPeerConnection, answerer: RTCPeerConnection) -> None:
    await offerer.setLocalDescription()
    assert offerer.localDescription is not None
    await answerer.setRemoteDescription(offerer.localDescription)
    await answerer.setLocalDescription()
    assert answerer.localDescription is not None
    await offerer.setRemoteDescription(answerer.localDescription)


def prefer(pc: RTCPeerConnection, name: str) -> None:
    for transceiver in pc.getTransceivers():
        capabilities = RTCRtpSender.getCapabilities(transceiver.kind)
        assert capabilities is not None
        chosen = [codec for codec in capabilities.codecs if codec.name.lower() in {name.lower(), "rtx"}]
        if any(codec.name.lower() == name.lower() for codec in chosen):
            transceiver.setCodecPreferences(chosen)


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
async def test_pictures_arrive_whole_and_in_order(codec: str) -> None:
    async with RTCPeerConnection() as a, RTCPeerConnection() as b:
        arrived = tracks_of(b)
        source = NumberedVideo(blue=90, red=200)
        a.addTrack(source)
        prefer(a, codec)
        await exchange(a, b)
        reader = Numbers(arrived["video"])
        await until(lambda: len(reader.numbers) >= 60)
        numbers = reader.numbers[:60]
        assert numbers == sorted(set(numbers))
        assert len(numbers) / (numbers[-1] - numbers[0] + 1) > 0.9
        assert reader.last is not None
        blue, red = colour_of(reader.last)
        assert abs(blue - 90) < 12
        assert abs(red - 200) < 12
        report = await b.getStats(arrived["video"])
        assert codec in {one.mimeType.partition("/")[2] for one in report.values() if one.type == "codec"}
        [inbound] = [one for one in report.values() if one.type == "inbound-rtp"]
        assert inbound.framesDecoded >= 60
        assert (inbound.frameWidth, inbound.frameHeight) == (320, 240)
    await reader.task


async def test_simulcast_of_ours_comes_in_its_sizes() -> None:
    async with RTCPeerConnection() as a, RTCPeerConnection() as b:
        arrived = tracks_of(b)
        layers = [{"rid": "q"}, {"rid": "h"}, {"rid": "f"}]
        sender = a.addTransceiver(NumberedVideo(width=640, height=480), sendEncodings=layers).sender
        await exchange(a, b)
        counts: dict[str | None, int] = {}
        async with asyncio.timeout(30):
            async for frame in arrived["video"].receiver.encoded():
                counts[frame.rid] = counts.get(frame.rid, 0) + 1
                if len(counts) == 3 and min(counts.values()) > 20:
                    break
        report = await sender.getStats()
        sizes = {one.rid: one.frameWidth for one in report.values() if one.type == "outbound-rtp"}
        assert sizes == {"q": 160, "h": 320, "f": 640}


@pytest.mark.parametrize("codec", ["opus", "PCMU", "PCMA", "G722"])
async def test_a_tone_keeps_its_frequency(codec: str) -> None:
    async with RTCPeerConnection() as a, RTCPeerConnection() as b:
        arrived = tracks_of(b)
        a.addTrack(Tone(523.0))
        prefer(a, codec)
        await exchange(a, b)
        assert abs(await frequency_of(arrived["audio"]) - 523.0) < 6
        report = await b.getStats()
        assert codec in {one.mimeType.partition("/")[2] for one in report.values() if one.type == "codec"}
        assert {"inbound-rtp", "media-playout"} <= {one.type for one in report.values()}


async def test_a_frame_of_no_format_ends_its_track_and_nothing_else() -> None:
    class Broken(NumberedVideo):
        async def recv(self) -> object:
            await super().recv()
            return "no picture" if self.count > 5 else await super().recv()

    class Raising(NumberedVideo):
        async def recv(self) -> object:
            await super().recv()
            if self.count > 5:
                raise RuntimeError("the camera has caught fire")
            return await super().recv()

    async with RTCPeerConnection() as a, RTCPeerConnection() as b:
        arrived = tracks_of(b)
        errors: list[OperationError] = []
        for track in (Broken(), Raising()):
            a.addTrack(track).on("error", errors.append)
        a.addTrack(Tone())
        await exchange(a, b)
        await until(lambda: len(errors) == 2)
        assert any("caught fire" in str(error) for error in errors)
        assert all(isinstance(error, OperationError) for error in errors)
        assert await frequency_of(arrived["audio"]) > 400
        assert a.connectionState == "connected"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


CALL = """
const pc = window.pc = new RTCPeerConnection();
window.tracks = [];
pc.ontrack = ({ track, streams }) => {
  if (window.tracks.includes(track)) return;
  window.tracks.push(track);
  const element = document.createElement(track.kind);
  element.autoplay = true;
  element.muted = track.kind === "video";
  element.srcObject = new MediaStream([track]);
  document.body.append(element);
  window[track.kind] = element;
};
if (constraints) {
  const stream = window.stream = await navigator.mediaDevices.getUserMedia(constraints);
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
}
"""
GATHERED = """
if (pc.iceGatheringState !== "complete")
  await new Promise((resolve) => pc.addEventListener("icegatheringstatechange",
    () => pc.iceGatheringState === "complete" && resolve()));
return pc.localDescription.toJSON();
"""


async def offer_to_page(pc: RTCPeerConnection, page: Page) -> None:
    await pc.setLocalDescription()
    assert pc.localDescription is not None
    answer = await page.run(
        f"await pc.setRemoteDescription(offer); await pc.setLocalDescription(); {GATHERED}",
        offer=pc.localDescription.toJSON(),
    )
    await pc.setRemoteDescription(answer)


async def offer_from_page(pc: RTCPeerConnection, page: Page) -> None:
    await pc.setRemoteDescription(await page.run(f"await pc.setLocalDescription(); {GATHERED}"))
    await pc.setLocalDescription()
    assert pc.localDescription is not None
    await page.run("await pc.setRemoteDescription(answer);", answer=pc.localDescription.toJSON())


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Chromium) -> AsyncIterator[ChromiumPage]:
    made = await chromium.new_page()
    # Cameras are for secure contexts, which localhost is; nothing has to listen there.
    await made.playwright.route("http://localhost/", lambda route: route.fulfill(body="", content_type="text/html"))
    await made.navigate("http://localhost/")
    yield made
    await made.close()


# What <video> shows: its size, a pixel of the upper half, and how many frames were decoded.
SHOWN = """
const context = Object.assign(document.createElement("canvas"), { width: 64, height: 48 }).getContext("2d");
context.drawImage(window.video, 0, 0, 64, 48);
const stats = [...(await pc.getStats()).values()].find((one) => one.type === "inbound-rtp" && one.kind === "video");
return { width: window.video.videoWidth, pixel: [...context.getImageData(16, 6, 1, 1).data.slice(0, 3)],
  frames: stats?.framesDecoded ?? 0, lost: stats?.packetsLost };
"""


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
async def test_chromium_shows_our_pictures(page: Page, codec: str, we_offer: bool) -> None:
    await page.run(CALL, constraints=None)
    async with RTCPeerConnection() as pc:
        if we_offer:
            pc.addTrack(NumberedVideo(blue=90, red=200))
            prefer(pc, codec)
            await offer_to_page(pc, page)
        else:
            await page.run("pc.addTransceiver('video', { direction: 'recvonly' });")
            pc.addTrack(NumberedVideo(blue=90, red=200))
            prefer(pc, codec)
            await offer_from_page(pc, page)
        async with asyncio.timeout(30):
            while (shown := await page.run(SHOWN))["frames"] < 60:
                await asyncio.sleep(0.2)
        assert shown["width"] == 320
        red, green, blue = shown["pixel"]
        assert red > green + 60 > blue - 40
        assert red > 150


@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
async def test_chromiums_camera_and_microphone_arrive(page: Page, we_offer: bool) -> None:
    await page.run(CALL, constraints={"audio": True, "video": {"width": 320, "height": 240}})
    async with RTCPeerConnection() as pc:
        arrived = tracks_of(pc)
        if we_offer:
            pc.addTransceiver("audio", direction="recvonly")
            pc.addTransceiver("video", direction="recvonly")
            await offer_to_page(pc, page)
        else:
            await offer_from_page(pc, page)
        await until(lambda: len(arrived) == 2)
        reader = Numbers(arrived["video"])
        await until(lambda: len(reader.numbers) >= 60)
        assert reader.last is not None
        assert (reader.last.width, reader.last.height) == (320, 240)
        async with asyncio.timeout(10):
            frame = await arrived["audio"].recv()
        assert frame.sample_rate == 48000
        report = await pc.getStats(arrived["video"])
        [inbound] = [one for one in report.values() if one.type == "inbound-rtp"]
        assert inbound.framesDecoded >= 60
        [sources] = [arrived["audio"].receiver.getSynchronizationSources()]
        assert sources
    await reader.task


@pytest.mark.parametrize("who", ["we", "they"])
async def test_either_side_changes_what_flows(page: Page, who: str) -> None:
    """Tracks added, replaced, muted by direction and removed, by one side, while the other's go on."""
    await page.run(CALL, constraints={"video": {"width": 320, "height": 240}})

    async def negotiate(pc: RTCPeerConnection) -> None:
        await (offer_to_page(pc, page) if who == "we" else offer_from_page(pc, page))

    async with RTCPeerConnection() as pc:
        arrived = tracks_of(pc)
        sender = pc.addTrack(NumberedVideo(blue=90, red=200))
        await negotiate(pc)
        theirs = Numbers(arrived["video"])
        await shows(page, lambda pixel: pixel[0] > pixel[1] + 60)
        await until(lambda: theirs.numbers)

        sender.replaceTrack(NumberedVideo(blue=220, red=100, width=640, height=480))
        await shows(page, lambda pixel: pixel[2] > pixel[1] + 60)
        assert (await page.run(SHOWN))["width"] == 640

        # Sound is added by the one, the picture taken away by the other direction.
        if who == "we":
            pc.addTrack(Tone())
            pc.getTransceivers()[0].direction = "recvonly"
        else:
            await page.run("pc.getTransceivers()[0].direction = 'sendonly'; pc.addTransceiver('audio');")
        await negotiate(pc)
        assert await page.evaluate("pc.getTransceivers().map((one) => one.currentDirection)") in (
            ["sendonly", "recvonly"],
            ["sendonly", "sendonly"],
        )
        await page.wait_for("window.tracks[0].muted")
        count = len(theirs.numbers)
        await until(lambda: len(theirs.numbers) > count + 10)

        # And back, with another track of theirs.
        if who == "we":
            pc.getTransceivers()[0].direction = "sendrecv"
        else:
            await page.run("pc.getTransceivers()[0].direction = 'sendrecv';")
        await negotiate(pc)
        await page.wait_for("!window.tracks[0].muted")
        await shows(page, lambda pixel: pixel[2] > pixel[1] + 60)

        if who == "we":
            pc.removeTrack(sender)
            await pc.getTransceivers()[1].stop()
        else:
            await page.run("pc.removeTrack(pc.getSenders()[0]); pc.getTransceivers()[1].stop();")
        await negotiate(pc)
        assert len(pc.getTransceivers()) == 1
        assert await page.evaluate("pc.getTransceivers().length") == 1
        muted = arrived["video"].muted if who == "they" else await page.evaluate("window.tracks[0].muted")
        assert muted
    await theirs.task


async def shows(page: Page, is_it: Callable[[list[int]], bool]) -> None:
    """Wait until <video> has a pixel of that colour."""
    async with asyncio.timeout(30):
        while not is_it((await page.run(SHOWN))["pixel"]):
            await asyncio.sleep(0.1)


async def test_layers_of_chromiums_simulcast_arrive(page: Page) -> None:
    await page.run(CALL, constraints=None)
    await page.run(
        """
        const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 } });
        pc.addTransceiver(stream.getTracks()[0], { sendEncodings: [
          { rid: "q", scaleResolutionDownBy: 4 }, { rid: "h", scaleResolutionDownBy: 2 }, { rid: "f" }] });
        """
    )
    async with RTCPeerConnection() as pc:
        arrived = tracks_of(pc)
        await offer_from_page(pc, page)
        receiver = arrived["video"].receiver
        rids: dict[str | None, int] = {}
        async with asyncio.timeout(60):
            async for frame in receiver.encoded():
                rids[frame.rid] = rids.get(frame.rid, 0) + 1
                if len(rids) == 3 and min(rids.values()) > 10:
                    break
        assert set(rids) == {"q", "h", "f"}
        # The track has one of them.
        widths: list[int] = []
        async with asyncio.timeout(60):
            while len(widths) < 60 or len(set(widths[-60:])) > 1 or widths[-1] < 640:
                widths.append((await arrived["video"].recv()).width)
        times = [(await arrived["video"].recv()).pts for _ in range(30)]
        assert times == sorted(set(times))
