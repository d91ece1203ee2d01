"""Media between two peer connections in virtual time: encoded frames, so that no codec and no thread takes part."""

import asyncio

import pytest

from rtcpeer import InvalidAccessError, InvalidStateError, MediaStream, RTCRtpReceiver
from tests.sim.encoded_track import EncodedTrack, Frames, number_of
from tests.sim.peers import World, connected, exchange, simulated, until


def tracks_of(pc):
    found = []
    pc.on("track", found.append)
    return found


async def flowing(frames: Frames, count: int = 30) -> None:
    before = len(frames.frames)
    await until(lambda: len(frames.frames) >= before + count, 10)


@simulated
async def test_video_and_audio_flow_both_ways():
    world = World()
    a, b = world.pair()
    arrived = {a: tracks_of(a), b: tracks_of(b)}
    stream = MediaStream()
    for pc in (a, b):
        pc.addTrack(EncodedTrack("video"), stream)
        pc.addTrack(EncodedTrack("audio"), stream)
    await exchange(a, b)
    readers = []
    for pc in (a, b):
        assert [track.kind for track in arrived[pc]] == ["video", "audio"]
        assert [each.currentDirection for each in pc.getTransceivers()] == ["sendrecv", "sendrecv"]
        for track in arrived[pc]:
            assert track.muted
            assert [one.id for one in track.streams] == [stream.id]
            assert track.transceiver.receiver is track.receiver
            assert track.receiver in pc.getReceivers()
            readers.append(Frames(track.receiver))
    await connected(a, b)
    for reader in readers:
        await flowing(reader)
        numbers = [number_of(frame) for frame in reader.frames]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert reader.frames[0].is_keyframe
    assert not any(track.muted for pc in (a, b) for track in arrived[pc])
    await world.close()
    for reader in readers:
        await reader.task
        assert reader.is_ended
    assert all(track.readyState == "ended" for pc in (a, b) for track in arrived[pc])


@simulated
async def test_what_nobody_reads_makes_no_frames_and_is_counted():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    a.addTrack(EncodedTrack())
    await exchange(a, b)
    await connected(a, b)
    [track] = arrived
    await until(lambda: not track.muted)
    await asyncio.sleep(2)
    assert track.receiver._decoder is None
    report = await b.getStats()
    [inbound] = [one for one in report.values() if one.type == "inbound-rtp"]
    assert inbound.packetsReceived > 50
    assert inbound.framesDecoded is None
    assert inbound.trackIdentifier == track.id
    await world.close()


@simulated
async def test_a_removed_track_mutes_its_receiver_and_an_added_one_uses_the_section_again():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    first = EncodedTrack()
    sender = a.addTrack(first)
    await exchange(a, b)
    [track] = arrived
    heard = []
    for event in ("mute", "unmute", "ended"):
        track.on(event, lambda event=event: heard.append(event))
    await connected(a, b)
    await until(lambda: not track.muted)
    a.removeTrack(sender)
    assert sender.track is None
    assert a.getTransceivers()[0].direction == "recvonly"
    await exchange(a, b)
    assert track.muted
    assert heard == ["unmute", "mute"]
    assert b.getTransceivers()[0].currentDirection == "inactive"
    sent = first.sent
    await asyncio.sleep(1)
    assert first.sent == sent  # a track that nothing sends is not pulled
    # What has sent once is not used for another track by addTrack (W3C webrtc-pc section 5.1).
    other = a.addTrack(EncodedTrack())
    assert other is not sender
    await exchange(a, b)
    assert len(arrived) == 2
    assert len(a.getTransceivers()) == len(b.getTransceivers()) == 2
    await world.close()


