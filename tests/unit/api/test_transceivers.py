"""Transceivers of connections that mostly never connect: what programs may ask for, and what they are refused."""

from dataclasses import replace

import pytest

from rtcpeer import (
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    MediaStream,
    RTCRtpReceiver,
    RTCRtpSender,
    Settings,
)
from rtcpeer.jsep.capabilities import MediaCapabilities
from rtcpeer.jsep.codecs import DEFAULT_CAPABILITIES
from tests.sim.encoded_track import EncodedTrack
from tests.sim.peers import World, connected, exchange, simulated, until


def only(name):
    """Capabilities with one codec of video."""
    codecs = tuple(codec for codec in DEFAULT_CAPABILITIES.codecs if codec.name in {name, "rtx"})
    return Settings(capabilities=MediaCapabilities(codecs, DEFAULT_CAPABILITIES.extensions))


@simulated
async def test_transceivers_are_made_as_in_browsers_and_by_keywords():
    world = World()
    a, _ = world.pair()
    made = [
        a.addTransceiver("audio"),
        a.addTransceiver("video", {"direction": "recvonly"}),
        a.addTransceiver("video", direction="sendonly", sendEncodings=[{"maxBitrate": 5}]),
        a.addTransceiver(EncodedTrack("audio"), "inactive"),
    ]
    assert a.getTransceivers() == made
    assert [each.direction for each in made] == ["sendrecv", "recvonly", "sendonly", "inactive"]
    assert [each.kind for each in made] == ["audio", "video", "video", "audio"]
    assert [each.currentDirection for each in made] == [each.mid for each in made] == [None] * 4
    assert a.getSenders() == [each.sender for each in made]
    assert a.getReceivers() == [each.receiver for each in made]
    assert made[2].sender.getParameters().encodings[0].maxBitrate == 5
    assert made[0].receiver.track.muted
    assert made[0].sender.transport is made[0].receiver.transport is None
    with pytest.raises(TypeError, match="smell"):
        a.addTransceiver("smell")
    with pytest.raises(TypeError, match="upwards"):
        a.addTransceiver("audio", direction="upwards")
    with pytest.raises(TypeError, match="codec"):
        a.addTransceiver("audio", codec="opus")
    assert len(a.getTransceivers()) == 4
    await world.close()


@simulated
async def test_a_track_is_added_where_nothing_was_sent_yet():
    world = World()
    a, b = world.pair()
    mine = a.addTransceiver("video", direction="recvonly")
    track = EncodedTrack()
    assert a.addTrack(track) is mine.sender
    assert mine.direction == "sendrecv"
    with pytest.raises(InvalidAccessError, match="already"):
        a.addTrack(track)
    with pytest.raises(TypeError):
        a.addTrack(EncodedTrack("smell"))
    # Of a remote offer's sections, addTrack's transceivers take part; addTransceiver's do not (RFC 9429 section 5.10).
    own = b.addTransceiver("video")
    sender = b.addTrack(EncodedTrack("audio"))
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    assert [each.mid for each in b.getTransceivers()] == [None, None, "0"]
    theirs = b.getTransceivers()[2]
    assert theirs.direction == "recvonly"
    assert own.mid is None
    assert sender is b.getSenders()[1]
    answering = EncodedTrack()
    b.removeTrack(sender)
    assert b.addTrack(answering) in {own.sender, theirs.sender}
    await world.close()


@simulated
async def test_a_track_added_between_offer_and_answer_is_answered_with():
    world = World()
    a, b = world.pair()
    a.addTrack(EncodedTrack())
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    b.addTrack(EncodedTrack())
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    assert len(a.getTransceivers()) == len(b.getTransceivers()) == 1
    assert b.getTransceivers()[0].currentDirection == "sendrecv"
    await world.close()


