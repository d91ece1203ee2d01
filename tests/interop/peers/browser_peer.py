"""A browser's RTCPeerConnection, in a page of its own."""

from pathlib import Path
from typing import Any, Literal

from tests.interop.browser import Browser, Page
from tests.interop.firefox import Firefox
from tests.interop.peers.encoding import decode, encode
from tests.interop.peers.peer import WAIT, Abilities, Candidate, Description, Message, Mode, Peer

SCRIPT = Path(__file__).with_name("browser_peer.js").read_text()


class BrowserPeer(Peer):
    """Made by `start`; the page is closed with the peer."""

    def __init__(self, page: Page, *, is_firefox: bool) -> None:
        self.name = "firefox" if is_firefox else "chromium"
        self.abilities = Abilities(largest_message=(1 << 30) - 1) if is_firefox else Abilities()
        self.page = page

    @classmethod
    async def start(cls, browser: Browser, configuration: dict[str, Any] | None = None) -> "BrowserPeer":
        page = await browser.new_page()
        await page.run(f"{SCRIPT}\nstartPeer(configuration, wait);", configuration=configuration or {}, wait=WAIT)
        return cls(page, is_firefox=isinstance(browser, Firefox))

    async def create_channel(self, label: str, **options: Any) -> None:
        await self.page.run("peer.adopt(peer.pc.createDataChannel(label, options));", label=label, options=options)

    async def describe(self, kind: Literal["offer", "answer"], mode: Mode) -> Description:
        description: Description = await self.page.evaluate("await peer.describe(kind, mode)", kind=kind, mode=mode)
        return description

    async def accept(self, description: Description) -> None:
        await self.page.run("await peer.pc.setRemoteDescription(description);", description=description)

    async def add_candidate(self, candidate: Candidate | None) -> None:
        await self.page.run("await peer.pc.addIceCandidate(candidate ?? undefined);", candidate=candidate)

    async def next_candidate(self) -> Candidate | None:
        candidate: Candidate | None = await self.page.evaluate("await peer.nextCandidate()")
        return candidate

    async def states(self) -> dict[str, str]:
        states: dict[str, str] = await self.page.evaluate("peer.states()")
        return states

    async def connected(self) -> None:
        await self.page.run(
            "await peer.until(() => peer.pc.connectionState === 'connected', 'connectionState connected');"
        )

    async def channel(self, label: str, state: str = "open") -> dict[str, Any]:
        attributes: dict[str, Any] = await self.page.evaluate(
            "await peer.channel(label, state)", label=label, state=state
        )
        return attributes

    async def send(self, label: str, *messages: Message) -> None:
        await self.page.run("peer.send(label, messages);", label=label, messages=[encode(one) for one in messages])

    async def received(self, label: str, count: int) -> list[Message]:
        messages = await self.page.evaluate("await peer.received(label, count)", label=label, count=count)
        return [decode(one) for one in messages]

    async def close_channel(self, label: str) -> None:
        await self.page.run("peer.channels.get(label).close();", label=label)

    async def close(self) -> None:
        await self.page.run("peer.pc.close();")

    async def finish(self) -> None:
        await self.page.close()
