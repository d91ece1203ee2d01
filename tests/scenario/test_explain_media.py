"""`explain()` names what keeps audio and video from flowing, and nothing where they flow."""

import asyncio
import re

import pytest

from rtcpeer import RTCPeerConnection, Settings
from rtcpeer.jsep.capabilities import MediaCapabilities
from rtcpeer.jsep.codecs import DEFAULT_CAPABILITIES
from rtcpeer.media.track import MediaStreamTrack
from rtcpeer.stack.findings import Finding, FindingCode, Severity
from tests.sim.encoded_track import EncodedTrack, Frames
from tests.sim.link import LinkSettings
from tests.sim.peers import World, connected, exchange, simulated

NOT_OF_MEDIA = {FindingCode.NO_END_OF_CANDIDATES, FindingCode.CHECKING}


def only(name):
    codecs = tuple(codec for codec in DEFAULT_CAPABILITIES.codecs if codec.name in {name, "rtx"})
    return Settings(capabilities=MediaCapabilities(codecs, DEFAULT_CAPABILITIES.extensions))


def findings(pc: RTCPeerConnection) -> dict[FindingCode, Finding]:
    explanation = pc.explain()
    assert str(explanation)
    for one in explanation.findings:
        assert one.sentence.endswith(".")
        assert one.advice or one.code in NOT_OF_MEDIA
    return {one.code: one for one in explanation.findings if one.code not in NOT_OF_MEDIA}


def severities(pc):
    return {code: one.severity for code, one in findings(pc).items()}


def reading(pc):
    """Read all that comes."""
    readers = []
    pc.on("track", lambda track: readers.append(Frames(track.receiver)))
    return readers


class SilentTrack(MediaStreamTrack):
    kind = "video"

    async def recv(self):
        await asyncio.sleep(3600)


class KeylessTrack(EncodedTrack):
    """Its encoder ignores who asks for a keyframe."""

    def __init__(self):
        super().__init__()
        self._is_keyframe_due = False

    def request_keyframe(self):
        self.keyframes_asked += 1


async def call(*tracks, read=True, **place):
    """A call in which only `a` sends."""
    world = World()
    a, b = world.pair(**place)
    if read:
        reading(b)
    for track in tracks:
        a.addTrack(track)
    await exchange(a, b)
    await connected(a, b)
    return world, a, b


@simulated
async def test_there_is_nothing_to_say_of_a_call_that_is_well():
    world = World()
    a, b = world.pair()
    for pc in (a, b):
        reading(pc)
        pc.addTrack(EncodedTrack("video"))
        pc.addTrack(EncodedTrack("audio"))
        pc.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    for seconds in (0, 1, 5, 15):
        await asyncio.sleep(seconds)
        assert (findings(a), findings(b)) == ({}, {})
    for pc in (a, b):
        pc.getTransceivers()[0].direction = "inactive"
    await exchange(a, b)
    await asyncio.sleep(20)
    assert severities(a) == severities(b) == {FindingCode.DIRECTION_KEEPS_TRACK: Severity.NOTE}  # on hold
    for pc in (a, b):
        pc.getTransceivers()[0].direction = "sendrecv"
    await exchange(b, a)
    for seconds in (0, 1, 15):
        await asyncio.sleep(seconds)
        assert (findings(a), findings(b)) == ({}, {})
    await world.close()


@simulated
async def test_no_codec_is_shared():
    world = World()
    a, b = world.peer(settings=only("VP8")), world.peer(settings=only("H264"))
    world.a, world.b = a, b
    a.addTrack(EncodedTrack())
    await exchange(a, b)
    (mine,), (theirs,) = findings(a).values(), findings(b).values()
    assert theirs.code is FindingCode.NO_SHARED_CODEC
    assert theirs.severity is Severity.PROBLEM
    assert theirs.evidence == ("we have H264", "the peer has VP8")
    assert mine.severity is Severity.PROBLEM
    assert mine.evidence[0] == "we have VP8"
    await world.close()


@simulated
async def test_a_track_waits_for_negotiation():
    world, a, b = await call(EncodedTrack("audio"))
    a.addTrack(EncodedTrack("video"))
    assert severities(a) == {FindingCode.TRACK_NOT_NEGOTIATED: Severity.WAITING}
    b.addTrack(EncodedTrack("audio"))  # into a section that there is
    assert severities(b) == {FindingCode.TRACK_NOT_NEGOTIATED: Severity.WAITING}
    reading(a)
    await exchange(a, b)
    await asyncio.sleep(10)
    assert (findings(a), findings(b)) == ({}, {})
    await world.close()


@simulated
async def test_our_own_direction_keeps_a_track():
    world, _, b = await call(EncodedTrack())
    b.getTransceivers()[0].sender.replaceTrack(EncodedTrack())
    assert severities(b) == {FindingCode.DIRECTION_KEEPS_TRACK: Severity.WARNING}
    assert "'recvonly'" in findings(b)[FindingCode.DIRECTION_KEEPS_TRACK].evidence[0]
    b.getTransceivers()[0].direction = "sendrecv"
    assert severities(b) == {FindingCode.TRACK_NOT_NEGOTIATED: Severity.WAITING}
    await world.close()


@simulated
async def test_the_peer_takes_nothing():
    world = World()
    a, b = world.pair()
    a.addTransceiver(EncodedTrack(), "sendonly")
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    b.addTrack(EncodedTrack())
    assert FindingCode.PEER_DOES_NOT_RECEIVE not in findings(b)  # nothing is settled yet
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    refusal = findings(b)[FindingCode.PEER_DOES_NOT_RECEIVE]
    assert refusal.severity is Severity.PROBLEM
    assert refusal.evidence == ("its description says sendonly, ours recvonly",)
    assert FindingCode.PEER_DOES_NOT_RECEIVE not in findings(a)
    # And by an answer.
    a.getTransceivers()[0].direction = "sendrecv"
    b.getTransceivers()[0].direction = "sendonly"
    await exchange(a, b)
    assert findings(a)[FindingCode.PEER_DOES_NOT_RECEIVE].evidence == ("its description says sendonly, ours sendrecv",)
    await world.close()