@simulated
async def test_removing_tracks():
    world = World()
    a, b = world.pair()
    sender = a.addTrack(EncodedTrack())
    with pytest.raises(InvalidAccessError, match="another"):
        b.removeTrack(sender)
    a.removeTrack(sender)
    a.removeTrack(sender)
    assert (sender.track, a.getTransceivers()[0].direction) == (None, "recvonly")
    a.getTransceivers()[0].stop()
    a.removeTrack(sender)
    assert a.getTransceivers() == []
    await world.close()


@simulated
async def test_codec_preferences():
    world = World()
    a, b = world.pair()
    transceiver = a.addTransceiver("video")
    codecs = RTCRtpReceiver.getCapabilities("video").codecs
    chosen = [codec for codec in codecs if codec.name in {"VP9", "rtx"}]
    transceiver.setCodecPreferences(chosen)
    await exchange(a, b)
    assert {codec.name for codec in transceiver.sender.getParameters().codecs} == {"VP9", "rtx"}
    transceiver.setCodecPreferences([{"mimeType": "VIDEO/vp8", "clockRate": 90000}])
    transceiver.setCodecPreferences([])
    await exchange(a, b)
    assert len({codec.name for codec in transceiver.sender.getParameters().codecs}) > 2
    for wrong in ([{"mimeType": "video/VP7", "clockRate": 90000}], [codec for codec in codecs if codec.name == "rtx"]):
        with pytest.raises(InvalidModificationError):
            transceiver.setCodecPreferences(wrong)
    with pytest.raises(TypeError):
        transceiver.setCodecPreferences([{"mime": "video/VP8"}])
    await world.close()


@pytest.mark.parametrize("half", [RTCRtpSender, RTCRtpReceiver])
def test_capabilities_of_either_half(half):
    names = [codec.name for codec in half.getCapabilities("video").codecs]
    assert names[0] == "VP8"
    assert {"VP9", "H264", "rtx"} <= set(names)
    names = [codec.name for codec in half.getCapabilities("audio").codecs]
    assert names[0] == "opus"
    assert {"PCMU", "PCMA", "G722", "telephone-event"} <= set(names)
    uris = [extension.uri for extension in half.getCapabilities("video").headerExtensions]
    assert "urn:ietf:params:rtp-hdrext:sdes:mid" in uris
    assert half.getCapabilities("smell") is None


@simulated
async def test_a_track_sent_twice_is_told_by_two_names():
    world = World()
    a, _ = world.pair()
    track, stream = EncodedTrack(), MediaStream()
    for _ in range(2):
        a.addTransceiver(track, {"streams": [stream]})
    offer = await a.createOffer()
    names = [line for line in offer.sdp.splitlines() if line.startswith("a=msid:")]
    assert len(set(names)) == 2  # Chromium refuses "Duplicate a=msid lines"
    assert f"a=msid:{stream.id} {track.id}" in names
    await world.close()


@simulated
async def test_streams_are_told_and_may_change():
    world = World()
    a, b = world.pair()
    arrived, changes = [], []
    b.on("track", arrived.append)
    one, other = MediaStream(), MediaStream()
    sender = a.addTrack(EncodedTrack(), one)
    second = a.addTrack(EncodedTrack("audio"), one)
    await exchange(a, b)
    assert arrived[0].streams == arrived[1].streams
    [stream] = arrived[0].streams
    assert stream.id == one.id
    assert set(stream.getTracks()) == set(arrived)
    stream.on("removetrack", changes.append)
    sender.setStreams(one, other)
    second.setStreams(other)
    await exchange(a, b)
    assert [each.id for each in arrived[0].streams] == [one.id, other.id]
    assert [each.id for each in arrived[1].streams] == [other.id]
    assert changes == [arrived[1]]
    assert len(arrived) == 2
    await world.close()


