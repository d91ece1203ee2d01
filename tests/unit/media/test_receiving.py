import asyncio
import gc
import threading
import weakref
from dataclasses import replace

import pytest

from rtcpeer.media import receiving
from rtcpeer.media.codecs import create_encoder
from rtcpeer.media.receiving import TrackDecoder
from rtcpeer.media.settings import CodecSettings
from tests.unit.media.codec_samples import codec, pictures, tone

SETTINGS = CodecSettings(allow_hardware=False)


def encoded(name="VP8", count=6, keyframes=(0,)):
    one = create_encoder(codec(name), SETTINGS, degradation_preference="disabled")
    ticks = codec(name).clock_rate // (50 if codec(name).kind == "audio" else 30)
    sources = tone(count) if codec(name).kind == "audio" else pictures(count)
    return [
        frame
        for index, source in enumerate(sources)
        for frame in one.encode(source, index * ticks, force_keyframe=index in keyframes)
    ]


class Receiving:
    def __init__(self, settings=SETTINGS):
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.decoder = TrackDecoder(self.ask, settings=settings)

    def ask(self):
        self.asked += 1
        self.was_asked.set()

    def receive(self, *frames):
        for frame in frames:
            self.decoder.receive(frame)

    async def recv(self, count=1):
        async with asyncio.timeout(10):
            return [await self.decoder.recv() for _ in range(count)]

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.decoder.close()


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    one = Clock()
    monkeypatch.setattr(receiving, "time", one)
    return one


@pytest.mark.parametrize("name", ["VP8", "opus"])
async def test_frames_are_decoded_until_the_end(name):
    threads = threading.active_count()
    async with Receiving() as receiving:
        frames = encoded(name)
        receiving.receive(*frames)
        receiving.decoder.end()
        receiving.receive(*frames)
        got = await receiving.recv(7)
        assert [frame.pts for frame in got[:-1]] == [frame.timestamp for frame in frames]
        assert got[-1] is None
        assert receiving.asked == 0
        assert receiving.decoder.statistics().frames_decoded == 6
        await receiving.decoder.close()
        assert await receiving.decoder.recv() is None
    assert threading.active_count() == threads


async def test_close_ends_a_recv_that_waits():
    async with Receiving() as receiving:
        waiting = asyncio.ensure_future(receiving.decoder.recv())
        await asyncio.sleep(0)
        await receiving.decoder.close()
        assert await asyncio.wait_for(waiting, 10) is None
        assert receiving.decoder.statistics().decoder_implementation == "unknown"


async def test_it_asks_for_a_keyframe_to_begin_with():
    async with Receiving() as receiving:
        frames = encoded(keyframes=(0, 4))
        receiving.receive(*frames[1:4])
        await asyncio.wait_for(receiving.was_asked.wait(), 10)
        receiving.receive(*frames[4:])
        assert [frame.pts for frame in await receiving.recv(2)] == [12000, 15000]
        assert receiving.asked == 1  # once for all
        assert receiving.decoder.statistics().frames_dropped == 3


async def test_a_failure_is_counted_and_asks_for_a_keyframe():
    async with Receiving() as receiving:
        frames = encoded(keyframes=(0, 4))
        frames[2] = replace(frames[2], data=b"\xff")
        receiving.receive(*frames[:4])
        await asyncio.wait_for(receiving.was_asked.wait(), 10)  # not once the keyframe is there
        receiving.receive(*frames[4:])
        assert [frame.pts for frame in await receiving.recv(4)] == [0, 3000, 12000, 15000]
        assert receiving.asked == 1
        assert receiving.decoder.statistics().frames_failed == 1


async def test_it_asks_again_where_no_keyframe_comes(clock):
    async with Receiving() as receiving:
        frames = encoded()
        for expected in (1, 1, 2):
            receiving.receive(frames[1])
            await receiving.until(lambda: receiving.decoder._in_work == 0)
            assert receiving.asked == expected
            clock.now += 0.3


