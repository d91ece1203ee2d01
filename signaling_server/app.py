"""The server on aiohttp: the WebSocket that docs/signaling.md specifies, the page, and two questions for operators."""

import asyncio
import logging
import secrets
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from signaling_server.connection import Connection, ConnectionSettings
from signaling_server.messages import (
    MAX_MESSAGE_SIZE,
    Error,
    ErrorCode,
    LeaveReason,
    RefusedError,
    encode,
    parse,
)
from signaling_server.page import Page, add_headers
from signaling_server.rate_limit import RateLimitSettings, TokenBucket, cost
from signaling_server.rooms import ClientKey, Delivery, Rooms, RoomsSettings

logger = logging.getLogger(__name__)

ANY_ORIGIN = "*"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Everything that can be set, with the defaults of the command line."""

    rooms: RoomsSettings = field(default_factory=RoomsSettings)
    connection: ConnectionSettings = field(default_factory=ConnectionSettings)
    rate_limit: RateLimitSettings = field(default_factory=RateLimitSettings)
    max_connections: int = 4096
    # Origins besides the server's own whose pages may open the WebSocket, such as "https://example.org"; "*" is any.
    allowed_origins: frozenset[str] = frozenset()
    # The directory of the page; None serves none.
    web: Path | None = None

    def __post_init__(self) -> None:
        if self.max_connections < 1:
            msg = f"max_connections must be at least 1, not {self.max_connections}"
            raise ValueError(msg)


class SignalingServer:
    """Connects the rooms with the sockets."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._rooms = Rooms(settings.rooms, lambda: secrets.token_hex(6))
        self._connections: dict[ClientKey, Connection] = {}
        self._keys = count()
        self._is_shutting_down = False

    def application(self) -> web.Application:
        """The routes, ready to be run."""
        application = web.Application()
        application.on_response_prepare.append(add_headers)
        application.on_shutdown.append(self._shut_down)
        application.router.add_get("/ws", self._websocket)
        application.router.add_get("/healthz", self._health)
        application.router.add_get("/api/status", self._status)
        application.router.add_get("/{path:.*}", Page(self._settings.web).handle)
        return application

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _status(self, _request: web.Request) -> web.Response:
        rooms = self._rooms.statistics()
        return web.json_response(
            {
                "rooms": rooms.rooms,
                "peers": rooms.peers,
                "connections": len(self._connections),
                "relayed": rooms.relayed,
            }
        )

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if not self._is_origin_allowed(request):
            raise web.HTTPForbidden(text="This page's origin may not use this server; see --allow-origin.\n")
        if self._is_shutting_down or len(self._connections) >= self._settings.max_connections:
            raise web.HTTPServiceUnavailable(text="The server takes no more connections now.\n")
        settings = self._settings.connection
        websocket = web.WebSocketResponse(
            heartbeat=settings.heartbeat,
            timeout=settings.close_timeout,
            max_msg_size=settings.max_frame_size,
            # Messages are few and small; deflate would cost more memory per client than it saves in traffic.
            compress=False,
        )
        key = next(self._keys)
        connection = self._connections[key] = Connection(websocket, settings)
        try:
            await websocket.prepare(request)
            await self._serve(key, connection)
        finally:
            del self._connections[key]
        return websocket

    async def _serve(self, key: ClientKey, connection: Connection) -> None:
        logger.info("client %d connected", key)
        sending = asyncio.create_task(connection.run())
        reason = LeaveReason.DISCONNECTED
        try:
            reason = await self._read(key, connection)
        finally:
            logger.info("client %d is gone: %s", key, reason)
            self._deliver(self._rooms.remove(key, reason))
            sending.cancel()
            await asyncio.gather(sending, connection.closed(), return_exceptions=True)

    async def _read(self, key: ClientKey, connection: Connection) -> LeaveReason:
        loop = asyncio.get_running_loop()
        bucket = TokenBucket(self._settings.rate_limit, loop.time())
        async for frame in connection.websocket:
            if frame.type is WSMsgType.ERROR:
                break
            self._handle(key, frame)
            delay = bucket.take(cost(len(frame.data)), loop.time())
            if delay > 0:
                await asyncio.sleep(delay)
        # aiohttp reports a ping without an answer this way.
        is_timeout = isinstance(connection.websocket.exception(), TimeoutError)
        return LeaveReason.TIMEOUT if is_timeout else LeaveReason.DISCONNECTED

    def _handle(self, key: ClientKey, frame: WSMessage) -> None:
        try:
            message = parse(_text(frame))
        except RefusedError as refusal:
            logger.info("client %d: %s", key, refusal)
            self._deliver([Delivery(key, Error(refusal.code, refusal.text, refusal.request))])
        else:
            self._deliver(self._rooms.handle(key, message))

    def _deliver(self, deliveries: list[Delivery]) -> None:
        pending = deque(deliveries)
        while pending:
            key, message = pending.popleft()
            connection = self._connections[key]
            if connection.send(encode(message)):
                continue
            logger.warning("client %d does not take its messages and is dropped", key)
            connection.close(WSCloseCode.POLICY_VIOLATION, "too slow: too many messages were waiting for you")
            pending.extend(self._rooms.remove(key, LeaveReason.TOO_SLOW))

    def _is_origin_allowed(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        # Only browsers send it, and only in a browser does someone else's page act for its visitor.
        if origin is None or ANY_ORIGIN in self._settings.allowed_origins:
            return True
        # The scheme is left out of it: behind a proxy that ends TLS we would take ours for http.
        return urlsplit(origin).netloc == request.host or origin in self._settings.allowed_origins

    async def _shut_down(self, _application: web.Application) -> None:
        self._is_shutting_down = True
        connections = list(self._connections.values())
        for connection in connections:
            connection.close(WSCloseCode.GOING_AWAY, "the server is shutting down")
        await asyncio.gather(*(connection.closed() for connection in connections), return_exceptions=True)


def create_application(settings: ServerSettings | None = None) -> web.Application:
    """The server as an aiohttp application, for running inside another program or a test."""
    return SignalingServer(settings or ServerSettings()).application()


def _text(frame: WSMessage) -> str:
    if frame.type is not WSMsgType.TEXT:
        raise RefusedError(ErrorCode.NOT_TEXT, "Messages are JSON in WebSocket text frames, not binary ones.")
    text: str = frame.data
    # Only what is near the limit is worth counting in bytes.
    if len(text) > MAX_MESSAGE_SIZE or (len(text) > MAX_MESSAGE_SIZE // 4 and len(text.encode()) > MAX_MESSAGE_SIZE):
        error = f"A message may have at most {MAX_MESSAGE_SIZE} bytes; this one has {len(text.encode())}."
        raise RefusedError(ErrorCode.MESSAGE_TOO_LARGE, error)
    return text
