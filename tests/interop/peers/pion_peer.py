"""Pion's PeerConnection in a process of its own, built from Debian's packages without a network."""

import os
import subprocess
from pathlib import Path

from tests.interop.peers.child_peer import ChildPeer, PeerProcess

SOURCE = Path(__file__).with_name("pion")
# Where Debian's golang-github-pion-webrtc.v3-dev puts its sources.
PACKAGES = Path("/usr/share/gocode")
BUILD_TIMEOUT = 300


def build(go: str, directory: Path) -> Path:
    """Compile the program into a directory; it takes some ten seconds the first time."""
    # Without modules Go finds packages in a workspace, and a program in it by its folder there.
    (directory / "src").mkdir()
    (directory / "src" / "pionpeer").symlink_to(SOURCE)
    program = directory / "pionpeer"
    environment = os.environ | {"GO111MODULE": "off", "GOFLAGS": "", "GOPATH": f"{directory}:{PACKAGES}"}
    command = [go, "build", "-o", str(program), "pionpeer"]
    subprocess.run(command, env=environment, check=True, timeout=BUILD_TIMEOUT, cwd=directory)
    return program


class PionProcess(PeerProcess):
    """The program that `build` has made."""

    def __init__(self, program: Path) -> None:
        super().__init__("pion", program)


class PionPeer(ChildPeer):
    """The one peer of such a process; it is started with the network it has candidates on, ``udp`` or ``tcp``."""
