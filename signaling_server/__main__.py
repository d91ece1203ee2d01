"""The command line: ``python -m signaling_server``, or ``rtcpeer-signaling``."""

import argparse
import asyncio
import contextlib
import errno
import logging
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from signaling_server.app import ServerSettings, create_application
from signaling_server.page import default_web_directory
from signaling_server.rooms import RoomsSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING, format="%(asctime)s %(name)s: %(message)s"
    )
    if not options.verbose:
        # A port scan or a broken client is its own affair.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    try:
        settings = _settings(options)
        tls = _tls(options)
        asyncio.run(_serve(options.host, options.port, settings, tls))
    except _StartError as error:
        sys.stderr.write(f"rtcpeer-signaling: {error}\n")
        return 1
    except KeyboardInterrupt:
        # Only where the loop has no signal handlers (Windows).
        pass
    return 0


class _StartError(Exception):
    """Why the server can not start, in one line."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rtcpeer-signaling",
        description="Signalling server for rtcpeer: rooms over a WebSocket, and the demo page.",
    )
    rooms = RoomsSettings()
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="TCP port; 0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--web", type=Path, metavar="DIR", help="directory of the page (default: the one that comes along)"
    )
    parser.add_argument(
        "--room-capacity", type=int, default=rooms.room_capacity, metavar="PEERS", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--max-rooms", type=int, default=rooms.max_rooms, metavar="ROOMS", help="(default: %(default)s)"
    )
    parser.add_argument("--max-connections", type=int, default=4096, metavar="CLIENTS", help="(default: %(default)s)")
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="also let pages from there connect, such as https://example.org; * is any; may be repeated",
    )
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="serve https and wss with this PEM certificate chain"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="its PEM private key")
    parser.add_argument("--verbose", action="store_true", help="log who comes and goes")
    return parser


def _settings(options: argparse.Namespace) -> ServerSettings:
    if options.web is not None and not options.web.is_dir():
        msg = f"--web {options.web}: there is no such directory"
        raise _StartError(msg)
    if not 0 <= options.port <= 65535:
        msg = f"--port {options.port}: a port is a number from 0 to 65535"
        raise _StartError(msg)
    try:
        return ServerSettings(
            rooms=RoomsSettings(room_capacity=options.room_capacity, max_rooms=options.max_rooms),
            max_connections=options.max_connections,
            allowed_origins=frozenset(options.allow_origin),
            web=options.web or default_web_directory(),
        )
    except ValueError as error:
        raise _StartError(error) from None


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.certificate is None and options.key is None:
        return None
    if options.certificate is None:
        msg = "--key needs --certificate as well"
        raise _StartError(msg)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # A PEM file may hold both, so --key alone may be missing.
        context.load_cert_chain(options.certificate, options.key, password=_no_password)
    except (OSError, ValueError) as error:
        msg = f"can not use the certificate {options.certificate} with its key: {error}"
        raise _StartError(msg) from None
    return context


def _no_password() -> str:
    # OpenSSL would stop and ask on the terminal.
    msg = "the key needs a password, which is not supported"
    raise ValueError(msg)


async def _serve(host: str, port: int, settings: ServerSettings, tls: ssl.SSLContext | None) -> None:
    runner = web.AppRunner(create_application(settings), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise _StartError(_why_not_listening(host, port, error)) from None
        stopped = _stop_event()
        bound_port: int = runner.addresses[0][1]
        _announce(host, bound_port, settings, is_secure=tls is not None)
        await stopped.wait()
    finally:
        await runner.cleanup()


def _stop_event() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no loop.add_signal_handler; there Ctrl-C ends asyncio.run by itself.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    return stopped


def _announce(host: str, port: int, settings: ServerSettings, *, is_secure: bool) -> None:
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    if ":" in name:
        name = f"[{name}]"
    scheme = "https" if is_secure else "http"
    if settings.web is None:
        line = f"Signalling on {scheme.replace('http', 'ws')}://{name}:{port}/ws (no page: use --web DIR)"
    else:
        line = f"Open {scheme}://{name}:{port}/ in a browser"
    sys.stdout.write(f"{line} (Ctrl-C to stop)\n")
    # Whoever started us through a pipe waits for this line.
    sys.stdout.flush()


def _why_not_listening(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use already: stop the other program or choose another with --port"
    # asyncio wraps the message in a longer one of its own; the number tells all. Below 0 it is getaddrinfo's.
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
    return f"can not listen on {host} port {port}: {reason}"


if __name__ == "__main__":
    sys.exit(main())
