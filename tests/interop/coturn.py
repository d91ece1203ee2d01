"""The real TURN server, coturn, with a configuration of the test's own, inside the test's own network.

    with coturn(CoturnSettings(permission_lifetime=4)) as server:
        client = TurnClient(server.address, server.credentials, ...)
        assert "refreshed" in server.log()

One listener on ``port`` for UDP and TCP, one on ``tls_port`` for TLS and DTLS, over IPv4 and IPv6. The certificate is
self-signed, for the name ``turn.test`` and the addresses; ``certificate`` is its path.
"""

import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rtcpeer.core import TransportAddress
from rtcpeer.turn import Credentials, time_limited_credentials
from tests.interop import private_network
from tests.interop.certificates import write_certificate
from tests.interop.conftest import require_program

REALM = "turn.test"
START_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class CoturnSettings:
    """What the tests vary; times are seconds."""

    username: str = "ada"
    password: str = "lovelace"
    secret: str | None = None  # use-auth-secret instead of the one user
    max_lifetime: int | None = None  # of allocations
    permission_lifetime: int | None = None
    channel_lifetime: int | None = None
    nonce_lifetime: int | None = None
    denied_peers: tuple[str, ...] = ()  # addresses or ranges, as "10.0.0.0-10.255.255.255"
    user_quota: int | None = None
    alternate_server: str | None = None  # answers 300 with "address:port"
    tls_alternate_server: str | None = None
    is_ipv4_only: bool = False
    certificate: tuple[Path, Path] | None = None  # with its key, where several servers are to have the same
    extra: tuple[str, ...] = ()  # more lines of the configuration


@dataclass(frozen=True, slots=True)
class Coturn:
    """A server that is running."""

    settings: CoturnSettings
    port: int
    tls_port: int
    certificate: Path
    log_path: Path
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> TransportAddress:
        """Where it listens over UDP."""
        return TransportAddress(private_network.IPV4, self.port)

    @property
    def address_ipv6(self) -> TransportAddress:
        """The same over IPv6."""
        return TransportAddress(private_network.IPV6, self.port)

    @property
    def credentials(self) -> Credentials:
        """The user's, or time-limited ones for an hour."""
        if self.settings.secret is not None:
            return time_limited_credentials(self.settings.secret, expires_at=time.time() + 3600, user_id="ada")
        return Credentials(self.settings.username, self.settings.password)

    def log(self) -> str:
        """All that it has written so far."""
        return self.log_path.read_text("utf-8", errors="replace") if self.log_path.exists() else ""

    def count(self, pattern: str) -> int:
        """How many lines of the log have the regular expression in them."""
        return sum(re.search(pattern, line) is not None for line in self.log().splitlines())

    def wait_for(self, pattern: str, count: int = 1, timeout: float = 5.0) -> None:
        """Wait until the log has so many such lines: it is written in the background."""
        deadline = time.monotonic() + timeout
        while self.count(pattern) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"not {count} times {pattern!r} in coturn's log:\n{self.log()}")
            time.sleep(0.05)


@contextmanager
def coturn(settings: CoturnSettings = CoturnSettings()) -> Iterator[Coturn]:
    """Start a server, wait until it listens, and end it with the block."""
    program = require_program("turnserver")
    with tempfile.TemporaryDirectory(prefix="coturn") as directory_name:
        directory = Path(directory_name)
        port, tls_port = _free_port(), _free_port()
        certificate, key = settings.certificate or turn_certificate(directory)
        log_path = directory / "turnserver.log"
        configuration = directory / "turnserver.conf"
        lines = _configuration(settings, directory, port, tls_port, certificate, key)
        configuration.write_text("\n".join(lines) + "\n", "utf-8")
        process = subprocess.Popen(
            [program, "-c", str(configuration)],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = Coturn(settings, port, tls_port, certificate, log_path, process)
        try:
            _wait_until_listening(server)
            yield server
        finally:
            process.kill()
            process.wait()


def _configuration(
    settings: CoturnSettings, directory: Path, port: int, tls_port: int, certificate: Path, key: Path
) -> list[str]:
    addresses = [private_network.IPV4] if settings.is_ipv4_only else [private_network.IPV4, private_network.IPV6]
    lines = [
        f"listening-port={port}",
        f"tls-listening-port={tls_port}",
        *(f"listening-ip={address}" for address in addresses),
        *(f"relay-ip={address}" for address in addresses),
        f"cert={certificate}",
        f"pkey={key}",
        f"log-file={directory / 'turnserver.log'}",
        "simple-log",
        "verbose",
        f"pidfile={directory / 'turnserver.pid'}",
        f"userdb={directory / 'turndb'}",
        f"realm={REALM}",
        "relay-threads=1",
        "no-cli",
        "no-rfc5780",
    ]
    if settings.secret is None:
        lines += ["lt-cred-mech", f"user={settings.username}:{settings.password}"]
    else:
        lines += ["use-auth-secret", f"static-auth-secret={settings.secret}"]
    for name, value in (
        ("max-allocate-lifetime", settings.max_lifetime),
        ("permission-lifetime", settings.permission_lifetime),
        ("channel-lifetime", settings.channel_lifetime),
        ("stale-nonce", settings.nonce_lifetime),
        ("user-quota", settings.user_quota),
        ("alternate-server", settings.alternate_server),
        ("tls-alternate-server", settings.tls_alternate_server),
    ):
        if value is not None:
            lines.append(f"{name}={value}")
    lines += [f"denied-peer-ip={peer}" for peer in settings.denied_peers]
    return [*lines, *settings.extra]


def _wait_until_listening(server: Coturn) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            for port in (server.port, server.tls_port):
                socket.create_connection((private_network.IPV4, port), timeout=1).close()
            return
        except OSError as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"coturn does not listen ({error}); its log:\n{server.log()}") from error
            time.sleep(0.05)


def turn_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for every server here, and its key."""
    return write_certificate(directory, "turn.test", (private_network.IPV4, private_network.IPV6))


def _free_port() -> int:
    """A port that is free for TCP and UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((private_network.IPV4, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((private_network.IPV4, port))
            except OSError:
                continue
            return port
