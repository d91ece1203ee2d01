import asyncio

import pytest

from rtcpeer import ForwardedTrack, MediaStreamError
from rtcpeer.api.encoded_frames import EncodedFrames
from rtcpeer.rtp.frames import EncodedFrame
from tests.sim.encoded_track import OPUS, VP8


class Track:
    kind = "video"


class Receiver:
    """What a `ForwardedTrack` needs of one."""

    def __init__(self, kind="video"):
        self.track = Track()
        self.track.kind = kind
        self.asked = []
        self.readers = []

    def encoded(self):
        self.readers.append(EncodedFrames(self.requestKeyframe, self.readers.remove))
        return self.readers[-1]

    def requestKeyframe(self, rid=None):
        self.asked.append(rid)

    def receive(self, number, rid=None, *, key=False, codec=VP8):
        for reader in self.readers:
            reader._receive(EncodedFrame(b"", number, key, codec, rid))


async def begun(track):
    """The track, read for the first time, so that frames go to it."""
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    return waiting


async def test_it_begins_with_a_keyframe_and_reads_late():
    receiver = Receiver()
    track = ForwardedTrack(receiver)
    assert receiver.readers == []
    first = await begun(track)
    for number, key in enumerate([False, False, True, False]):
        receiver.receive(number, key=key)
    assert (await first).timestamp == 2
    assert (await track.recv()).timestamp == 3


async def test_audio_begins_at_once():
    receiver = Receiver("audio")
    track = ForwardedTrack(receiver)
    first = await begun(track)
    receiver.receive(1, key=True, codec=OPUS)
    assert (await first).timestamp == 1
    assert track.kind == "audio"


async def test_another_layer_takes_over_with_its_keyframe():
    receiver = Receiver()
    track = ForwardedTrack(receiver, "q")
    first = await begun(track)
    receiver.receive(1, "f", key=True)
    receiver.receive(2, "q", key=True)
    assert (await first).timestamp == 2
    track.rid = "q"
    assert receiver.asked == []
    track.rid = "f"
    assert (receiver.asked, track.rid) == (["f"], "f")
    for number, (rid, key) in enumerate(
        [("q", False), ("f", False), ("q", True), ("f", True), ("q", True), ("f", False)]
    ):
        receiver.receive(number, rid, key=key)
    assert [(await track.recv()).timestamp for _ in range(4)] == [0, 2, 3, 5]


async def test_the_first_layer_that_comes_where_none_is_named():
    receiver = Receiver()
    track = ForwardedTrack(receiver)
    first = await begun(track)
    receiver.receive(1, "h", key=True)
    receiver.receive(2, "f", key=True)
    receiver.receive(3, "h")
    assert (await first).rid == track.rid == "h"
    assert (await track.recv()).timestamp == 3
    track.request_keyframe()
    assert receiver.asked == ["h"]


async def test_what_the_path_carries_is_told_once():
    track = ForwardedTrack(Receiver())
    told = []
    track.onbitratechange = lambda: told.append(track.bitrate)
    for bitrate in (5, 5, 6):
        track.set_bitrate(bitrate)
    assert told == [5, 6]


async def test_it_ends_with_its_receiver_or_alone():
    receiver = Receiver()
    one, other = ForwardedTrack(receiver), ForwardedTrack(receiver)
    waiting = [await begun(one), await begun(other)]
    one.stop()
    assert len(receiver.readers) == 1
    receiver.readers[0]._end()
    for task in waiting:
        with pytest.raises(MediaStreamError):
            await task
    assert one.readyState == other.readyState == "ended"
    with pytest.raises(MediaStreamError):
        await one.recv()
    unread = ForwardedTrack(receiver)
    unread.stop()
    with pytest.raises(MediaStreamError):
        await unread.recv()