async def test_another_codec_in_between():
    async with Receiving() as receiving:
        receiving.receive(*encoded("VP8", 2), *encoded("VP9", 2), replace(encoded("VP8", 1)[0], codec=codec("VP7")))
        receiving.decoder.end()
        assert (await receiving.recv(5))[-1] is None
        statistics = receiving.decoder.statistics()
        assert (statistics.decoder_implementation, statistics.frames_failed) == ("vp9", 1)


async def test_a_queue_that_is_full_goes_on_with_a_keyframe():
    async with Receiving(replace(SETTINGS, max_queued_frames=3)) as receiving:
        entered, may_go = threading.Event(), threading.Event()
        decode = receiving.decoder._worker._process

        def slow(frame):
            entered.set()
            assert may_go.wait(10)
            return decode(frame)

        receiving.decoder._worker._process = slow
        frames = encoded(count=8, keyframes=(0, 6))
        receiving.receive(frames[0])
        assert await asyncio.to_thread(entered.wait, 10)
        receiving.receive(*frames[1:5])
        assert receiving.asked == 0
        may_go.set()
        await receiving.recv(4)
        receiving.receive(*frames[5:])
        assert receiving.asked == 1
        assert [frame.pts for frame in await receiving.recv(2)] == [18000, 21000]
        assert receiving.decoder.statistics().frames_dropped == 2


async def test_a_reader_that_is_too_slow_gets_what_is_new(clock):
    async with Receiving() as receiving:
        frames = encoded(count=6)
        receiving.receive(*frames[:4])
        await receiving.until(lambda: len(receiving.decoder._decoded) == 4)
        assert (await receiving.recv())[0].pts == 0
        clock.now += 1.5
        await receiving.recv()
        clock.now += 1.0
        receiving.receive(frames[4])
        await receiving.until(lambda: not receiving.decoder._decoded)
        receiving.receive(frames[5])
        assert (await receiving.recv())[0].pts == 15000
        assert receiving.asked == 0
        assert receiving.decoder.statistics().frames_dropped == 3


async def test_what_nobody_reads_is_not_decoded_until_somebody_does(clock):
    async with Receiving() as receiving:
        frames = encoded(count=8, keyframes=(0, 6))
        receiving.receive(*frames[:2])
        await receiving.until(lambda: len(receiving.decoder._decoded) == 2)
        clock.now += 2.1
        receiving.receive(frames[2])
        await receiving.until(lambda: receiving.decoder._is_idle)
        receiving.receive(*frames[3:5])
        assert receiving.decoder._in_work == 0
        assert receiving.decoder.statistics().frames_decoded == 3
        waiting = asyncio.ensure_future(receiving.recv(2))
        await asyncio.sleep(0)
        assert receiving.asked == 1
        receiving.receive(*frames[5:])
        assert [frame.pts for frame in await waiting] == [18000, 21000]


async def test_closed_it_is_no_garbage_for_the_collector():
    receiving = Receiving()
    receiving.receive(*encoded(count=2))
    await receiving.recv(2)
    await receiving.decoder.close()
    decoder, receiving.decoder = weakref.ref(receiving.decoder), None
    gc.disable()
    try:
        await asyncio.sleep(0)
        assert decoder() is None
    finally:
        gc.enable()


async def test_sound_is_decoded_at_once_without_a_thread():
    threads = threading.active_count()
    async with Receiving() as receiving:
        receiving.receive(*encoded("opus", count=3))
        assert receiving.decoder.statistics().frames_decoded == 3
        assert threading.active_count() == threads
        assert len(await receiving.recv(3)) == 3
    receiving.receive(*encoded("opus", count=1))
    assert receiving.decoder.statistics().frames_decoded == 3


async def test_sound_in_a_codec_that_can_not_be_decoded_is_counted():
    async with Receiving() as receiving:
        (frame,) = encoded("opus", count=1)
        receiving.receive(replace(frame, codec=replace(frame.codec, name="nonsense")))
        assert receiving.decoder.statistics().frames_failed == 1
