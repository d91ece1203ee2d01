"""What a program imports that needs data channels alone."""

import subprocess
import sys

LATE = ("av", "pylibsrtp", "numpy", "rtcpeer.stack.media", "rtcpeer.media.track", "rtcpeer.rtp.sender")

PROGRAM = f"""
import asyncio, sys
import rtcpeer

async def main():
    a, b = rtcpeer.RTCPeerConnection(), rtcpeer.RTCPeerConnection()
    a.createDataChannel("x")
    await b.setRemoteDescription(await a.createOffer())
    await b.createAnswer()
    assert a.getTransceivers() == a.getSenders() == a.getReceivers() == []
    await a.getStats()
    await a.close()
    await b.close()

asyncio.run(main())
print([name for name in {LATE!r} if name in sys.modules])
rtcpeer.MediaStreamTrack
assert "av" in sys.modules
"""


def test_media_is_imported_by_its_first_use():
    assert subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True).stdout == "[]\n"
