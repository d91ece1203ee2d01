import asyncio
import gc

import pytest

from rtcpeer.media.fanout import Fanout
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters
from tests.sim.peers import simulated

VP8 = CodecParameters("video", "VP8", 96, 90000)


class Source:
    """Gives frames every 10 ms, keyframes where ``keyframes`` says so."""

    def __init__(self, *, end=1000, keyframes=range(1000)):
        self.count = 0
        self.end = end
        self.keyframes = keyframes

    async def __call__(self):
        await asyncio.sleep(0.01)
        if self.count == self.end:
            raise ConnectionError("over")
        number = self.count
        self.count += 1
        return EncodedFrame(b"", number, number in self.keyframes, VP8)


async def numbers(subscription, count):
    return [(await subscription.next()).timestamp for _ in range(count)]


@simulated
async def test_each_reader_gets_each_frame_from_its_first_on():
    fanout = Fanout(source := Source())
    a, b = fanout.subscribe(8), fanout.subscribe(8)
    assert source.count == 0
    assert await numbers(a, 3) == [0, 1, 2]
    assert await asyncio.gather(numbers(a, 3), numbers(b, 3)) == [[3, 4, 5], [3, 4, 5]]
    a.close(EOFError())
    assert await numbers(b, 2) == [6, 7]
    b.close(EOFError())


@simulated
async def test_a_slow_reader_loses_the_oldest_and_slows_nobody_down():
    fanout = Fanout(Source())
    slow, fast = fanout.subscribe(4), fanout.subscribe(4)
    await numbers(slow, 1)
    assert await numbers(fast, 50) == list(range(1, 51))
    assert await numbers(slow, 4) == [47, 48, 49, 50]
    assert (slow.dropped, fast.dropped) == (46, 0)
    for reader in (slow, fast):
        reader.close(EOFError())


@simulated
async def test_after_a_gap_encoded_pictures_begin_with_a_keyframe():
    fanout = Fanout(Source(keyframes=range(0, 1000, 10)))
    slow, fast = fanout.subscribe(4), fanout.subscribe(4)
    await numbers(slow, 1)  # 0; from 5 on there is no room, and nothing can be decoded before 10
    await numbers(fast, 8)
    await numbers(slow, 0)
    assert slow.dropped == 8
    await numbers(fast, 4)
    assert await numbers(slow, 3) == [10, 11, 12]
    for reader in (slow, fast):
        reader.close(EOFError())


@simulated
async def test_of_a_gap_only_what_hangs_on_it_is_left_out():
    fanout = Fanout(Source(keyframes=(0, 3)))
    slow, fast = fanout.subscribe(4), fanout.subscribe(4)
    await numbers(slow, 1)
    await numbers(fast, 5)  # 1, 2, 3, 4, and 5, which pushes out what is before the keyframe
    assert await numbers(slow, 3) == [3, 4, 5]
    assert slow.dropped == 2
    for reader in (slow, fast):
        reader.close(EOFError())


@simulated
async def test_the_end_comes_after_what_was_not_read_yet():
    fanout = Fanout(Source(end=4))
    a, b = fanout.subscribe(8), fanout.subscribe(8)
    ended = []
    b.on_end = lambda: ended.append("b")
    await asyncio.gather(numbers(a, 1), numbers(b, 1))
    assert await numbers(a, 3) == [1, 2, 3]
    for _ in range(2):
        with pytest.raises(ConnectionError, match="over"):
            await a.next()
    assert ended == ["b"]
    assert await numbers(b, 3) == [1, 2, 3]
    with pytest.raises(ConnectionError):
        await b.next()


@simulated
async def test_who_waits_is_told_when_it_leaves():
    fanout = Fanout(Source())
    reader = fanout.subscribe(8)
    waiting = asyncio.ensure_future(reader.next())
    await asyncio.sleep(0.005)
    reader.close(EOFError("left"))
    with pytest.raises(EOFError, match="left"):
        await waiting


@simulated
async def test_without_readers_the_source_rests_and_can_be_read_again():
    fanout = Fanout(source := Source())
    reader = fanout.subscribe(8)
    await numbers(reader, 3)
    reader.close(EOFError())
    await asyncio.sleep(1)
    assert source.count == 3
    again = fanout.subscribe(8)
    assert await numbers(again, 2) == [3, 4]
    again.close(EOFError())


@simulated
async def test_a_forgotten_reader_does_not_keep_the_source_going():
    fanout = Fanout(source := Source())
    await numbers(fanout.subscribe(8), 3)
    gc.collect()
    await asyncio.sleep(1)
    assert source.count <= 4
