"""Connect two peers that may use a TURN server and nothing else, and show what goes through it."""

import argparse
import asyncio
import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from examples.common import CONNECT_TIMEOUT, ExampleError, run, say
from rtcpeer import (
    IceSettings,
    RTCConfiguration,
    RTCIceCandidate,
    RTCIceCandidateError,
    RTCIceServer,
    RTCPeerConnection,
    Settings,
    time_limited_credentials,
)

START_TIMEOUT = 10.0
PAYLOAD = bytes(16 << 10)


@contextlib.contextmanager
def coturn(transport: str) -> Iterator[RTCIceServer]:
    """Run coturn on loopback with a shared secret, as a service would; yields it as a peer connection wants it."""
    program = shutil.which("turnserver")
    if program is None:
        raise ExampleError("coturn is not installed (apt-get install coturn); --turn URL takes another TURN server")
    secret, port = secrets.token_hex(16), _free_port()
    with tempfile.TemporaryDirectory(prefix="relay_only") as directory:
        lines = [f"listening-port={port}", "listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "allow-loopback-peers"]
        lines += ["no-cli", "no-tls", "no-dtls", "realm=example", "use-auth-secret", f"static-auth-secret={secret}"]
        lines += [f"{name}={directory}/{name}" for name in ("userdb", "pidfile", "log-file")]
        configuration = Path(directory, "turnserver.conf")
        configuration.write_text("\n".join(lines) + "\n")
        with subprocess.Popen(
            [program, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        ) as process:
            try:
                _wait_until_listening(port)

                def credential() -> tuple[str, str]:
                    # A service has its server do this, and the client's function asks for the result.
                    made = time_limited_credentials(secret, expires_at=time.time() + 600, user_id="example")
                    return made.username, made.password

                yield RTCIceServer(f"turn:127.0.0.1:{port}?transport={transport}", credential=credential)
            finally:
                process.terminate()


async def connect(server: RTCIceServer, settings: Settings) -> None:
    """Both peers in this process, signalling by a call."""
    configuration = RTCConfiguration(iceServers=[server], iceTransportPolicy="relay")
    async with RTCPeerConnection(configuration, settings) as one, RTCPeerConnection(configuration, settings) as other:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for name, pc, peer in (("one", one, other), ("other", other, one)):
            _trickle(name, pc, peer, done)
        other.on("datachannel", lambda channel: channel.on("message", channel.send))
        channel = one.createDataChannel("echo")
        channel.on("open", lambda: channel.send(PAYLOAD))
        channel.on("message", lambda _: done.set_result(None))
        started = time.monotonic()
        await one.setLocalDescription()
        await other.setRemoteDescription(one.localDescription)
        await other.setLocalDescription()
        await one.setRemoteDescription(other.localDescription)
        try:
            await asyncio.wait_for(done, CONNECT_TIMEOUT)
        except TimeoutError:
            raise ExampleError(f"nothing came back within {CONNECT_TIMEOUT:.0f} s") from None
        say(f"{len(PAYLOAD)} bytes there and back after {time.monotonic() - started:.2f} s, over")
        _show_path(one)


def _trickle(name: str, pc: RTCPeerConnection, peer: RTCPeerConnection, done: asyncio.Future[None]) -> None:
    found: list[RTCIceCandidate] = []

    async def pass_on(candidate: RTCIceCandidate | None) -> None:
        if candidate is None and not found and not done.done():
            done.set_exception(ExampleError(f"{name} has no relay, and so no way to be reached"))
        if candidate is not None and candidate.candidate:
            found.append(candidate)
            way = f"{candidate.type} {candidate.address}:{candidate.port}, reached over {candidate.relayProtocol}"
            say(f"{name}: {way}")
        await peer.addIceCandidate(candidate)

    pc.on("icecandidate", pass_on)

    @pc.on("icecandidateerror")
    def tell(error: RTCIceCandidateError) -> None:
        say(f"{name}: {error.url}: {error.errorCode} {error.errorText}")


def _show_path(pc: RTCPeerConnection) -> None:
    assert pc.sctp is not None
    pair = pc.sctp.transport.iceTransport.getSelectedCandidatePair()
    assert pair is not None
    ends = (f"{end.type} {end.address}:{end.port}" for end in (pair.local, pair.remote))
    say("    " + "  <->  ".join(ends))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise ExampleError(f"coturn does not listen: {error}") from None
            time.sleep(0.05)


async def main(options: argparse.Namespace) -> None:
    if options.turn:
        server = RTCIceServer(options.turn, options.username, options.credential)
        await connect(server, Settings(ice=IceSettings(tls_ca_file=options.ca_file)))
    else:
        with coturn(options.transport) as server:
            await connect(server, Settings(ice=IceSettings(include_loopback=True)))


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        prog="python -m examples.relay_only",
        description="Connect two peers through a TURN server alone: one of our own (coturn), or --turn URL.",
    )
    made.add_argument("--transport", choices=("udp", "tcp"), default="udp", help="to our own (default: %(default)s)")
    made.add_argument("--turn", metavar="URL", help="turn:host:port?transport=udp or tcp, or turns: for DTLS or TLS")
    made.add_argument("--username", help="with --turn")
    made.add_argument("--credential", help="with --turn")
    made.add_argument("--ca-file", metavar="PEM", help="who vouches for a turns: server (default: the system)")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments())))