@simulated
async def test_parameters_that_must_not_be_changed():
    world = World()
    a, b = world.pair()
    sender = a.addTransceiver("video", sendEncodings=[{"rid": "q"}, {"rid": "f"}]).sender
    await exchange(a, b)
    for change in (
        lambda parameters: parameters.encodings.pop(),
        lambda parameters: parameters.encodings.reverse(),
        lambda parameters: parameters.codecs.pop(),
        lambda parameters: setattr(parameters, "transactionId", "another"),
        lambda parameters: setattr(parameters.rtcp, "cname", "another"),
        lambda parameters: setattr(parameters.encodings[0], "codec", parameters.codecs[0]),
        lambda parameters: [
            setattr(one, "codec", replace(parameters.codecs[0], clockRate=5)) for one in parameters.encodings
        ],
    ):
        parameters = sender.getParameters()
        change(parameters)
        with pytest.raises(InvalidModificationError):
            await sender.setParameters(parameters)
    parameters = sender.getParameters()
    parameters.encodings[0].scaleResolutionDownBy = 0.5
    with pytest.raises(ValueError, match="scaleResolutionDownBy"):
        await sender.setParameters(parameters)
    await world.close()


@simulated
async def test_another_codec_of_those_agreed_on():
    world = World()
    a, b = world.pair()
    sender = a.addTrack(EncodedTrack())
    await exchange(a, b)
    await connected(a, b)
    parameters = sender.getParameters()
    chosen = next(codec for codec in parameters.codecs if codec.name == "H264")
    parameters.encodings[0].codec = chosen
    parameters.degradationPreference = "maintain-resolution"
    await sender.setParameters(parameters)
    assert sender._encoder._codec().payload_type == chosen.payloadType
    assert sender.getParameters().degradationPreference == "maintain-resolution"
    await world.close()


@simulated
async def test_rollback_takes_back_what_an_offer_has_made():
    world = World()
    a, b = world.pair()
    arrived = []
    b.on("track", arrived.append)
    a.addTrack(EncodedTrack())
    a.addTrack(EncodedTrack("audio"))
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    video, audio = b.getTransceivers()
    kept = b.addTrack(EncodedTrack("audio"))
    await b.setRemoteDescription({"type": "rollback", "sdp": ""})
    # RFC 9429 section 4.1.10.2: what has got a track meanwhile stays, without a section.
    assert b.getTransceivers() == [audio]
    assert (audio.sender, audio.mid, video.currentDirection) == (kept, None, "stopped")
    assert arrived[0].readyState == "ended"
    assert arrived[1].readyState == "live"
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    assert audio.currentDirection == "sendrecv"
    await world.close()


@simulated
async def test_codecs_that_nobody_shares_reject_the_section():
    world = World()
    world.a, world.b = a, b = world.peer(settings=only("VP8")), world.peer(settings=only("VP9"))
    opened = []
    b.on("datachannel", opened.append)
    a.createDataChannel("x")
    transceiver = a.addTransceiver("video")
    await exchange(a, b)
    await until(lambda: opened)
    assert (transceiver.currentDirection, a.getTransceivers(), b.getTransceivers()) == ("stopped", [], [])
    await world.close()


@simulated
async def test_a_closed_connection_gives_nothing_more():
    world = World()
    a, _ = world.pair()
    sender = a.addTrack(EncodedTrack())
    transceiver = a.getTransceivers()[0]
    ended = []
    transceiver.receiver.track.on("ended", lambda: ended.append(True))
    await a.close()
    assert ended == [True]
    assert transceiver.currentDirection == transceiver.direction == "stopped"
    for refused in (
        lambda: a.addTransceiver("audio"),
        lambda: a.addTrack(EncodedTrack()),
        lambda: a.removeTrack(sender),
        lambda: sender.replaceTrack(None),
        sender.setStreams,
        lambda: transceiver.setCodecPreferences([]),
        transceiver.receiver.encoded,
    ):
        with pytest.raises(InvalidStateError):
            refused()
    with pytest.raises(InvalidStateError):
        await sender.setParameters(sender.getParameters())
    await transceiver.stop()
    await world.close()
