"""Our peer connection and Firefox's."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.interop.behaviours import Behaviours, connect_to_hidden_addresses
from tests.interop.firefox import Firefox
from tests.interop.peers.browser_peer import BrowserPeer

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox() -> AsyncIterator[Firefox]:
    async with Firefox() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def theirs(firefox: Firefox) -> AsyncIterator[BrowserPeer]:
    async with await BrowserPeer.start(firefox) as peer:
        yield peer


class TestFirefox(Behaviours):
    """Its addresses are shown."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hiding_firefox() -> AsyncIterator[Firefox]:
    async with Firefox(hide_addresses=True) as browser:
        yield browser


@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
@pytest.mark.parametrize("mode", ["trickle", "bulk"])
async def test_hidden_addresses(hiding_firefox: Firefox, mode: str, we_offer: bool) -> None:
    await connect_to_hidden_addresses(hiding_firefox, mode, we_offer=we_offer)
