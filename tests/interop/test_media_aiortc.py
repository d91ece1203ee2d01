"""Pictures between our connection and aiortc's (from PyPI)."""

import asyncio
from importlib.util import find_spec
from typing import Any

import pytest

from rtcpeer import RTCPeerConnection, RTCSessionDescription
from tests.interop.conftest import REQUIRE_ALL
from tests.interop.media_sources import NumberedVideo, Numbers, number_in
from tests.interop.test_media import prefer, tracks_of, until

if find_spec("aiortc") is None and not REQUIRE_ALL:
    pytest.skip("aiortc is not installed", allow_module_level=True)

import aiortc

pytestmark = pytest.mark.interop


class TheirVideo(aiortc.VideoStreamTrack):
    def __init__(self) -> None:
        super().__init__()
        self._source = NumberedVideo()

    async def recv(self) -> Any:
        return await self._source.recv()


@pytest.mark.parametrize("codec", ["VP8", "H264"])
@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
async def test_pictures_both_ways_with_aiortc(codec: str, we_offer: bool) -> None:
    theirs = aiortc.RTCPeerConnection()
    async with RTCPeerConnection() as pc:
        mine, heard = tracks_of(pc), tracks_of(theirs)
        pc.addTrack(NumberedVideo())
        theirs.addTrack(TheirVideo())
        prefer(pc, codec)
        offerer: Any
        answerer: Any
        offerer, answerer = (pc, theirs) if we_offer else (theirs, pc)
        await offerer.setLocalDescription(await offerer.createOffer())
        await answerer.setRemoteDescription(told_to(answerer, offerer.localDescription))
        await answerer.setLocalDescription(await answerer.createAnswer())
        await offerer.setRemoteDescription(told_to(offerer, answerer.localDescription))
        ours = Numbers(mine["video"])
        got: set[int] = set()
        async with asyncio.timeout(30):
            while len(got) < 30:
                got.add(number_in(await heard["video"].recv()))
        await until(lambda: len(ours.numbers) >= 30)
        assert codec in {one.name for one in pc.getTransceivers()[0].sender.getParameters().codecs}
        await theirs.close()
    await ours.task


def told_to(pc: Any, description: Any) -> Any:
    """A description of the class that this connection takes."""
    kind = RTCSessionDescription if isinstance(pc, RTCPeerConnection) else aiortc.RTCSessionDescription
    return kind(sdp=description.sdp, type=description.type)
