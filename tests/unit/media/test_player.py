import asyncio
import gc
import threading

import av
import pytest

from rtcpeer.media import media_file
from rtcpeer.media.player import MediaPlayer
from rtcpeer.media.track import MediaStreamError
from tests.sim.peers import simulated
from tests.unit.media.samples import number_of, read_all, write_file


def now():
    return asyncio.get_running_loop().time()


async def arrivals(track, start):
    out = []
    try:
        while True:
            frame = await track.recv()
            out.append((float(frame.pts * frame.time_base), now() - start))
    except MediaStreamError:
        return out


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return write_file(tmp_path_factory.mktemp("files") / "both.mp4", audio=1, video=1)


@simulated
async def test_a_file_is_played_in_real_time(both):
    player = MediaPlayer(both)
    audio, video = await asyncio.gather(arrivals(player.audio, now()), arrivals(player.video, now()))
    assert len(video) == 25
    assert len(audio) >= 50
    for media_time, arrival in audio + video:
        assert arrival == pytest.approx(media_time, abs=0.002)
    assert player.audio.readyState == player.video.readyState == "ended"


@simulated
async def test_it_has_what_the_file_has(tmp_path):
    video = MediaPlayer(write_file(tmp_path / "v.mp4", video=0.2))
    audio = MediaPlayer(tmp_path / write_file(tmp_path / "a.wav", audio=0.2, audio_codec="pcm_s16le"))
    assert (video.audio, video.video.kind, video.video.label) == (None, "video", str(tmp_path / "v.mp4"))
    assert (audio.audio.kind, audio.video) == ("audio", None)
    video.video.stop()
    audio.audio.stop()


@simulated
async def test_repeated_for_ever(tmp_path):
    player, start = MediaPlayer(write_file(tmp_path / "a.mp4", video=0.4), loop=True), now()
    frames = [await player.video.recv() for _ in range(100)]
    assert [number_of(frame) for frame in frames] == list(range(10)) * 10
    assert now() - start == pytest.approx(3.96, abs=0.01)
    player.video.stop()


@simulated
async def test_one_track_can_be_left_alone(both, monkeypatch):
    monkeypatch.setattr(media_file, "MAX_PACKETS", 5)
    player = MediaPlayer(both)
    assert len(await read_all(player.audio)) >= 50
    assert player.video.readyState == "live"
    player.video.stop()


@simulated
async def test_both_are_whole_though_one_is_shorter(tmp_path, monkeypatch):
    monkeypatch.setattr(media_file, "MAX_PACKETS", 5)
    player = MediaPlayer(write_file(tmp_path / "a.mp4", audio=0.1, video=2))
    audio, video = await asyncio.gather(read_all(player.audio), read_all(player.video))
    assert len(video) == 50
    assert len(audio) >= 5


@simulated
async def test_who_joins_late_is_in_time(tmp_path):
    player, start = MediaPlayer(write_file(tmp_path / "a.mp4", audio=3, video=3)), now()
    audio = asyncio.ensure_future(read_all(player.audio))
    await asyncio.sleep(2)
    video = await arrivals(player.video, start)
    assert 1.5 <= video[0][0] <= 2.1
    assert video[-1] == (pytest.approx(2.96, abs=0.01), pytest.approx(2.96, abs=0.01))
    await audio


@simulated
async def test_a_pause_of_the_reader_is_one_of_the_player(both):
    player = MediaPlayer(both)
    first = [await player.video.recv() for _ in range(5)]
    await asyncio.sleep(60)
    start = now()
    second = await read_all(player.video)
    assert [number_of(frame) for frame in first + second] == list(range(25))
    assert now() - start == pytest.approx(0.76, abs=0.05)
    player.audio.stop()


@simulated
async def test_a_slow_reader_of_one_track_misses_pictures_and_not_the_time(tmp_path):
    player, start = MediaPlayer(write_file(tmp_path / "a.mp4", audio=4, video=4)), now()
    audio = asyncio.ensure_future(arrivals(player.audio, start))
    lateness = []
    try:
        while True:
            frame = await player.video.recv()
            lateness.append(now() - start - float(frame.pts * frame.time_base))
            await asyncio.sleep(0.2)
    except MediaStreamError:
        pass
    assert max(lateness) < 0.8
    assert player.video.dropped > 50
    assert all(arrival == pytest.approx(time, abs=0.01) for time, arrival in await audio)


