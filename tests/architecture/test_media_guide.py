"""The guide to media says what is there: every setting and codec has its row, and its Python runs with real codecs."""

import ast
import asyncio
import dataclasses
import inspect
import re
from enum import Enum

import av
import pytest

from rtcpeer import (
    BandwidthSettings,
    CodecSettings,
    JitterBufferSettings,
    LossSettings,
    MediaBlackhole,
    MediaSettings,
    PacerSettings,
    RemoteStreamTrack,
    RouterSettings,
    RTCPeerConnection,
    RTCRtpSender,
    Settings,
    SrtpSettings,
)
from rtcpeer.aio import ice_agent
from rtcpeer.media import encoding_lane, receiving
from rtcpeer.media.hardware import HARDWARE
from rtcpeer.mediastreams import AudioStreamTrack, VideoStreamTrack
from tests.architecture.test_documents import ROOT, rows
from tests.sim.peers import World, connected, exchange, simulated, until
from tests.sim.worker import WorkerInPlace
from tests.unit.media.samples import picture, tone

GUIDE = ROOT / "docs" / "media.md"
NOT_ABOUT_MEDIA = {"ice", "dtls", "sctp", "turn", "udp_mux", "tcp_mux"}  # of Settings


def shown(field: dataclasses.Field) -> str:
    """A default as the guide has it."""
    if field.default_factory is not dataclasses.MISSING:
        return f"{field.default_factory.__name__}()"
    if isinstance(field.default, Enum):
        return str(field.default)
    return repr(field.default)


@pytest.mark.parametrize(
    "owner",
    [
        Settings,
        CodecSettings,
        MediaSettings,
        JitterBufferSettings,
        LossSettings,
        BandwidthSettings,
        PacerSettings,
        RouterSettings,
        SrtpSettings,
    ],
)
def test_every_setting_stands_in_the_table_with_its_default(owner):
    wanted = [(one.name, shown(one)) for one in dataclasses.fields(owner) if one.name not in NOT_ABOUT_MEDIA]
    documented = [
        (name, default if "(" in default or "." in default else default.replace("_", ""))
        for name, default in rows(of=owner.__name__, guide=GUIDE)
    ]
    assert documented == wanted


def test_the_codecs_stand_in_the_order_of_offers():
    offered = [codec for kind in ("audio", "video") for codec in RTCRtpSender.getCapabilities(kind).codecs]
    names = dict.fromkeys(codec.name for codec in offered if codec.name not in {"rtx", "telephone-event"})
    section = re.search(r"^## Codecs\n(.*?)^\*\*Hardware", GUIDE.read_text(), re.MULTILINE | re.DOTALL)[1]
    assert re.findall(r"^\| (\w+) \| (?!encoder)", section, re.MULTILINE) == list(names)


def test_the_hardware_stands_in_the_order_in_which_it_is_tried():
    paragraph = re.search(r"^\*\*Hardware\.\*\*(.*?)^$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)[1]
    assert re.findall(r"`(h264_\w+)`", paragraph) == [one.name for one in HARDWARE]


class Partners:
    """At the other end of each of the guide's connections: one that takes all it gets and, of the first, sends too."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.partners: dict[RTCPeerConnection, RTCPeerConnection] = {}
        self.taken = MediaBlackhole()
        self.arrived: dict[RTCPeerConnection, list[RemoteStreamTrack]] = {}

    async def negotiate(self, pc: RTCPeerConnection) -> None:
        if pc not in self.partners:
            partner = self.partners[pc] = self.world.peer()
            self.arrived[partner] = []
            partner.on("track", self.arrived[partner].append)
            partner.on("track", self.taken.addTrack)
            if len(self.partners) == 1:
                partner.addTrack(AudioStreamTrack())
                partner.addTrack(VideoStreamTrack())
        partner = self.partners[pc]
        await exchange(pc, partner)
        await connected(pc, partner)

    async def has_decoded(self, partner: RTCPeerConnection) -> None:
        """Wait until every track that the guide sends there has given something."""
        for track in self.arrived[partner]:
            if not track.muted:
                await until(lambda decoder=track.receiver._decoder: decoder.statistics().frames_decoded)
        assert any(not track.muted for track in self.arrived[partner])

    async def close(self) -> None:
        await self.taken.stop()
        await asyncio.gather(*(one.close() for pair in self.partners.items() for one in pair))


def write_film(path):
    with av.open(path, "w") as film:
        video = film.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p")
        audio = film.add_stream("aac", rate=48000, layout="stereo")
        for number in range(50):
            film.mux(video.encode(picture(number, pts=number * 3600)))
        for number in range(100):
            film.mux(audio.encode(tone(number)))
        film.mux(video.encode(None))
        film.mux(audio.encode(None))


def recorded(path):
    with av.open(path) as file:
        return sorted(stream.type for stream in file.streams)


def snippets_of(path):
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


async def execute(snippet, names):
    waiting = eval(compile(snippet, "guide", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.isawaitable(waiting):
        await waiting


@pytest.fixture
def in_virtual_time(monkeypatch, tmp_path):
    """Codecs without threads, and a film to play."""
    monkeypatch.chdir(tmp_path)
    write_film("film.mp4")
    for module in (encoding_lane, receiving):
        monkeypatch.setattr(module, "Worker", WorkerInPlace)


@pytest.mark.usefixtures("in_virtual_time")
def test_the_readmes_tracks_are_sent_and_received():
    [snippet] = [one for one in snippets_of(ROOT / "README.md") if "MediaPlayer" in one]

    @simulated
    async def run_it():
        world = World()
        partners = Partners(world)
        await partners.taken.start()
        names = {"pc": world.peer()}
        await execute(snippet, names)
        await partners.negotiate(names["pc"])
        await partners.has_decoded(partners.partners[names["pc"]])
        await asyncio.sleep(0.5)
        await names["recorder"].stop()
        await partners.close()

    run_it()
    assert recorded("peer.mp4") == ["video"]


@pytest.mark.usefixtures("in_virtual_time")
def test_the_guides_python_runs(monkeypatch, capsys):
    """One block after the other, as in a notebook, with real codecs: in virtual time, on a network of its own."""
    snippets = snippets_of(GUIDE)
    assert snippets

    @simulated
    async def run_all():
        world = World()
        monkeypatch.setattr(ice_agent, "SystemNetwork", world.host)
        partners = Partners(world)
        await partners.taken.start()
        names = {"negotiate": partners.negotiate}
        for snippet in snippets:
            await execute(snippet, names)
            await asyncio.sleep(0.2)
        watching = asyncio.create_task(names["watch"](names["source"].track))
        await until(lambda: not names["audio"].dtmf.toneBuffer)
        for partner in partners.partners.values():
            await partners.has_decoded(partner)
        await names["shared"].close()
        await names["fast"].close()
        await partners.close()
        await watching

    run_all()
    assert recorded("peer.mp4") == ["audio", "video"]
    printed = capsys.readouterr().out.splitlines()
    assert set("119#") <= set(printed)
    assert printed[-1] == "the track has ended"
