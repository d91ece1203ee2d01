"""Simulcast, tones, forwarding, sources and glare: media between peer connections in virtual time."""

import asyncio
import random

import pytest

from rtcpeer import ForwardedTrack, MediaStreamError
from rtcpeer.rtp.frames import EncodedFrame
from tests.scenario.test_media_negotiated import flowing, tracks_of
from tests.sim.encoded_track import EncodedTrack, Frames, number_of
from tests.sim.peers import World, connected, exchange, simulated, until


@simulated
async def test_a_forwarder_needs_no_codec():
    world = World()
    a, b = world.pair()
    c, d = world.peer(), world.peer()
    arrived = {b: tracks_of(b), d: tracks_of(d)}
    source = EncodedTrack()
    a.addTrack(source)
    await exchange(a, b)
    await connected(a, b)
    forwarded = ForwardedTrack(arrived[b][0].receiver)
    c.addTrack(forwarded)
    await exchange(c, d)
    await connected(c, d)
    reader = Frames(arrived[d][0].receiver)
    await flowing(reader, 60)
    numbers = [number_of(frame) for frame in reader.frames]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert reader.frames[0].is_keyframe
    assert source.keyframes_asked >= 1
    assert arrived[b][0].receiver._decoder is None
    assert forwarded.bitrate
    ended = []
    forwarded.on("ended", lambda: ended.append(True))
    await b.close()
    await until(lambda: ended)
    with pytest.raises(MediaStreamError):
        await forwarded.recv()
    await c.close()
    await d.close()
    await world.close()
    await reader.task


@simulated
async def test_simulcast_is_told_apart_by_rid():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    layers = [{"rid": "q", "maxBitrate": 100_000}, {"rid": "h"}, {"rid": "f"}]
    sender = a.addTransceiver("video", sendEncodings=layers).sender
    await exchange(a, b)
    await connected(a, b)
    assert "a=simulcast:send q;h;f" in a.localDescription.sdp
    assert "a=simulcast:recv q;h;f" in b.localDescription.sdp
    reader = Frames(arrived[0].receiver)
    source, codec = EncodedTrack(), sender._core.codecs[0]

    async def send():
        while True:
            frame = await source.recv()
            for rid in ("q", "h", "f"):
                sender._encoder._encoded(EncodedFrame(frame.data, frame.timestamp, frame.is_keyframe, codec, rid))

    sending = asyncio.create_task(send())
    await until(lambda: {frame.rid for frame in reader.frames[-10:]} == {"q", "h", "f"}, 20)
    # One layer goes on to somebody else; another takes over with a keyframe.
    forwarded = ForwardedTrack(arrived[0].receiver)
    waiting = asyncio.create_task(forwarded.recv())
    await asyncio.sleep(0.2)
    source.request_keyframe()
    first = await waiting
    assert first.is_keyframe
    assert {(await forwarded.recv()).rid for _ in range(10)} == {first.rid} == {forwarded.rid}
    forwarded.rid = "h" if first.rid != "h" else "q"
    assert {(await forwarded.recv()).rid for _ in range(10)} == {first.rid}
    source.request_keyframe()
    rids = [(await forwarded.recv()).rid for _ in range(20)]
    assert rids == sorted(rids, key=lambda rid: rid == forwarded.rid)
    assert rids[-1] == forwarded.rid
    forwarded.stop()
    assert [one.rid for one in sender.getParameters().encodings] == ["q", "h", "f"]
    assert [one.scaleResolutionDownBy for one in sender.getParameters().encodings] == [4.0, 2.0, 1.0]
    report = await a.getStats()
    outbound = [one for one in report.values() if one.type == "outbound-rtp"]
    assert {one.rid for one in outbound} == {"q", "h", "f"}
    assert len({one.ssrc for one in outbound}) == 3
    sending.cancel()
    await asyncio.wait([sending])
    await world.close()
    await reader.task


@simulated
async def test_tones_take_the_place_of_audio():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    sender = a.addTrack(EncodedTrack("audio"))
    assert a.addTransceiver("video").sender.dtmf is None
    assert not sender.dtmf.canInsertDTMF
    await exchange(a, b)
    await connected(a, b)
    reader = Frames(arrived[0].receiver)
    await flowing(reader)
    told = []
    sender.dtmf.ontonechange = told.append
    sender.dtmf.insertDTMF("12,3")
    assert sender.dtmf.toneBuffer == "12,3"
    await until(lambda: told and told[-1] == "", 10)
    assert told == ["1", "2", ",", "3", ""]
    await flowing(reader)
    await world.close()
    await reader.task


