import pytest

from rtcpeer import VideoStreamTrack
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
    frames = [await track.recv() for _ in range(90)]
    widths = [frame.width for frame in frames]
    assert widths == sorted(widths)  # the network carries more and more
    assert widths[-1] == 640
    times = [frame.pts for frame in frames]
    assert times == sorted(set(times))
    inbound = [one for one in (await b.getStats()).values() if one.type == "inbound-rtp"]
    assert len(inbound) == 3
    assert [one.frameWidth for one in inbound if one.framesDecoded] == [640]
    assert {(await anext(layers)).rid for _ in range(30)} == {"q", "h", "f"}
    layers.close()
    await world.close()