@simulated
async def test_replacing_a_track_needs_no_negotiation():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    needed = []
    first, second = EncodedTrack(size=100), EncodedTrack(size=200)
    sender = a.addTrack(first)
    await exchange(a, b)
    await connected(a, b)
    a.on("negotiationneeded", lambda: needed.append(True))
    reader = Frames(arrived[0].receiver)
    await flowing(reader)
    await sender.replaceTrack(second)
    assert sender.track is second
    await until(lambda: len(reader.frames[-1].data) > 200)
    timestamps = [frame.timestamp for frame in reader.frames]
    assert timestamps == sorted(set(timestamps))
    sender.replaceTrack(None)
    await asyncio.sleep(0.5)
    count = len(reader.frames)
    await asyncio.sleep(1)
    assert len(reader.frames) == count
    assert needed == []
    with pytest.raises(TypeError, match="audio"):
        sender.replaceTrack(EncodedTrack("audio"))
    await world.close()
    await reader.task


@simulated
async def test_directions_change_while_media_flows():
    world = World()
    a, b = world.pair()
    arrived = {a: tracks_of(a), b: tracks_of(b)}
    a.addTrack(EncodedTrack())
    b.addTrack(EncodedTrack())
    await exchange(a, b)
    await connected(a, b)
    readers = {pc: Frames(arrived[pc][0].receiver) for pc in (a, b)}
    for reader in readers.values():
        await flowing(reader)
    [transceiver] = a.getTransceivers()
    needed = []
    a.on("negotiationneeded", lambda: needed.append(True))
    for direction, mirrored in [("sendonly", "recvonly"), ("inactive", "inactive"), ("recvonly", "sendonly")]:
        needed.clear()
        transceiver.direction = direction
        await until(lambda: needed)
        await exchange(a, b)
        assert transceiver.currentDirection == direction
        assert b.getTransceivers()[0].currentDirection == mirrored
        await asyncio.sleep(0.5)
        counts = {pc: len(reader.frames) for pc, reader in readers.items()}
        await asyncio.sleep(1)
        grows = {pc: len(readers[pc].frames) > counts[pc] for pc in (a, b)}
        assert grows == {a: direction == "recvonly", b: direction == "sendonly"}
        assert arrived[a][0].muted is (direction != "recvonly")
        assert arrived[b][0].muted is (direction != "sendonly")
    with pytest.raises(TypeError, match="sideways"):
        transceiver.direction = "sideways"
    await world.close()
    for reader in readers.values():
        await reader.task


@simulated
async def test_stopping_ends_both_halves_here_and_there():
    world = World()
    a, b = world.pair()
    arrived = {a: tracks_of(a), b: tracks_of(b)}
    a.addTrack(EncodedTrack())
    b.addTrack(EncodedTrack())
    await exchange(a, b)
    await connected(a, b)
    ended = []
    for pc in (a, b):
        arrived[pc][0].on("ended", lambda pc=pc: ended.append(pc))
    [mine], [theirs] = a.getTransceivers(), b.getTransceivers()
    await mine.stop()
    assert ended == [a]
    assert mine.direction == "stopped"
    with pytest.raises(InvalidStateError):
        mine.direction = "sendrecv"
    with pytest.raises(InvalidStateError):
        mine.sender.replaceTrack(None)
    await exchange(a, b)
    assert ended == [a, b]
    assert mine.currentDirection == theirs.currentDirection == "stopped"
    assert a.getTransceivers() == b.getTransceivers() == []
    # The section is used again.
    a.addTrack(EncodedTrack())
    await exchange(a, b)
    assert len(arrived[b]) == 2
    assert a.localDescription.sdp.count("m=") == 1
    await world.close()


@simulated
async def test_parameters_limit_and_silence_encodings():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    sender = a.addTrack(EncodedTrack())
    with pytest.raises(InvalidStateError, match="getParameters"):
        await sender.setParameters(None)
    await exchange(a, b)
    await connected(a, b)
    reader = Frames(arrived[0].receiver)
    await flowing(reader)
    parameters = sender.getParameters()
    assert parameters.codecs
    assert parameters.rtcp.cname
    parameters.encodings[0].active = False
    await sender.setParameters(parameters)
    await asyncio.sleep(0.5)
    count = len(reader.frames)
    await asyncio.sleep(1)
    assert len(reader.frames) == count
    with pytest.raises(InvalidStateError, match="getParameters"):
        await sender.setParameters(parameters)
    parameters = sender.getParameters()
    parameters.encodings[0].active = True
    parameters.encodings[0].maxBitrate = 100_000
    await sender.setParameters(parameters)
    await flowing(reader)
    report = await a.getStats(sender.track)
    assert {one.type for one in report.values()} >= {"outbound-rtp", "media-source", "codec", "transport"}
    [outbound] = [one for one in report.values() if one.type == "outbound-rtp"]
    assert outbound.targetBitrate <= 100_000
    assert outbound.framesSent > 0
    with pytest.raises(InvalidAccessError):
        await a.getStats(EncodedTrack())
    await world.close()
    await reader.task


