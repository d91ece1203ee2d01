import pytest

from rtcpeer import MediaSettings, Settings, VideoStreamTrack
from rtcpeer.media import encoding_lane, receiving
from tests.sim.peers import World, connected, exchange, simulated
from tests.sim.worker import WorkerInPlace

LAYERS = [{"rid": "q"}, {"rid": "h"}, {"rid": "f"}]


@pytest.fixture
def in_virtual_time(monkeypatch):
    for module in (encoding_lane, receiving):
        monkeypatch.setattr(module, "Worker", WorkerInPlace)


@pytest.mark.usefixtures("in_virtual_time")
@simulated
async def test_of_simulcast_a_track_has_the_pictures_of_one_layer():
    world = World()
    a, b = world.pair()
    got = []
    b.on("track", got.append)
    a.addTransceiver(VideoStreamTrack(), direction="sendonly", sendEncodings=LAYERS)
    await exchange(a, b)
    await connected(a, b)
    [track] = got
    layers = track.receiver.encoded()
    frames = [await track.recv()]
    while frames[-1].width < 640:  # the network carries more and more
        frames.append(await track.recv())
    largest = [await track.recv() for _ in range(60)]
    assert {frame.width for frame in largest} == {640}
    times = [frame.pts for frame in frames + largest]
    assert times == sorted(set(times))
    inbound = [one for one in (await b.getStats()).values() if one.type == "inbound-rtp"]
    assert len(inbound) == 3
    assert [one.frameWidth for one in inbound if one.framesDecoded] == [640]
    rids = set()
    while rids != {"q", "h", "f"}:
        rids.add((await anext(layers)).rid)
    layers.close()
    await world.close()


@simulated
async def test_simulcast_can_be_declined():
    world = World()
    a, b = world.pair(settings=Settings(media=MediaSettings(accepts_simulcast=False)))
    a.addTransceiver("video", direction="sendonly", sendEncodings=LAYERS)
    await exchange(a, b)
    assert "a=simulcast:send q;h;f" in a.localDescription.sdp
    assert "a=simulcast" not in b.localDescription.sdp
    await world.close()
