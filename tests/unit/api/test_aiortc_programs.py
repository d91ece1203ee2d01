"""Programs as they are written for aiortc, with only their import changed."""

import asyncio
import json

from rtcpeer import (
    RTCConfiguration,
    RTCIceCandidate,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
    SctpSettings,
    Settings,
)
from rtcpeer.sdp import candidate_from_sdp, candidate_to_sdp
from tests.sim.encoded_track import EncodedTrack
from tests.sim.loop import VirtualLoop
from tests.sim.peers import World, connected, exchange, simulated, until


def object_to_string(obj):
    if isinstance(obj, RTCSessionDescription):
        return json.dumps({"sdp": obj.sdp, "type": obj.type}, sort_keys=True)
    assert isinstance(obj, RTCIceCandidate)
    message = {"candidate": "candidate:" + candidate_to_sdp(obj), "id": obj.sdpMid, "label": obj.sdpMLineIndex}
    return json.dumps({**message, "type": "candidate"}, sort_keys=True)


def object_from_string(text):
    message = json.loads(text)
    if message["type"] in {"answer", "offer"}:
        return RTCSessionDescription(**message)
    candidate = candidate_from_sdp(message["candidate"].split(":", 1)[1])
    candidate.sdpMid = message["id"]
    candidate.sdpMLineIndex = message["label"]
    return candidate


@simulated
async def test_datachannel_cli():
    world = World()
    a = RTCPeerConnection(RTCConfiguration(iceServers=[RTCIceServer(urls="stun:203.0.113.250")]), network=world.host())
    b = RTCPeerConnection(network=world.host())
    world.a, world.b = a, b
    log = []
    channel = a.createDataChannel("chat", maxRetransmits=3, ordered=False)

    async def send_pings():
        for number in range(3):
            channel.send(f"ping {number}")
            await asyncio.sleep(0.1)

    @channel.on("open")
    def on_open():
        asyncio.ensure_future(send_pings())  # noqa: RUF006 as such programs do

    @channel.on("message")
    def on_pong(message):
        log.append(message)

    @b.on("datachannel")
    async def on_datachannel(channel):  # a coroutine: it listens before the messages that came with the channel
        assert (channel.label, channel.maxRetransmits, channel.ordered) == ("chat", 3, False)

        @channel.on("message")
        def on_message(message):
            if isinstance(message, str) and message.startswith("ping"):
                channel.send("pong" + message[4:])

    await a.setLocalDescription(await a.createOffer())
    await b.setRemoteDescription(object_from_string(object_to_string(a.localDescription)))
    await b.setLocalDescription(await b.createAnswer())
    await a.setRemoteDescription(object_from_string(object_to_string(b.localDescription)))
    await until(lambda: len(log) == 3)
    assert log == ["pong 0", "pong 1", "pong 2"]
    await asyncio.sleep(0.2)
    await world.close()


@simulated
async def test_candidates_by_their_parts():
    text = "6815297761 1 udp 659136 1.2.3.4 31102 typ host"
    candidate = candidate_from_sdp(text)
    assert (candidate.ip, candidate.port, candidate.type, candidate.foundation) == (
        "1.2.3.4",
        31102,
        "host",
        "6815297761",
    )
    assert candidate_to_sdp(candidate) == text
    made = RTCIceCandidate(
        component=1, foundation="6815297761", ip="1.2.3.4", port=31102, priority=659136, protocol="udp", type="host",
        sdpMid="0", sdpMLineIndex=0,
    )  # fmt: skip
    assert candidate_to_sdp(made) == text
    assert object_from_string(object_to_string(made)) == made


@simulated
async def test_what_the_w3c_has_elsewhere_is_where_aiortc_has_it():
    world = World()
    a, b = world.pair(settings=Settings(sctp=SctpSettings(local_port=5001)))
    channel = a.createDataChannel("chat")
    assert a.addTrack(EncodedTrack("audio")).kind == "audio"
    await exchange(a, b)
    assert channel.transport is a.sctp
    assert channel.transport.port == 5001
    assert a.sctp.transport.transport is a.sctp.transport.iceTransport
    await world.close()


@simulated
async def test_tracks_that_were_given_no_stream_share_one():
    world = World()
    a, b = world.pair()
    arrived = []
    b.on("track", arrived.append)
    a.addTrack(EncodedTrack())
    a.addTrack(EncodedTrack("audio"))
    await exchange(a, b)
    video, audio = arrived
    assert len(video.streams) == 1
    assert video.streams == audio.streams
    await world.close()


def test_media_is_closed_from_outside_the_loop():
    """``loop.run_until_complete(pc.close())``: the call comes before the loop runs again."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)

    async def begin():
        world = World()
        a, b = world.pair()
        arrived = []
        b.on("track", arrived.append)
        a.addTrack(EncodedTrack())
        await exchange(a, b)
        await connected(a, b)
        await asyncio.sleep(1)
        return world, a, b

    try:
        world, a, b = loop.run_until_complete(begin())
        for peer in (a, b):
            loop.run_until_complete(peer.close())
            assert peer.connectionState == "closed"
        loop.run_until_complete(world.close())
        assert not asyncio.all_tasks(loop)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
