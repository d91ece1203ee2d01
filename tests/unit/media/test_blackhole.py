import asyncio

from rtcpeer.media.blackhole import MediaBlackhole
from rtcpeer.media.track import AudioStreamTrack
from tests.sim.peers import simulated
from tests.unit.media.samples import ListTrack, picture


@simulated
async def test_tracks_are_read_from_start_to_stop():
    hole = MediaBlackhole()
    early, late, endless = (ListTrack("video", [picture()] * 5, interval=0.04) for _ in range(3))
    endless.frames *= 1000
    hole.addTrack(early)
    await asyncio.sleep(1)
    assert early.given == 0
    await hole.start()
    await hole.start()
    hole.addTrack(late)
    hole.addTrack(late)
    hole.addTrack(endless)
    await asyncio.sleep(1)
    assert (early.given, late.given) == (5, 5)
    await hole.stop()
    await hole.stop()
    given = endless.given
    await asyncio.sleep(1)
    assert endless.given == given
    assert endless.readyState == "live"


@simulated
async def test_it_can_begin_again():
    hole, track = MediaBlackhole(), AudioStreamTrack()
    await hole.start()
    await hole.stop()
    hole.addTrack(track)
    await hole.start()
    await asyncio.sleep(0.1)
    await hole.stop()
    track.stop()
