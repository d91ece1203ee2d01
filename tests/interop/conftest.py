"""Interop tests run in a network namespace of their own, and never pass by being skipped when all is required."""

import os
import shutil
import signal

import pytest

from tests.interop import private_network
from tests.interop.netlab import missing

REQUIRE_ALL = os.environ.get("RTCPEER_REQUIRE_ALL") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "interop" in item.path.parts:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session", autouse=True)
def interruptible_children() -> None:
    """A shell that starts the tests in its background lets them ignore SIGINT, and what they start inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def private_session_network() -> None:
    """Everything below listens and sends inside this process's own namespace."""
    try:
        private_network.enter()
    except (OSError, PermissionError) as error:
        if REQUIRE_ALL:
            raise
        pytest.skip(f"no network of our own: {error}")


def require_lab(*programs: str) -> None:
    """Network namespaces with what connects them, and these programs, for a test that can not do without."""
    reason = missing()
    if reason is not None:
        if REQUIRE_ALL:
            pytest.fail(f"{reason}, and RTCPEER_REQUIRE_ALL=1 forbids to skip")
        pytest.skip(reason)
    for program in programs:
        require_program(program)


def require_program(name: str) -> str:
    """The path of a program that a test can not do without."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        if REQUIRE_ALL:
            raise FileNotFoundError(f"{name} is not installed, and RTCPEER_REQUIRE_ALL=1 forbids to skip")
        pytest.skip(f"{name} is not installed")
    return path