@simulated
async def test_sources_and_the_jitter_target():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    a.addTrack(EncodedTrack("audio"))
    await exchange(a, b)
    await connected(a, b)
    receiver = arrived[0].receiver
    assert receiver.getSynchronizationSources() == []
    reader = Frames(receiver)
    await flowing(reader)
    [source] = receiver.getSynchronizationSources()
    assert source.source == reader.frames[-1].ssrc
    assert source.timestamp > 1e12
    assert receiver.getContributingSources() == []
    parameters = receiver.getParameters()
    assert {"opus"} <= {codec.name for codec in parameters.codecs}
    receiver.jitterBufferTarget = 500
    assert receiver.jitterBufferTarget == 500
    await asyncio.sleep(5)
    loop = asyncio.get_running_loop()
    await flowing(reader, 1)
    assert loop.time() - reader.frames[-1].received_at > 0.3
    with pytest.raises(ValueError, match="4000"):
        receiver.jitterBufferTarget = 4001
    await world.close()
    await reader.task


@pytest.mark.parametrize("seed", range(8))
def test_perfect_negotiation_with_media_under_glare(seed):
    @simulated
    async def main():
        dice = random.Random(seed)
        world = World(seed)
        a, b = world.pair()
        arrived = {a: tracks_of(a), b: tracks_of(b)}
        for pc, other, is_polite in ((a, b, True), (b, a, False)):
            pc.on("negotiationneeded", perfect(pc, other, is_polite=is_polite))
        for pc in (a, b):
            pc.addTrack(EncodedTrack(dice.choice(["audio", "video"])))
        await connected(a, b)
        for _ in range(12):
            pc = dice.choice([a, b])
            act(pc, dice)
            await asyncio.sleep(dice.choice([0, 0.01, 0.1, 1.0]))
        await until(lambda: a.signalingState == b.signalingState == "stable")
        await asyncio.sleep(5)
        assert a.signalingState == b.signalingState == "stable"
        mine = {each.mid: each for each in a.getTransceivers()}
        theirs = {each.mid: each for each in b.getTransceivers()}
        assert set(mine) == set(theirs)
        mirror = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
        for mid, transceiver in mine.items():
            assert theirs[mid].currentDirection == mirror[transceiver.currentDirection]
            assert theirs[mid].kind == transceiver.kind
            for one, other in ((transceiver, theirs[mid]), (theirs[mid], transceiver)):
                sends = one.currentDirection in {"sendrecv", "sendonly"}
                if sends and one.sender.track is None:
                    continue  # what came before counts for a while
                assert other.receiver.track.muted is not sends
                assert other.receiver.track in arrived[b if one is transceiver else a] or not sends
        await world.close()

    main()


def act(pc, dice):
    """Something that a program may do at any time."""
    living = [each for each in pc.getTransceivers() if not each.stopped]
    match dice.choice(["add", "add", "remove", "direction", "stop", "replace"]):
        case "add":
            pc.addTrack(EncodedTrack(dice.choice(["audio", "video"])))
        case "remove" if living:
            pc.removeTrack(dice.choice(living).sender)
        case "direction" if living:
            dice.choice(living).direction = dice.choice(["sendrecv", "sendonly", "recvonly", "inactive"])
        case "stop" if living:
            dice.choice(living).stop()
        case "replace" if living:
            chosen = dice.choice(living)
            chosen.sender.replaceTrack(dice.choice([None, EncodedTrack(chosen.kind)]))
        case _:
            pass


def perfect(pc, other, *, is_polite):
    """W3C webrtc-pc section 10.7, with a signalling path of 20 ms that keeps its order."""
    state = pc.perfect = {"making": False, "ignored": False, "polite": is_polite, "inbox": asyncio.Queue()}

    async def needed():
        try:
            state["making"] = True
            await pc.setLocalDescription()
            other.perfect["inbox"].put_nowait(pc.localDescription.toJSON())
        finally:
            state["making"] = False

    async def listen():
        while pc.signalingState != "closed":
            description = await state["inbox"].get()
            await asyncio.sleep(0.02)
            is_collision = description["type"] == "offer" and (state["making"] or pc.signalingState != "stable")
            state["ignored"] = not is_polite and is_collision
            if state["ignored"]:
                continue
            await pc.setRemoteDescription(description)
            if description["type"] == "offer":
                await pc.setLocalDescription()
                other.perfect["inbox"].put_nowait(pc.localDescription.toJSON())

    task = asyncio.create_task(listen())
    pc.on("connectionstatechange", lambda: pc.connectionState == "closed" and task.cancel())
    return needed
