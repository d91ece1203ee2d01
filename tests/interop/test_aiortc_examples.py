"""aiortc's own examples with nothing but their imports rewritten, against each other, against aiortc and in a browser.

`scripts/aiortc-examples.sh` (a step of `make test`) has put them where they are found here.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from shutil import copytree

import av
import pytest
import pytest_asyncio

from tests.interop.browser import Page
from tests.interop.chromium import Chromium
from tests.interop.conftest import REQUIRE_ALL
from tests.interop.test_examples import Example, free_port

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
IMPORT = re.compile(r"^(\s*(?:from|import) )aiortc\b", re.MULTILINE)
PEERS = [("rtcpeer", "rtcpeer"), ("rtcpeer", "aiortc"), ("aiortc", "rtcpeer")]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples as they are, in ``aiortc``, and rewritten, in ``rtcpeer``."""
    try:
        found = ROOT / ".testtools" / f"aiortc-{version('aiortc')}" / "examples"
    except PackageNotFoundError:
        found = ROOT / "nowhere"
    if not found.is_dir() or find_spec("cv2") is None:
        reason = (
            "aiortc's examples and OpenCV are not there: run scripts/aiortc-examples.sh, pip install --group interop"
        )
        (pytest.fail if REQUIRE_ALL else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("examples")
    for name in ("aiortc", "rtcpeer"):
        copytree(found, folder / name)
    for path in (folder / "rtcpeer").rglob("*.py"):
        path.write_text(IMPORT.sub(r"\1rtcpeer", path.read_text()))
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of H.264 in MPEG-TS: pictures that grow brighter, from 16 to 216, every second."""
    path = tmp_path_factory.mktemp("clip") / "clip.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"tune": "zerolatency", "profile": "baseline"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 320, 240, "yuv420p", 25
        for number in range(250):
            frame = av.VideoFrame(320, 240, "yuv420p")
            for plane, value in zip(frame.planes, (16 + number % 25 * 8, 128, 128), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@dataclass
class Meeting:
    """Where two examples exchange their descriptions."""

    way: str
    port: int
    path: Path

    @property
    def options(self) -> list[str]:
        """What both of them are told."""
        return ["-s", self.way, "--signaling-port", str(self.port), "--signaling-path", str(self.path)]

    async def is_open(self) -> None:
        """Wait until the side that offers is there: aiortc's other side does not wait for it."""
        listening = f"0100007F:{self.port:04X} 00000000:0000 0A"
        async with asyncio.timeout(30):
            while not self.path.exists() and listening not in Path("/proc/net/tcp").read_text():
                await asyncio.sleep(0.05)


@pytest.fixture
def meeting(tmp_path: Path) -> Meeting:
    return Meeting("unix-socket", free_port(), tmp_path / "socket")


@pytest.fixture(autouse=True)
def no_uvloop(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One of the examples takes uvloop where there is one, in a way that today's uvloop refuses."""
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "uvloop.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


def run(script: Path, *arguments: str | Path) -> Example:
    return Example(sys.executable, "-u", "-W", "ignore", str(script), *map(str, arguments))


def test_only_imports_were_rewritten(examples: Path) -> None:
    for rewritten in (examples / "rtcpeer").rglob("*.py"):
        original = examples / "aiortc" / rewritten.relative_to(examples / "rtcpeer")
        for old, new in zip(original.read_text().splitlines(), rewritten.read_text().splitlines(), strict=True):
            assert old == new or old.split()[:2] in (["from", "aiortc"], ["import", "aiortc"]) or "aiortc." in old


@pytest.mark.parametrize("way", ["tcp-socket", "unix-socket"])
@pytest.mark.parametrize(("sends", "receives"), PEERS)
async def test_datachannel_filexfer(
    examples: Path, meeting: Meeting, tmp_path: Path, sends: str, receives: str, way: str
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3 << 20))
    meeting.way = way
    script = Path("datachannel-filexfer", "filexfer.py")
    async with run(examples / sends / script, "send", source, *meeting.options) as sender:
        if receives == "aiortc":
            await meeting.is_open()
        async with run(examples / receives / script, "receive", target, *meeting.options) as receiver:
            await receiver.says(r"received 3145728 bytes", within=60)
            assert await sender.ended() == 0
            assert await receiver.ended() == 0
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize(("offers", "answers"), PEERS)
async def test_datachannel_cli(examples: Path, meeting: Meeting, offers: str, answers: str) -> None:
    script = Path("datachannel-cli", "cli.py")
    async with run(examples / offers / script, "offer", *meeting.options) as offerer:
        await meeting.is_open()
        async with run(examples / answers / script, "answer", *meeting.options) as answerer:
            await offerer.says(r"channel\(chat\) < pong \d+\n RTT [\d.]+ ms")
            await answerer.says(r"channel\(chat\) < ping \d+\nchannel\(chat\) > pong")
            assert await answerer.interrupt() == 0
            await offerer.says("Exiting")


async def test_datachannel_cli_by_copy_and_paste(examples: Path) -> None:
    script = examples / "rtcpeer" / "datachannel-cli" / "cli.py"
    async with run(script, "offer") as offerer, run(script, "answer") as answerer:
        await answerer.type((await offerer.says(r"\n(\{.*\"type\": \"offer\".*\})\n"))[1])
        await offerer.type((await answerer.says(r"\n(\{.*\"type\": \"answer\".*\})\n"))[1])
        await offerer.says(r"channel\(chat\) < pong")
        await answerer.type('{"type": "bye"}')
        await answerer.says("Exiting")
        assert await answerer.ended() == 0


@pytest.mark.parametrize(("offers", "answers"), PEERS)
async def test_videostream_cli(
    examples: Path, clip: Path, meeting: Meeting, tmp_path: Path, offers: str, answers: str
) -> None:
    """A file is sent and recorded as images; the flag comes back and is recorded as a film."""
    script = Path("videostream-cli", "cli.py")
    film = tmp_path / "film.mp4"
    async with run(
        examples / offers / script, "offer", "--play-from", clip, "--record-to", film, *meeting.options
    ) as offerer:
        await meeting.is_open()
        images = tmp_path / "frame-%03d.png"
        async with run(examples / answers / script, "answer", "--record-to", images, *meeting.options) as answerer:
            await offerer.says("Receiving video")
            async with asyncio.timeout(60):
                while len(list(tmp_path.glob("frame-*.png"))) < 100:
                    await asyncio.sleep(0.1)
            first = answerer if answers == "rtcpeer" else offerer
            assert await first.interrupt() == 0
            if offers == answers:
                assert await offerer.ended() == 0  # it was told
    brightness = [first_luma(tmp_path / f"frame-{number:03d}.png") for number in range(30, 90)]
    steps = [(after - before) % 200 for before, after in pairwise(brightness)]
    assert sum(2 <= step <= 30 for step in steps) > 50  # one picture after the other, with few of them lost
    if offers == "rtcpeer":
        with av.open(str(film)) as container:
            assert sum(1 for _ in container.decode(video=0)) > 50


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as chromium:
        yield chromium


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("transform", ["none", "rotate"])
async def test_server_in_chromium(examples: Path, chromium: Chromium, tmp_path: Path, transform: str) -> None:
    """The page's camera goes there, through OpenCV, and back; its microphone and it are recorded."""
    port, film = free_port(), tmp_path / "film.mp4"
    script = examples / "rtcpeer" / "server" / "server.py"
    async with run(script, "--port", str(port), "--record-to", film, "-v") as server:
        page = await open_page(chromium, port)
        await page.playwright.locator("#use-video").check()
        await page.playwright.locator("#video-transform").select_option(transform)
        await page.playwright.locator("#start").click()
        await plays(page, 3)
        await page.wait_for("document.getElementById('data-channel').textContent.includes('< pong')")
        await page.playwright.locator("#stop").click()
        # Chromium says no goodbye that ends a track: it takes until the connection has failed.
        await server.says(r"Track video ended", within=90)
        await page.close()
        assert await server.interrupt() in {0, 130}
    with av.open(str(film)) as container:
        assert {stream.type for stream in container.streams} == {"audio", "video"}
        assert sum(1 for _ in container.decode(video=0)) > 30


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "options", [(), ("--play-without-decoding", "--video-codec", "video/H264")], ids=["decoded", "passed through"]
)
async def test_webcam_with_a_file_in_chromium(
    examples: Path, chromium: Chromium, clip: Path, options: tuple[str, ...]
) -> None:
    port = free_port()
    script = examples / "rtcpeer" / "webcam" / "webcam.py"
    async with run(script, "--port", str(port), "--play-from", clip, *options) as webcam:
        page = await open_page(chromium, port)
        await page.playwright.locator("#start").click()
        await plays(page, 3)
        assert await page.evaluate("document.getElementById('video').videoWidth") == 320
        await webcam.says("Connection state is connected")
        await page.close()
        assert await webcam.interrupt() in {0, 130}


async def open_page(chromium: Chromium, port: int) -> Page:
    """The example's page, once its server is there."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return await chromium.new_page(f"http://127.0.0.1:{port}/")


async def plays(page: Page, seconds: int) -> None:
    """Wait until the page has shown so much video."""
    await page.wait_for("document.getElementById('video').currentTime > seconds", seconds=seconds, within=60)


def first_luma(path: Path) -> int:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
    return memoryview(frame.planes[0])[frame.planes[0].line_size * 100 + 100]