@simulated
async def test_without_decoding(both):
    player, start = MediaPlayer(both, decode=False), now()
    assert player.audio is None
    packets = await read_all(player.video)
    assert {type(packet) for packet in packets} == {av.Packet}
    assert len(packets) == 25
    assert now() - start == pytest.approx(0.96, abs=0.01)


class TestLive:
    @pytest.fixture
    def live(self, both, monkeypatch):
        monkeypatch.setattr(media_file, "LIVE_FORMATS", {"mp4"})
        return MediaPlayer(both, loop=True)

    @simulated
    async def test_what_is_live_comes_at_once(self, live):
        start = now()
        assert len(await read_all(live.video)) == 25  # and it is not repeated
        assert now() == start
        live.audio.stop()

    @simulated
    async def test_a_reader_that_is_slow_gets_what_is_new(self, live):
        await live.video.recv()
        await asyncio.sleep(0.5)
        assert number_of(await live.video.recv()) > 10
        assert live.video.dropped > 10
        live.video.stop()
        live.audio.stop()

    @pytest.mark.parametrize("url", ["rtsp://host/", "RTMP://host/", "udp://host:1/"])
    def test_urls(self, url):
        assert media_file._is_live(url, None, "mpegts")
        assert not media_file._is_live("https://host/a.mp4", None, "mov,mp4")


class TestEnd:
    @simulated
    async def test_a_stopped_track_has_ended_for_who_waits_too(self, both):
        player = MediaPlayer(both)
        await player.video.recv()
        waiting = asyncio.ensure_future(player.video.recv())
        await asyncio.sleep(0.001)
        player.video.stop()
        player.video.stop()
        for pending in (waiting, player.video.recv()):
            with pytest.raises(MediaStreamError):
                await pending
        assert len(await read_all(player.audio)) >= 50

    @simulated
    async def test_a_failure_while_reading_is_the_end(self, both, monkeypatch, caplog):
        player = MediaPlayer(both)
        await player.video.recv()
        await asyncio.sleep(0.01)
        monkeypatch.setattr(player.video._playback.media, "next_frame", lambda *_: 1 / 0)
        assert len(await read_all(player.video)) == 4
        assert "division" in caplog.text
        player.audio.stop()

    def test_a_player_that_was_never_read_needs_no_loop(self, both):
        player = MediaPlayer(both)
        player.audio.stop()
        player.video.stop()

    async def test_no_thread_is_left(self, both):
        player = MediaPlayer(both)
        await asyncio.gather(player.audio.recv(), player.video.recv())
        (thread,) = (each for each in threading.enumerate() if each.name.startswith("rtcpeer-player"))
        player.audio.stop()
        player.video.stop()
        await asyncio.to_thread(thread.join)

    async def test_no_thread_is_left_where_one_track_was_never_read(self, both):
        player = MediaPlayer(both)
        await player.audio.recv()
        (thread,) = (each for each in threading.enumerate() if each.name.startswith("rtcpeer-player"))
        player.audio.stop()
        await asyncio.to_thread(thread.join)
        await player.video.recv()  # and still it can be
        player.video.stop()

    async def test_no_thread_is_left_where_nobody_has_the_tracks(self, both):
        player = MediaPlayer(both)
        await player.audio.recv()
        await asyncio.sleep(0)
        (thread,) = (each for each in threading.enumerate() if each.name.startswith("rtcpeer-player"))
        del player
        while thread.is_alive():  # what it was reading has to be handed over first
            gc.collect()
            await asyncio.sleep(0)
            thread.join(0.05)  # it needs the interpreter, too

    async def test_it_can_be_opened_in_a_thread(self, both):
        player = await asyncio.to_thread(MediaPlayer, both)
        await player.video.recv()
        player.video.stop()
        player.audio.stop()
