"""A server whose connections all share one UDP port (`UdpMux`), and clients to try it with."""

import argparse
import asyncio
import contextlib
import json
import sys
import time

import aiohttp
from aiohttp import web

from examples.common import CONNECT_TIMEOUT, ExampleError, Start, background, run, say
from rtcpeer import DOMException, RTCDataChannel, RTCPeerConnection, Settings, UdpMux

HOST = "127.0.0.1"


class Server:
    """Answers every offer that is posted, and sends back every message."""

    def __init__(self, mux: UdpMux, start: Start) -> None:
        self._mux = mux
        self._start = start
        self._count = 0
        self._connections: set[RTCPeerConnection] = set()

    async def answer(self, request: web.Request) -> web.Response:
        """The answer has all candidates, as nobody listens for them one by one."""
        pc = RTCPeerConnection(settings=Settings(udp_mux=self._mux))
        try:
            await pc.setRemoteDescription(await request.json())
            await pc.setLocalDescription()
        except (DOMException, TypeError, json.JSONDecodeError) as error:
            await pc.close()
            raise web.HTTPBadRequest(text=f"that is no offer: {error}") from None
        self._count += 1
        self._connections.add(pc)
        self._follow(pc, self._count)
        assert pc.localDescription is not None
        return web.json_response({"type": pc.localDescription.type, "sdp": pc.localDescription.sdp})

    async def close(self) -> None:
        """End all connections, before their mux."""
        await asyncio.gather(*(self._close(pc) for pc in list(self._connections)))

    def _follow(self, pc: RTCPeerConnection, number: int) -> None:
        def serve(channel: RTCDataChannel) -> None:
            channel.on("message", channel.send)
            channel.on("close", lambda: self._start(self._close(pc)))

        def note_state() -> None:
            if pc.connectionState == "connected":
                say(f"* client {number} connected; {self._status()}")
            elif pc.connectionState == "failed":
                self._start(self._close(pc))

        pc.on("datachannel", serve)
        pc.on("connectionstatechange", note_state)

    async def _close(self, pc: RTCPeerConnection) -> None:
        if pc in self._connections:
            self._connections.remove(pc)
            await pc.close()
            if not self._connections:
                say(f"* the last client has gone; {self._status()}")

    def _status(self) -> str:
        statistics = self._mux.statistics()
        return f"{statistics.connections} connections, {statistics.routes} routes"


async def serve(http_port: int, udp_port: int) -> None:
    async with contextlib.AsyncExitStack() as stack:
        mux = await stack.enter_async_context(UdpMux(udp_port))
        start = await stack.enter_async_context(background())
        server = Server(mux, start)
        stack.push_async_callback(server.close)
        application = web.Application()
        application.router.add_post("/offer", server.answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, http_port).start()
        say(f"Post offers to http://{HOST}:{runner.addresses[0][1]}/offer. All connections are on")
        say("".join(f"    {address}\n" for address in mux.addresses) + "Ctrl-C ends it.")
        await asyncio.Event().wait()


async def connect(session: aiohttp.ClientSession, url: str, number: int) -> float:
    """One client: connect, say something, hear it back; the seconds that took."""
    started = time.monotonic()
    async with RTCPeerConnection() as pc:
        channel = pc.createDataChannel("echo")
        answers: asyncio.Queue[str] = asyncio.Queue()
        channel.on("open", lambda: channel.send(f"I am number {number}"))
        channel.on("message", answers.put_nowait)
        await pc.setLocalDescription()
        assert pc.localDescription is not None
        offer = {"type": pc.localDescription.type, "sdp": pc.localDescription.sdp}
        try:
            async with session.post(url, json=offer) as response:
                response.raise_for_status()
                await pc.setRemoteDescription(await response.json())
            answer = await asyncio.wait_for(answers.get(), CONNECT_TIMEOUT)
        except aiohttp.ClientError as error:
            raise ExampleError(f"{url} does not answer: {error}") from None
        except TimeoutError:
            raise ExampleError(f"client {number} heard nothing within {CONNECT_TIMEOUT:g} s") from None
        if answer != f"I am number {number}":
            raise ExampleError(f"client {number} heard {answer!r}")
        return time.monotonic() - started


async def try_it(url: str, clients: int) -> None:
    async with aiohttp.ClientSession() as session:
        times = await asyncio.gather(*(connect(session, url, number) for number in range(1, clients + 1)))
    say(f"{clients} clients connected and got their own words back, the slowest after {max(times) * 1000:.0f} ms")


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        prog="python -m examples.single_port_server",
        description="Serve any number of connections on one UDP port, or be some clients of such a server.",
    )
    made.add_argument("--port", type=int, default=8080, help="for offers, over HTTP (default: %(default)s)")
    made.add_argument("--udp-port", type=int, default=40000, help="for all connections (default: %(default)s)")
    made.add_argument("--clients", type=int, metavar="N", help="be that many clients, not the server")
    made.add_argument(
        "--url", default=f"http://{HOST}:8080/offer", help="with --clients: where offers go (default: %(default)s)"
    )
    return made.parse_args()


if __name__ == "__main__":
    chosen = arguments()
    if chosen.clients is None:
        sys.exit(run(serve(chosen.port, chosen.udp_port), interrupted=0))
    sys.exit(run(try_it(chosen.url, chosen.clients)))
