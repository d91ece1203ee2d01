"""Two network namespaces joined by a link with delay, rate limit and loss; Linux, as root.

    with netlab(LinkSettings(delay=0.025, rate=100e6)) as lab:
        echo = lab.right.popen(sys.executable, "-m", "some.server", "--host", lab.right.ipv4)
        result = lab.left.run(sys.executable, "-m", "some.client", lab.right.ipv4)

Programs run inside a namespace by ``ip netns exec``. At exit, also after a failure, the programs that are still running
are ended and namespaces, devices and forwarder are removed.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.sim.bottleneck import Interval, Phase

ROOT = Path(__file__).resolve().parents[2]

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Each of these holds for each of the two directions; `tests.sim.bottleneck` says what they mean."""

    delay: float = 0.0
    rate: float = 0.0  # bits per second; 0 for no limit
    loss: float = 0.0
    queue: int = 256 * 1024  # bytes that wait in front of the rate limit
    queue_time: float = 0.0  # seconds of waiting that the queue has room for; 0: only `queue` counts
    phases: tuple[Phase, ...] = ()  # a schedule of rate and loss
    start: Path | None = None  # where somebody writes when it begins, on the monotonic clock that all processes share
    log: Path | None = None  # gets what `read_log` reads
    seed: int = 0


@dataclass(slots=True)
class Namespace:
    """One of the two hosts."""

    name: str
    ipv4: str
    ipv6: str
    _processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def popen(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a program in the namespace; it is ended with the lab. Runs in the repository's root unless told."""
        options = {"cwd": ROOT, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen(["ip", "netns", "exec", self.name, *command], **options)
        self._processes.append(process)
        return process

    def run(self, *command: str, timeout: float = 60.0) -> str:
        """Run a program to its end and give its output; AssertionError with what it wrote when it fails."""
        process = self.popen(*command)
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            raise AssertionError(f"{command} took more than {timeout} s\n{output}{errors}") from None
        assert process.returncode == 0, f"{command} ended with {process.returncode}\n{output}{errors}"
        return output

    def python(self, *arguments: str, timeout: float = 60.0) -> str:
        """Run this Python with arguments (a script's path, or ``-m module``)."""
        return self.run(sys.executable, *arguments, timeout=timeout)

    def end_processes(self) -> None:
        """End what was started here and is still running."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        self._processes.clear()


@dataclass(frozen=True, slots=True)
class Netlab:
    left: Namespace
    right: Namespace


def read_log(path: Path, to: Literal["left", "right"]) -> list[Interval]:
    """What the forwarder noted about one direction; complete when the lab has been left."""
    lines = (json.loads(line) for line in path.read_text(encoding="ascii").splitlines())
    return [Interval(**line) for line in lines if line.pop("to") == to]


def missing() -> str | None:
    """Why there can be no lab on this machine; None when there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux'"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    return None


@contextmanager
def netlab(settings: LinkSettings = LinkSettings()) -> Iterator[Netlab]:
    """Build the lab, and remove it at exit."""
    prefix = f"rtc{os.getpid()}n{next(_numbers)}"
    left = Namespace(f"{prefix}l", "10.77.0.1", "fd77::1")
    right = Namespace(f"{prefix}r", "10.77.0.2", "fd77::2")
    with ExitStack() as stack:
        for namespace in (left, right):
            _ip("netns", "add", namespace.name)
            stack.callback(_ip, "netns", "delete", namespace.name)
            _ip("-n", namespace.name, "link", "set", "lo", "up")
        stack.enter_context(_forwarder(settings, left.name, right.name))
        for namespace in (left, right):
            _move_in(namespace)
            stack.callback(namespace.end_processes)
        yield Netlab(left, right)


@contextmanager
def _forwarder(settings: LinkSettings, left: str, right: str) -> Iterator[None]:
    """Run the forwarder; its devices, named as the namespaces, go with it."""
    names = ("delay", "rate", "loss", "queue", "queue_time", "seed")
    options = [f"--{name.replace('_', '-')}={getattr(settings, name)}" for name in names]
    options += [f"--phases={json.dumps([astuple(phase) for phase in settings.phases])}"]
    options += [f"--{name}={path}" for name in ("start", "log") if (path := getattr(settings, name))]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.interop.tun_forwarder", left, right, *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the TUN forwarder did not start; its own message is above")
        yield
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _move_in(namespace: Namespace) -> None:
    name = namespace.name
    _ip("link", "set", name, "netns", name)
    # A long queue: what is dropped, the forwarder drops.
    _ip("-n", name, "link", "set", name, "name", "eth0", "mtu", "1500", "txqueuelen", "10000")
    _ip("-n", name, "address", "add", f"{namespace.ipv4}/24", "dev", "eth0")
    _ip("-n", name, "-6", "address", "add", f"{namespace.ipv6}/64", "dev", "eth0", "nodad")
    _ip("-n", name, "link", "set", "eth0", "up")


def _ip(*arguments: str) -> None:
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {result.stderr.strip()}")
