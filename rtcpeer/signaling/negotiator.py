"""Perfect negotiation (W3C webrtc-pc section 10.7) between one peer connection and one peer of a room.

It uses the W3C's public face of the connection only, so it works with any that has it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from rtcpeer.signaling.client import SignalingClient
from rtcpeer.signaling.codec import CandidateLike, DescriptionLike
from rtcpeer.signaling.events import (
    ByeReceived,
    CandidateInit,
    CandidateReceived,
    DescriptionInit,
    DescriptionReceived,
    Peer,
    PeerMessage,
)

logger = logging.getLogger(__name__)


class PeerConnection(Protocol):
    """What is used of an RTCPeerConnection."""

    @property
    def signalingState(self) -> str:  # noqa: N802
        """``"stable"``, ``"have-local-offer"``, ..."""

    @property
    def localDescription(self) -> DescriptionLike | None:  # noqa: N802
        """With the candidates found so far."""

    def setLocalDescription(self) -> Awaitable[object]:  # noqa: N802
        """Make the offer or answer that is due."""

    def setRemoteDescription(self, description: DescriptionInit, /) -> Awaitable[object]:  # noqa: N802
        """Rolls back our own offer where needed."""

    def addIceCandidate(self, candidate: CandidateInit | None, /) -> Awaitable[object]:  # noqa: N802
        """None is the end."""

    def gathered(self) -> Awaitable[object]:
        """Returns when localDescription has all candidates; bulk only."""

    def on(self, event: str, handler: Callable[..., object], /) -> object:
        """pyee's."""

    def remove_listener(self, event: str, handler: Callable[..., object], /) -> object:
        """pyee's."""


class PeerNegotiator:
    """Offers when the connection needs it, answers, passes candidates on, and survives offers that collide.

    Make it in the same turn of the event loop as the connection (before the first await after it), so that it sees the
    first ``negotiationneeded``. What the peer has sent until then it catches up on. `close` it, or leave its
    ``async with``, before the connection is closed; it does neither close the connection nor say bye.

    Args:
        signaling: In a room.
        peer: Of that room; decides who is polite.
        pc: The connection, fresh.
        trickle: False sends each description once, with all candidates in it (bulk). Received candidates are taken
            either way.
        on_error: Told of what fails, such as a description that the connection does not take; without it, it is logged.
            Negotiation goes on with the next message.
    """

    def __init__(
        self,
        signaling: SignalingClient,
        peer: Peer,
        pc: PeerConnection,
        *,
        trickle: bool = True,
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        self.peer = peer
        self._signaling = signaling
        self._pc = pc
        self._trickle = trickle
        self._on_error = on_error
        self._is_making_offer = False
        self._is_offer_due = False
        self._is_ignoring_offer = False
        self._incoming: asyncio.Queue[PeerMessage] = asyncio.Queue()
        self._outgoing: asyncio.Queue[CandidateLike | None] = asyncio.Queue()
        # One description at a time is made or taken, and no candidate overtakes the one it belongs to.
        self._describing = asyncio.Lock()
        self._answer_sent = asyncio.Event()
        self._answer_sent.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: dict[str, Callable[..., object]] = {"negotiationneeded": self._negotiation_needed}
        if trickle:
            # In bulk nobody listens: for our connection that is the sign to put the candidates into the description.
            self._listeners["icecandidate"] = self._outgoing.put_nowait
        for event, listener in self._listeners.items():
            pc.on(event, listener)
        self._spawn(self._receive)
        if trickle:
            self._spawn(self._send_candidates)
        self._is_taking = True
        signaling.take(peer.id, self._take)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Take no further part; safe more than once."""
        listeners, self._listeners = self._listeners, {}
        for event, listener in listeners.items():
            self._pc.remove_listener(event, listener)
        self._release()
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, message: PeerMessage) -> None:
        if isinstance(message, ByeReceived):
            # The peer's next offer is for another connection, and may be here before the program has made that.
            self._release()
        self._incoming.put_nowait(message)

    def _release(self) -> None:
        if self._is_taking:
            self._is_taking = False
            self._signaling.release(self.peer.id)

    def _negotiation_needed(self) -> None:
        if self._is_making_offer:
            self._is_offer_due = True
            return
        # From here on a colliding offer is seen as one, even before the task runs.
        self._is_making_offer = True
        self._spawn(self._offer)

    async def _offer(self) -> None:
        try:
            if await self._make_offer() and not self._trickle:
                await self._pc.gathered()
                await self._send_description("offer")
        finally:
            self._is_making_offer = False
            if self._is_offer_due:
                # Asked for while our offer was rolled back for the peer's.
                self._is_offer_due = False
                self._negotiation_needed()

    async def _make_offer(self) -> bool:
        while True:
            await self._answer_sent.wait()
            async with self._describing:
                if not self._answer_sent.is_set():
                    # Another one came first; a new offer would take its place in localDescription.
                    continue
                # What the connection has asked for until now is in this offer.
                self._is_offer_due = False
                if self._pc.signalingState != "stable":
                    # It asks again once it is.
                    return False
                await self._pc.setLocalDescription()
                if self._trickle:
                    await self._send_description("offer")
                return True

    async def _receive(self) -> None:
        # One after the other, as the connection's operations chain would do it. So setRemoteDescription with an answer
        # is never under way when an offer is judged, and the W3C's isSettingRemoteAnswerPending has no part here.
        while True:
            message = await self._incoming.get()
            await self._attempt(partial(self._handle, message))

    async def _handle(self, message: PeerMessage) -> None:
        match message:
            case DescriptionReceived(_, description):
                async with self._describing:
                    await self._take_description(description)
            case CandidateReceived(_, candidate):
                try:
                    await self._pc.addIceCandidate(candidate)
                except Exception:
                    # Candidates of an offer that we ignore fit to nothing here.
                    if not self._is_ignoring_offer:
                        raise
            case ByeReceived():
                # The program hears of it from the client, and closes the connection and us.
                pass

    async def _take_description(self, description: DescriptionInit) -> None:
        is_offer = description["type"] == "offer"
        is_collision = is_offer and (self._is_making_offer or self._pc.signalingState != "stable")
        self._is_ignoring_offer = is_collision and not self.peer.polite
        if self._is_ignoring_offer:
            return
        await self._pc.setRemoteDescription(description)
        if not is_offer:
            return
        await self._pc.setLocalDescription()
        if self._trickle:
            await self._send_description("answer")
        else:
            # Gathering takes its time; the peer's candidates come in meanwhile.
            self._answer_sent.clear()
            self._spawn(self._send_gathered_answer)

    async def _send_gathered_answer(self) -> None:
        try:
            await self._pc.gathered()
            await self._send_description("answer")
        finally:
            self._answer_sent.set()

    async def _send_description(self, kind: str) -> None:
        """Send the local description if it is of this kind still: meanwhile an offer may have been rolled back."""
        description = self._pc.localDescription
        if description is not None and description.type == kind:
            await self._signaling.send_description(self.peer.id, description)

    async def _send_candidates(self) -> None:
        while True:
            candidate = await self._outgoing.get()
            async with self._describing:
                await self._attempt(partial(self._signaling.send_candidate, self.peer.id, candidate))

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        if not self._listeners:
            # Closed; nobody would wait for the task.
            return
        task = asyncio.ensure_future(self._attempt(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next message may mend it
            if self._on_error is not None:
                self._on_error(error)
            else:
                logger.warning("negotiation with %s (%s): %s", self.peer.name, self.peer.id, error)
