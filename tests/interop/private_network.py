"""A network of the test's own: the process moves into a new network namespace, and everything it starts with it.

Nothing that the tests listen on or send to is then outside. The namespace has loopback and one veth pair, whose
addresses look like a host's to ICE agents that leave loopback out (as browsers and aioice do).
"""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

IPV4 = "10.77.0.2"
IPV6 = "fd77::2"

_CLONE_NEWNET = 0x40000000
_COMMANDS = (
    "link set lo up",
    "link add rtc0 type veth peer name rtc1",
    f"addr add {IPV4}/24 dev rtc0",
    f"addr add {IPV6}/64 dev rtc0 nodad",
    "link set rtc0 up",
    "link set rtc1 up",
    "route add default dev rtc0",
    "-6 route add default dev rtc0",
)


def is_private() -> bool:
    """Whether `enter` was called here or in a parent process."""
    return os.environ.get("RTCPEER_PRIVATE_NETWORK") == str(os.stat("/proc/self/ns/net").st_ino)  # noqa: PTH116


def enter() -> None:
    """Move this process into a namespace of its own; the kernel removes it with its last process.

    Raises:
        PermissionError: the user may not; run the tests as root.
        FileNotFoundError: there is no `ip` command (package iproute2).
    """
    if is_private():
        return
    ip = shutil.which("ip", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if ip is None:
        raise FileNotFoundError("the ip command is missing: apt-get install iproute2")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise PermissionError(ctypes.get_errno(), "a network namespace needs root")
    # Addresses can be used at once. One that becomes valid a second later would make a browser drop what it is loading.
    Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0", "ascii")
    for command in _COMMANDS:
        subprocess.run([ip, *command.split()], check=True)
    os.environ["RTCPEER_PRIVATE_NETWORK"] = str(os.stat("/proc/self/ns/net").st_ino)  # noqa: PTH116
