"""Our peer connection and Pion's (Debian's packages), over UDP and over TCP, where it waits for connections."""

from pathlib import Path

import pytest

from rtcpeer import RTCPeerConnection
from tests.interop.conftest import REQUIRE_ALL, require_program
from tests.interop.peers.pion_peer import PACKAGES, PionPeer, PionProcess, build
from tests.interop.test_ice_tcp import BOTH_WAYS, converse, tcp_peer

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = require_program("go")
    if not REQUIRE_ALL and not PACKAGES.is_dir():
        pytest.skip("Debian's golang-github-pion-webrtc.v3-dev is not installed")
    return build(go, tmp_path_factory.mktemp("pion"))


@BOTH_WAYS
async def test_over_udp(program: Path, we_offer: bool) -> None:
    async with PionProcess(program) as process, await PionPeer.start(process, "udp") as theirs:
        assert await converse(RTCPeerConnection(), theirs, we_offer=we_offer) == ("udp", None, "udp", None)


@BOTH_WAYS
async def test_we_call_it(program: Path, we_offer: bool) -> None:
    async with PionProcess(program) as process, await PionPeer.start(process, "tcp") as theirs:
        assert await converse(tcp_peer("active"), theirs, we_offer=we_offer) == ("tcp", "active", "tcp", "passive")
