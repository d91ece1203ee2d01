"""What the drivers of both browsers share: a page is a thing that runs JavaScript and returns JSON."""

import asyncio
import json
import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import pytest

START_TIMEOUT = 60.0  # a cold browser on a loaded machine with two cores

# The values go through JSON twice on purpose: both browsers then return exactly what JSON can say.
_FUNCTION = """
async (encoded) => {{
  const {{{names}}} = JSON.parse(encoded);
  const value = await (async () => {{ {body}
  }})();
  return JSON.stringify(value) ?? "null";
}}
"""

_WAIT = """
const deadline = performance.now() + milliseconds;
for (;;) {{
  const value = await ({expression});
  if (value) return {{ value }};
  if (performance.now() > deadline) return {{ value, late: true }};
  await new Promise((resolve) => setTimeout(resolve, 25));
}}
"""


class Page(ABC):
    """One tab. Everything it wrote to the console, and every uncaught error, is in `console`, oldest first."""

    def __init__(self) -> None:
        self.console: list[str] = []

    async def run(self, body: str, /, **arguments: object) -> Any:
        """Run `body` as the body of an async function that sees `arguments` by name; its result comes back as JSON."""
        function = _FUNCTION.format(names=", ".join(arguments), body=body)
        return json.loads(await self._call(function, json.dumps(arguments)))

    async def evaluate(self, expression: str, /, **arguments: object) -> Any:
        """The value of an expression, which may contain `await`."""
        return await self.run(f"return ({expression});", **arguments)

    async def wait_for(self, expression: str, /, *, within: float = 30.0, **arguments: object) -> Any:
        """Poll the expression until it is true and return its value; a `TimeoutError` shows value and console."""
        body = _WAIT.format(expression=expression)
        answer = await self.run(body, milliseconds=within * 1000, **arguments)
        if answer.get("late"):
            console = "\n".join(self.console[-20:])
            raise TimeoutError(f"{expression} was {answer.get('value')!r} after {within} s; console:\n{console}")
        return answer["value"]

    @abstractmethod
    async def _call(self, function: str, argument: str) -> str:
        """Call an async function given as source with one string; returns the string it resolves to."""

    @abstractmethod
    async def navigate(self, url: str) -> None:
        """Load `url` and wait for its load event."""

    @abstractmethod
    async def set_viewport(self, width: int, height: int) -> None:
        """Size the page in CSS pixels."""

    @abstractmethod
    async def screenshot(self, path: Path, *, full_page: bool = False) -> None:
        """Write a PNG of the viewport, or of the whole page."""

    @abstractmethod
    async def close(self) -> None:
        """Close the tab."""


class Browser(ABC):
    """A headless browser with a profile of its own; `close()` leaves no process and no directory behind."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @abstractmethod
    async def start(self) -> None:
        """Start the process."""

    @abstractmethod
    async def close(self) -> None:
        """End the process and remove its profile; harmless when called twice or before `start()`."""

    @abstractmethod
    async def new_page(self, url: str = "about:blank") -> Page:
        """Open a tab."""


def find_browser(*names: str) -> str:
    """The path of the first one found. None at all skips the test, or fails it under `RTCPEER_REQUIRE_ALL=1`."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    message = f"no {' or '.join(names)} on this machine (Debian: apt install chromium firefox-esr)"
    if os.environ.get("RTCPEER_REQUIRE_ALL") == "1":
        pytest.fail(message)
    pytest.skip(message)


async def remove_tree(path: Path) -> None:
    """Remove a profile, patiently: children of a browser that just ended may still write for a moment."""
    for _ in range(20):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        await asyncio.sleep(0.1)