@simulated
async def test_a_sender_has_no_track():
    world = World()
    a, b = world.pair()
    reading(b)
    a.addTransceiver("video", "sendonly")
    await exchange(a, b)
    await connected(a, b)
    assert (findings(a), findings(b)) == ({}, {})
    await asyncio.sleep(10)
    assert severities(a) == {FindingCode.SENDER_WITHOUT_TRACK: Severity.NOTE}
    assert severities(b) == {FindingCode.NOTHING_RECEIVED: Severity.WARNING}
    assert b.getReceivers()[0].track.muted
    await world.close()


@simulated
async def test_a_track_has_ended():
    track, other = EncodedTrack(), EncodedTrack()
    other.stop()
    world, a, b = await call(track)
    await asyncio.sleep(10)
    track.stop()
    await asyncio.sleep(10)
    assert severities(a) == {FindingCode.TRACK_ENDED: Severity.NOTE}
    assert severities(b) == {FindingCode.NOTHING_RECEIVED: Severity.WARNING}
    await world.close()
    world, a, b = await call(other)
    await asyncio.sleep(10)
    assert severities(a) == {FindingCode.TRACK_ENDED: Severity.WARNING}
    await world.close()


@simulated
async def test_all_encodings_are_switched_off():
    world, a, _ = await call(EncodedTrack())
    sender = a.getSenders()[0]
    parameters = sender.getParameters()
    parameters.encodings[0].active = False
    await sender.setParameters(parameters)
    await asyncio.sleep(10)
    assert severities(a) == {FindingCode.ENCODINGS_INACTIVE: Severity.NOTE}
    await world.close()


@simulated
async def test_a_track_gives_no_frames():
    world, a, b = await call(SilentTrack())
    await asyncio.sleep(4)
    assert findings(a) == {}
    await asyncio.sleep(3)
    assert severities(a) == {FindingCode.TRACK_SILENT: Severity.PROBLEM}
    await a.getSenders()[0].replaceTrack(EncodedTrack())
    await asyncio.sleep(3)
    assert (findings(a), findings(b)) == ({}, {})
    await a.getSenders()[0].replaceTrack(SilentTrack())
    await asyncio.sleep(8)
    assert severities(a) == {FindingCode.TRACK_SILENT: Severity.WARNING}
    assert severities(b) == {FindingCode.NOTHING_RECEIVED: Severity.WARNING}
    assert re.fullmatch(r"\d+ packets came before that", findings(b)[FindingCode.NOTHING_RECEIVED].evidence[0])
    await world.close()


@pytest.mark.parametrize("kind", ["audio", "video"])
@simulated
async def test_nobody_reads_the_track(kind):
    world, a, b = await call(EncodedTrack(kind), read=False)
    await asyncio.sleep(10)
    assert findings(a) == {}
    assert severities(b) == {FindingCode.TRACK_NOT_READ: Severity.WARNING}
    reader = Frames(b.getReceivers()[0])
    await asyncio.sleep(10)
    assert findings(b) == {}
    await reader.stop()
    b.getReceivers()[0].track.stop()  # not wanted any more
    await asyncio.sleep(10)
    assert findings(b) == {}
    await world.close()


@simulated
async def test_no_keyframe_comes():
    world, _, b = await call(KeylessTrack())
    await asyncio.sleep(10)
    assert severities(b) == {FindingCode.NO_KEYFRAME: Severity.PROBLEM}
    assert "requests for a keyframe" in findings(b)[FindingCode.NO_KEYFRAME].evidence[0]
    await world.close()


@simulated
async def test_packets_belong_to_no_section():
    world = World()
    a, b = world.pair(only("VP8"))
    reading(b)
    a.addTrack(EncodedTrack())
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    answer = b.localDescription.sdp
    (number,) = re.findall(r"a=rtpmap:(\d+) VP8", answer)
    wrong = re.sub(rf"(?<=[ :=]){number}(?=[ \r])", "60", answer.replace(f"apt={number}", "apt=60"))
    await a.setRemoteDescription({"type": "answer", "sdp": wrong})
    await connected(a, b)
    await asyncio.sleep(10)
    assert severities(b) == {FindingCode.UNKNOWN_STREAM: Severity.PROBLEM}
    assert "payload type" in findings(b)[FindingCode.UNKNOWN_STREAM].evidence[0]
    await asyncio.sleep(10)
    assert severities(a) == {FindingCode.PEER_REPORTS_NOTHING: Severity.WARNING}
    await world.close()


@simulated
async def test_packets_get_lost():
    world, a, b = await call(EncodedTrack(), link=LinkSettings(delay=0.02, loss=0.25))
    await asyncio.sleep(20)
    assert severities(a)[FindingCode.PEER_LOSES_PACKETS] is Severity.WARNING
    assert severities(b)[FindingCode.PACKETS_LOST] is Severity.WARNING
    assert a.explain().problems == b.explain().problems == ()
    await world.close()


@simulated
async def test_an_offer_of_media_alone_that_is_stopped_by_the_answerer():
    world = World()
    a, b = world.pair()
    a.addTrack(EncodedTrack())
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    b.getTransceivers()[0].stop()
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    assert severities(a) == {FindingCode.SECTION_REJECTED: Severity.PROBLEM}
    assert severities(b)[FindingCode.SECTION_REJECTED] is Severity.NOTE
    await world.close()
