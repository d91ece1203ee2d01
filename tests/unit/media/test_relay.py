import asyncio
import gc
import weakref

import pytest

from rtcpeer.media.relay import MediaRelay
from rtcpeer.media.track import MediaStreamError, VideoStreamTrack
from tests.sim.peers import simulated
from tests.unit.media.samples import ListTrack, number_of, picture, read_all


@simulated
async def test_consumers_share_a_track():
    relay, source = MediaRelay(), ListTrack("video", [picture(i) for i in range(20)], interval=0.04)
    tracks = [relay.subscribe(source) for _ in range(3)]
    assert len({track.id for track in [source, *tracks]}) == 4
    assert {track.kind for track in tracks} == {"video"}
    for frames in await asyncio.gather(*map(read_all, tracks)):
        assert [number_of(frame) for frame in frames] == list(range(20))
    assert {track.readyState for track in tracks} == {"ended"}


@simulated
async def test_unbuffered_is_the_newest_frame():
    relay, source = MediaRelay(), VideoStreamTrack()
    every, newest = relay.subscribe(source), relay.subscribe(source, buffered=False)
    await asyncio.gather(every.recv(), newest.recv())
    await asyncio.sleep(0.51)
    assert ((await every.recv()).pts, (await newest.recv()).pts) == (3000, 15 * 3000)
    assert (every.dropped, newest.dropped) == (0, 14)
    await asyncio.sleep(10)
    assert (await every.recv()).pts == 284 * 3000  # 0.51 s and 10 s are 315 pictures, of which the last 32 are kept
    assert every.dropped == 284 - 2
    every.stop()
    newest.stop()


@simulated
async def test_the_source_outlives_its_consumers_and_can_be_read_again():
    relay, source = MediaRelay(), VideoStreamTrack()
    first = relay.subscribe(source)
    await first.recv()
    first.stop()
    with pytest.raises(MediaStreamError):
        await first.recv()
    assert source.readyState == "live"
    second = relay.subscribe(source)
    await second.recv()
    source.stop()
    assert len(await read_all(second)) <= 1
    assert second.readyState == "ended"


@simulated
async def test_a_disabled_source_is_blank_for_all():
    relay, source = MediaRelay(), ListTrack("video", [picture(9)], interval=0.04)
    source.enabled = False
    assert [number_of(frame) for frame in await read_all(relay.subscribe(source))] == [0]


@simulated
async def test_an_error_of_the_source_reaches_every_consumer():
    relay, source = MediaRelay(), ListTrack("video", [ZeroDivisionError("a bug")], interval=0.04)
    tracks = [relay.subscribe(source) for _ in range(2)]
    for outcome in await asyncio.gather(*(track.recv() for track in tracks), return_exceptions=True):
        assert isinstance(outcome, ZeroDivisionError)


@simulated
async def test_a_relay_forgets_what_nobody_reads_any_more():
    relay = MediaRelay()
    track = relay.subscribe(VideoStreamTrack())
    await track.recv()
    track.stop()
    gone = weakref.ref(track)
    del track
    await asyncio.sleep(1)
    gc.collect()
    assert gone() is None
    assert not relay._fanouts