@simulated
async def test_reports_of_the_other_side_arrive():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    sender = a.addTrack(EncodedTrack())
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: arrived and not arrived[0].muted)
    await asyncio.sleep(10)
    mine, theirs = await sender.getStats(), await arrived[0].receiver.getStats()
    [remote] = [one for one in mine.values() if one.type == "remote-inbound-rtp"]
    assert remote.packetsLost == 0
    assert 0.03 < remote.roundTripTime < 0.3
    [outbound] = [one for one in mine.values() if one.type == "outbound-rtp"]
    assert (outbound.remoteId, remote.localId) == (remote.id, outbound.id)
    [remote] = [one for one in theirs.values() if one.type == "remote-outbound-rtp"]
    assert remote.packetsSent > 100
    await world.close()


@simulated
async def test_a_codec_nobody_shares_rejects_its_section_and_nothing_else():
    world = World()
    a, b = world.pair()
    arrived = tracks_of(b)
    opened = []
    b.on("datachannel", opened.append)
    a.createDataChannel("x")
    audio, video = a.addTransceiver("audio"), a.addTransceiver("video")
    codecs = RTCRtpReceiver.getCapabilities("audio").codecs
    audio.setCodecPreferences([one for one in codecs if one.name == "PCMA"])
    await a.setLocalDescription()
    offer = a.localDescription.toJSON()
    offer["sdp"] = offer["sdp"].replace("PCMA", "NOVEL").replace(" 8\r\n", " 77\r\n").replace(":8 ", ":77 ")
    await b.setRemoteDescription(offer)
    await b.setLocalDescription()
    answer = b.localDescription.toJSON()
    answer["sdp"] = answer["sdp"].replace("NOVEL", "PCMA").replace(" 77\r\n", " 8\r\n").replace(":77 ", ":8 ")
    await a.setRemoteDescription(answer)
    await connected(a, b)
    await until(lambda: opened)
    assert audio.currentDirection == "stopped"
    assert [each.kind for each in a.getTransceivers()] == ["video"]
    assert video.currentDirection in {"sendonly", "sendrecv"}
    assert [track.kind for track in arrived] == ["video"]
    await world.close()


@simulated
async def test_a_peer_that_leaves_ends_its_tracks():
    world = World()
    a, b = world.pair()
    arrived, ended = tracks_of(b), []
    a.addTrack(EncodedTrack())
    own = EncodedTrack()
    b.addTrack(own)
    await exchange(a, b)
    await connected(a, b)
    arrived[0].on("ended", lambda: ended.append(True))
    reader = Frames(arrived[0].receiver)
    await flowing(reader)
    await a.close()
    await until(lambda: ended, 1)
    await reader.task
    assert own.readyState == "live"
    sent = own.sent
    await asyncio.sleep(1)
    assert own.sent == sent  # nobody is there for it
    await world.close()


@simulated
async def test_a_peer_connection_closed_at_any_moment_leaves_nothing():
    for moment in (0.0, 0.05, 0.1, 0.5, 3.0):
        world = World(str(moment))
        a, b = world.pair()
        b.on("track", lambda track: Frames(track.receiver))
        a.addTrack(EncodedTrack())
        await exchange(a, b)
        await asyncio.sleep(moment)
        await world.close()
        with pytest.raises(InvalidStateError):
            a.addTrack(EncodedTrack())
