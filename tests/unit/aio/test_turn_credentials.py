import asyncio

import pytest

from rtcpeer.aio.turn_credentials import MIN_INTERVAL, RENEWAL_MARGIN, CredentialDesk
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.turn import Credentials
from tests.sim.loop import run

ADA = Credentials("ada", "lovelace")
URLS = ("turn:one.example.org", "turns:one.example.org")


class World:
    """A desk, and a source that gives a new password each time."""

    def __init__(self, answer=None, timeout=5.0, is_used=True):
        self.calls = []
        self.used = []
        self.changes = 0
        self.is_used = is_used
        self.answer = answer or (lambda count: ("ada", f"password {count}"))
        self.desk = CredentialDesk(self.use, timeout, self.changed)

    def source(self):
        self.calls.append(asyncio.get_running_loop().time())
        return self.answer(len(self.calls))

    def use(self, url, credentials):
        self.used.append((url, credentials.password))
        return self.is_used

    def changed(self):
        self.changes += 1

    def server(self, url=URLS[0]):
        return ServerUrl.parse(url, self.source)

    async def fill(self):
        return await asyncio.gather(*(self.desk.fill(self.server(url)) for url in URLS))


def in_virtual_time(main):
    def test(*args, **kwargs):
        run(main(*args, **kwargs))

    test.__name__ = main.__name__
    return test


@in_virtual_time
async def test_known_credentials_are_left_alone():
    server = ServerUrl.parse(URLS[0], ADA)
    assert await World().desk.fill(server) is server


@in_virtual_time
async def test_the_servers_of_one_gathering_share_an_answer_and_the_next_gathering_has_its_own():
    world = World()
    first = await world.fill()
    assert [server.credentials for server in first] == [Credentials("ada", "password 1")] * 2
    assert [server.credentials.password for server in await world.fill()] == ["password 2"] * 2


@in_virtual_time
async def test_a_source_may_be_a_coroutine_function_and_return_credentials():
    async def answer(_count):
        await asyncio.sleep(1)
        return ADA

    world = World(answer)
    assert [server.credentials for server in await world.fill()] == [ADA, ADA]
    assert len(world.calls) == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda _count: 1 / 0, "no credentials for one.example.org: ZeroDivisionError: division by zero"),
        (lambda _count: None, "TypeError"),
        (lambda _count: ("ada",), "ValueError"),
        (lambda _count: ("ada", None), "TypeError: username and credential are strings"),
        (lambda _count: asyncio.sleep(100), "no credentials for one.example.org within 5.0 s"),
    ],
)
def test_a_source_that_fails_is_an_error_for_people(answer, text):
    async def main():
        with pytest.raises(OSError, match=text):
            await World(answer).desk.fill(World(answer).server())

    run(main())


@in_virtual_time
async def test_a_refusal_has_the_source_asked_again_once_for_all_its_servers():
    world = World()
    await world.fill()
    await asyncio.sleep(MIN_INTERVAL)
    for url in URLS:
        world.desk.refused(world.server(url))
    await asyncio.sleep(0.1)
    assert len(world.calls) == 2
    assert set(world.used) == {(url, "password 2") for url in URLS}
    assert world.changes
    world.desk.refused(ServerUrl.parse(URLS[0], ADA))  # nobody to ask
    await asyncio.sleep(0.1)
    assert len(world.calls) == 2


@pytest.mark.parametrize(("lifetime", "wait"), [(600.0, 600 - RENEWAL_MARGIN), (60.0, 30.0), (1.0, MIN_INTERVAL)])
def test_the_source_is_asked_again_before_its_answer_ends(lifetime, wait):
    async def main():
        world = World(lambda count: ("ada", f"password {count}", lifetime))
        await world.fill()
        await asyncio.sleep(2.5 * wait)
        assert world.calls == pytest.approx([world.calls[0] + turn * wait for turn in range(3)])
        assert [password for _, password in world.used[:2]] == ["password 2"] * 2
        assert world.desk.close() == set()
        await asyncio.sleep(2 * wait)
        assert len(world.calls) == 3

    run(main())


@in_virtual_time
async def test_without_a_relay_left_nobody_is_asked():
    world = World(lambda count: ("ada", f"password {count}", 60.0), is_used=False)
    await world.fill()
    await asyncio.sleep(1000.0)
    assert len(world.calls) == 2


@in_virtual_time
async def test_a_renewal_that_fails_leaves_what_there_is():
    world = World(lambda count: ("ada", "password", 60.0) if count == 1 else 1 / 0)
    await world.fill()
    await asyncio.sleep(1000.0)
    assert len(world.calls) == 2
    assert not world.used


@in_virtual_time
async def test_a_server_that_refuses_everything_does_not_set_the_pace():
    world = World()
    await world.fill()
    for _ in range(200):
        world.desk.refused(world.server())
        await asyncio.sleep(0.1)
    assert len(world.calls) == pytest.approx(20 / MIN_INTERVAL, abs=1)


@in_virtual_time
async def test_close_stops_asking():
    world = World(lambda _count: asyncio.sleep(100))
    filling = asyncio.ensure_future(world.fill())
    await asyncio.sleep(0.1)
    left = world.desk.close()
    assert left
    await asyncio.wait(left)
    world.desk.refused(world.server())
    with pytest.raises(asyncio.CancelledError):
        await filling
    assert len(world.calls) == 1
