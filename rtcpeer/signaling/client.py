"""The asyncio client of our signalling server: one WebSocket, one room."""

import asyncio
import contextlib
import logging
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from pyee.asyncio import AsyncIOEventEmitter

from rtcpeer.signaling.codec import (
    BadMessageError,
    CandidateLike,
    DescriptionLike,
    Joined,
    candidate_init,
    decode,
    description_init,
    encode,
)
from rtcpeer.signaling.errors import SignalingConnectionError, SignalingRefusedError
from rtcpeer.signaling.events import (
    EVENT_NAMES,
    ByeReceived,
    CandidateReceived,
    DescriptionReceived,
    Peer,
    PeerJoined,
    PeerLeft,
    PeerMessage,
    SignalingError,
    SignalingMessage,
)

logger = logging.getLogger(__name__)

# Messages kept for a program that does not iterate, and for a peer that nobody takes care of yet.
BACKLOG = 1024
PEER_BACKLOG = 256

_HEARTBEAT = 20.0
_MAX_RECEIVED_SIZE = 16 * 1024 * 1024


class SignalingClient(AsyncIOEventEmitter):
    """A place in a room of a signalling server, from entering ``async with`` to leaving it.

    Iterating yields what happens as typed messages, in order, and ends when `close` is called; a lost server raises
    `SignalingConnectionError` there. The same messages are emitted as events: ``peerjoined``, ``peerleft``,
    ``description``, ``candidate``, ``bye``, ``signalingerror``, and ``disconnected`` with the exception. It does not
    connect again by itself: a new place in the room has a new id, and every peer another politeness.

    Args:
        url: Of the server: ``http://127.0.0.1:8080``, or ``ws://127.0.0.1:8080/ws`` in full.
        room: The room to enter.
        name: What the others see.
        timeout: Seconds for connecting and joining together.
        tls: For ``https:`` and ``wss:`` with a certificate of one's own.
    """

    def __init__(
        self, url: str, room: str, *, name: str = "guest", timeout: float = 10.0, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__()
        self.url = websocket_url(url)
        self.room = room
        self.name = name
        self._timeout = timeout
        self._tls = tls
        self._id: str | None = None
        self._peers: dict[str, Peer] = {}
        self._resources = contextlib.AsyncExitStack()
        self._websocket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._messages: deque[SignalingMessage] = deque()
        self._news = asyncio.Event()
        self._taken = asyncio.Event()
        self._is_iterated = False
        self._end: SignalingConnectionError | None = None
        self._is_closed = False
        self._takers: dict[str, Callable[[PeerMessage], None]] = {}
        self._untaken: dict[str, deque[PeerMessage]] = {}

    @property
    def id(self) -> str:
        """Our own id in the room."""
        if self._id is None:
            msg = "the room is not joined yet: use `async with SignalingClient(...) as signaling`"
            raise RuntimeError(msg)
        return self._id

    @property
    def peers(self) -> Mapping[str, Peer]:
        """Who else is in the room, by id, the longest present first. It changes with what has arrived."""
        return self._peers

    async def __aenter__(self) -> Self:
        """Connect and join.

        Raises:
            SignalingConnectionError: The server can not be reached, or is no signalling server.
            SignalingRefusedError: The room is full, or its name is not allowed.
        """
        if self._websocket is not None or self._is_closed:
            msg = "a SignalingClient is entered once; make another one"
            raise RuntimeError(msg)
        try:
            async with asyncio.timeout(self._timeout):
                await self._connect()
                await self._join()
        except TimeoutError:
            await self.close()
            msg = f"the signalling server at {self.url} did not answer within {self._timeout:g} s"
            raise SignalingConnectionError(msg) from None
        except BaseException:
            await self.close()
            raise
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SignalingMessage:
        self._is_iterated = True
        while not self._messages:
            if self._is_closed:
                raise StopAsyncIteration
            if self._end is not None:
                raise self._end
            self._news.clear()
            await self._news.wait()
        self._taken.set()
        return self._messages.popleft()

    async def send_description(self, to: str, description: DescriptionLike | Mapping[str, object]) -> None:
        """Send a description (an object with type and sdp, or a dict of them) to the peer with this id."""
        await self._send({"type": "description", "to": to, "description": description_init(description)})

    async def send_candidate(self, to: str, candidate: CandidateLike | Mapping[str, object] | None) -> None:
        """Send a candidate (an object with toJSON(), or its dict), or None after the last one."""
        await self._send({"type": "candidate", "to": to, "candidate": candidate_init(candidate)})

    async def send_bye(self, to: str, reason: str = "") -> None:
        """Tell a peer that our connection to it is closed, so that it need not wait to find out."""
        await self._send({"type": "bye", "to": to, "reason": reason[:200]})

    async def close(self) -> None:
        """Leave the room and the server. Safe at any time, and more than once."""
        self._is_closed = True
        self._news.set()
        reading, self._reading = self._reading, None
        if reading is not None and reading is not asyncio.current_task():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        await self._resources.aclose()

    def take(self, peer_id: str, taker: Callable[[PeerMessage], None]) -> None:
        """Hand all messages of one peer to this callable, beginning with those that came before it was known.

        `PeerNegotiator` uses it: between a message's coming and a program's reaction nothing gets lost. They are
        emitted and iterated over as well.
        """
        if peer_id in self._takers:
            msg = f"peer {peer_id} is taken care of already; close its PeerNegotiator first"
            raise RuntimeError(msg)
        self._takers[peer_id] = taker
        for message in self._untaken.pop(peer_id, ()):
            taker(message)

    def release(self, peer_id: str) -> None:
        """End what `take` began."""
        self._takers.pop(peer_id, None)

    async def _connect(self) -> None:
        session = await self._resources.enter_async_context(aiohttp.ClientSession())
        timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
        try:
            # A proxy from the environment is not asked: signalling is most often local, and a proxy that can not reach
            # it is the harder error to understand.
            self._websocket = await session.ws_connect(
                self.url,
                timeout=timeout,
                heartbeat=_HEARTBEAT,
                max_msg_size=_MAX_RECEIVED_SIZE,
                ssl=self._tls if self._tls is not None else True,
            )
        except aiohttp.WSServerHandshakeError as error:
            msg = (
                f"{self.url} answered with HTTP {error.status}, not as a signalling server does: is the address right?"
            )
            raise SignalingConnectionError(msg) from error
        except aiohttp.ClientConnectorCertificateError as error:
            cause = error.certificate_error
            msg = f"the certificate of {self.url} is not trusted ({cause}): pass tls=, a context that trusts it"
            raise SignalingConnectionError(msg) from error
        except aiohttp.InvalidURL as error:
            raise ValueError(_BAD_URL.format(self.url)) from error
        except (aiohttp.ClientError, OSError) as error:
            msg = (
                f"cannot reach the signalling server at {self.url} ({_reason(error)}): "
                "start it with `python -m signaling_server`"
            )
            raise SignalingConnectionError(msg) from error
        self._resources.push_async_callback(self._websocket.close)

    async def _join(self) -> None:
        await self._send({"type": "join", "room": self.room, "name": self.name})
        match await self._receive():
            case Joined(own_id, _, peers):
                self._id = own_id
                self._peers.update((peer.id, peer) for peer in peers)
            case SignalingError(code, message):
                raise SignalingRefusedError(code, message)
            case None if self._end is not None:
                raise self._end
            case _:
                msg = f"{self.url} does not speak the protocol of rtcpeer's signalling server"
                raise SignalingConnectionError(msg)

    async def _send(self, message: Mapping[str, object]) -> None:
        text = encode(message)
        websocket = self._websocket
        if self._end is not None:
            raise self._end
        if websocket is None or self._is_closed:
            msg = f"the connection to the signalling server at {self.url} is closed"
            raise SignalingConnectionError(msg)
        try:
            await websocket.send_str(text)
        except ConnectionError as error:
            msg = f"the connection to the signalling server at {self.url} is lost; join again once it is back"
            raise SignalingConnectionError(msg) from error

    async def _read(self) -> None:
        while self._end is None:
            while self._is_iterated and len(self._messages) >= BACKLOG:
                self._taken.clear()
                await self._taken.wait()
            message = await self._receive()
            if message is not None and not isinstance(message, Joined):
                self._take_in(message)
        self._news.set()
        self._tell("disconnected", self._end)

    async def _receive(self) -> Joined | SignalingMessage | None:
        """The next message; None for one that we do not know, and at the end, which `_end` then explains."""
        assert self._websocket is not None
        frame = await self._websocket.receive()
        if frame.type is not aiohttp.WSMsgType.TEXT:
            self._end = SignalingConnectionError(self._why_lost(self._websocket, frame))
            return None
        try:
            return decode(frame.data, self._peers)
        except BadMessageError as error:
            logger.warning("%s sent what is not in the protocol (%s); ignored", self.url, error)
            return None

    def _why_lost(self, websocket: aiohttp.ClientWebSocketResponse, frame: aiohttp.WSMessage) -> str:
        if frame.type is aiohttp.WSMsgType.BINARY:
            return f"{self.url} sent binary data, which rtcpeer's signalling server never does"
        server = f"the signalling server at {self.url}"
        if isinstance(websocket.exception(), TimeoutError):
            return f"{server} does not answer any more; join again once it is back"
        match websocket.close_code:
            case aiohttp.WSCloseCode.GOING_AWAY:
                return f"{server} has shut down; join again once it is back"
            case aiohttp.WSCloseCode.POLICY_VIOLATION | aiohttp.WSCloseCode.MESSAGE_TOO_BIG as code:
                return f"{server} has ended the connection (code {code}: {frame.extra or 'no reason given'})"
            case _:
                return f"the connection to {server} is lost; join again once it is back"

    def _take_in(self, message: SignalingMessage) -> None:
        match message:
            case PeerJoined(peer):
                self._peers[peer.id] = peer
            case PeerLeft(peer):
                self._peers.pop(peer.id, None)
                self._untaken.pop(peer.id, None)
            case ByeReceived(peer):
                # What came before it belongs to a connection that is no more.
                self._untaken.pop(peer.id, None)
                self._pass_on(message)
            case DescriptionReceived() | CandidateReceived():
                self._pass_on(message)
            case SignalingError(code, text):
                logger.info("the signalling server refused a message (%s): %s", code, text)
        if len(self._messages) >= BACKLOG:
            # Nobody iterates: who uses the events alone never takes these.
            self._messages.popleft()
        self._messages.append(message)
        self._news.set()
        self._tell(EVENT_NAMES[type(message)], message)

    def _tell(self, event: str, payload: object) -> None:
        try:
            self.emit(event, payload)
        except Exception:
            # A mistake in a listener is not the end of the connection.
            logger.exception("a listener for %r failed", event)

    def _pass_on(self, message: PeerMessage) -> None:
        taker = self._takers.get(message.peer.id)
        if taker is not None:
            taker(message)
        elif not isinstance(message, ByeReceived):
            self._untaken.setdefault(message.peer.id, deque(maxlen=PEER_BACKLOG)).append(message)


_BAD_URL = "{} is no address of a signalling server, such as http://127.0.0.1:8080"


def websocket_url(url: str) -> str:
    """The WebSocket's address for a server's; raises `ValueError` for what is none."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ValueError(_BAD_URL.format(repr(url)))
    path = "/ws" if parts.path in {"", "/"} else parts.path
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


def _reason(error: BaseException) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match cause:
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | aiohttp.ServerDisconnectedError():
            return "the connection was closed"
        case _:
            # Several addresses tried are one error with the errors of all in its text.
            text = str(cause)
            return "connection refused" if "refused" in text.lower() else text or type(cause).__name__
