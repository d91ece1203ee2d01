import asyncio

import pytest

from rtcpeer.api.encoded_frames import MAX_UNREAD, EncodedFrames
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

VP8 = CodecParameters("video", "VP8", 96, 90000)


def frame(number, *, key=False):
    return EncodedFrame(bytes([number & 255]), number, key, VP8)


class Owner:
    def __init__(self):
        self.asked = 0
        self.left = []
        self.frames = EncodedFrames(self.ask, self.left.append)

    def ask(self):
        self.asked += 1


async def test_frames_come_in_order_and_end():
    owner = Owner()
    for number in range(3):
        owner.frames._receive(frame(number))
    owner.frames._end()
    assert [each.timestamp async for each in owner.frames] == [0, 1, 2]
    assert owner.left == []


async def test_a_reader_that_waits_is_woken():
    owner = Owner()
    waiting = asyncio.create_task(anext(owner.frames))
    await asyncio.sleep(0)
    owner.frames._receive(frame(7))
    owner.frames._receive(frame(8))
    assert (await waiting).timestamp == 7
    assert (await anext(owner.frames)).timestamp == 8
    waiting = asyncio.create_task(anext(owner.frames))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await anext(owner.frames)
    owner.frames._end()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_who_does_not_read_goes_on_at_a_keyframe():
    owner = Owner()
    for number in range(MAX_UNREAD + 5):
        owner.frames._receive(frame(number))
    assert owner.asked == 1
    assert owner.frames.dropped == MAX_UNREAD + 5
    owner.frames._receive(frame(900, key=True))
    owner.frames._receive(frame(901))
    assert [(await anext(owner.frames)).timestamp for _ in range(2)] == [900, 901]


async def test_a_keyframe_that_is_too_much_takes_the_place_of_all_before():
    owner = Owner()
    for number in range(MAX_UNREAD):
        owner.frames._receive(frame(number))
    owner.frames._receive(frame(500, key=True))
    assert (await anext(owner.frames)).timestamp == 500
    assert owner.asked == 0


async def test_leaving_by_a_block():
    owner = Owner()
    async with owner.frames as frames:
        frames._receive(frame(1))
    assert owner.left == [owner.frames]
    await owner.frames.aclose()
    assert owner.left == [owner.frames]
    assert [each async for each in owner.frames] == []


async def test_a_cancelled_reader_loses_nothing():
    owner = Owner()
    waiting = asyncio.create_task(anext(owner.frames))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    owner.frames._receive(frame(3))
    assert (await anext(owner.frames)).timestamp == 3
