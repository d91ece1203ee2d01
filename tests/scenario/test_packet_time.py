"""How much sound is in a packet (RFC 8866 sections 6.4 and 6.5)."""

from itertools import pairwise

import pytest

from rtcpeer import AudioStreamTrack, RTCRtpReceiver, RTCSessionDescription
from rtcpeer.media import encoding_lane
from tests.sim.peers import World, connected, simulated
from tests.sim.worker import WorkerInPlace


@pytest.mark.parametrize(
    ("mime_type", "lines", "ticks"),
    [
        ("audio/opus", "a=ptime:40", 48 * 40),
        ("audio/opus", "a=maxptime:10", 48 * 10),
        ("audio/PCMU", "a=ptime:30", 8 * 30),
        ("audio/PCMA", "a=ptime:60\r\na=maxptime:40", 8 * 40),
        ("audio/G722", "a=ptime:40", 8 * 40),
    ],
)
@simulated
async def test_the_peer_gets_packets_as_long_as_it_wants(monkeypatch, mime_type, lines, ticks):
    monkeypatch.setattr(encoding_lane, "Worker", WorkerInPlace)
    world = World()
    a, b = world.pair()
    transceiver = a.addTransceiver(AudioStreamTrack(), direction="sendonly")
    known = RTCRtpReceiver.getCapabilities("audio").codecs
    transceiver.setCodecPreferences([one for one in known if one.mimeType == mime_type])
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    sdp = b.localDescription.sdp.replace("a=rtcp-mux\r\n", f"{lines}\r\na=rtcp-mux\r\n", 1)
    await a.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
    await connected(a, b)
    async with b.getReceivers()[0].encoded() as frames:
        times = [(await anext(frames)).timestamp for _ in range(10)]
    assert {other - one for one, other in pairwise(times)} == {ticks}
    await world.close()
