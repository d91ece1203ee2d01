"""aiortc's RTCPeerConnection in a process of its own."""

import sys

from tests.interop.peers.child_peer import ChildPeer, PeerProcess


class AiortcProcess(PeerProcess):
    """A Python with aiortc."""

    def __init__(self) -> None:
        super().__init__("aiortc", sys.executable, "-W", "ignore", "-m", "tests.interop.peers.aiortc_child")


class AiortcPeer(ChildPeer):
    """The one peer of such a process."""
