"""Every stage of gathering has a limit of its own, and a dead server costs nobody else anything: to the millisecond."""

import asyncio

import pytest

from rtcpeer import IceAgent, IceSettings
from rtcpeer.aio.streams import StreamCallbacks
from rtcpeer.core import TransportAddress
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.turn import Credentials
from tests.sim.aio_network import SimulatedNetwork
from tests.sim.peers import World, simulated, until

NOBODY = "203.0.113.250"
ADA = Credentials("ada", "lovelace")


def turn(url):
    return ServerUrl.parse(url, ADA)


class SilentStreams(SimulatedNetwork):
    """TCP connections that nobody takes, and nobody refuses."""

    async def open_stream(
        self, remote: TransportAddress, tls_name: str | None, ca_file: str | None, callbacks: StreamCallbacks
    ):
        await asyncio.get_running_loop().create_future()


class Gathering:
    """One agent and when it had what."""

    def __init__(self, world, *servers, network=None, **settings):
        self.network = network or world.host()
        self.network.silent_names.add("silent.example.org")
        self.agent = IceAgent(IceSettings(**settings), servers=servers, network=self.network)
        self.loop = asyncio.get_running_loop()
        self.started = self.loop.time()
        self.candidates = []
        self.failures = []
        self.ended = None
        self.agent.on("candidate", self._took)
        self.agent.on("server_failed", lambda failure: self.failures.append((self._now(), failure)))
        self.agent.gather()

    def _now(self):
        return self.loop.time() - self.started

    def _took(self, candidate):
        if candidate is None:
            self.ended = self._now()
        else:
            self.candidates.append((self._now(), candidate.type.value))

    async def complete(self):
        await until(lambda: self.ended is not None)
        await self.agent.close()


@pytest.mark.parametrize(
    ("server", "settings", "moment", "text"),
    [
        ("stun:silent.example.org", {"dns_timeout": 0.7}, 0.7, "was not resolved within 0.7 s"),
        (f"stun:{NOBODY}", {"stun_timeout": 1.1}, 1.1, "did not answer at"),
        (turn(f"turn:{NOBODY}"), {"turn_timeout": 1.3}, 1.3, "did not answer at"),
        (turn(f"turn:{NOBODY}?transport=tcp"), {"turn_timeout": 1.7}, 1.7, "took no connection within 1.7 s"),
        (f"stun:{NOBODY}", {"gathering_timeout": 0.4}, 0.4, "before gathering ended"),
        (turn(f"turn:{NOBODY}"), {"gathering_timeout": 0.6}, 0.6, "before gathering ended"),
        (f"stun:{NOBODY}", {}, 5.0, "did not answer"),
        ("stun:silent.example.org", {}, 2.0, "was not resolved within 2.0 s"),
        (turn(f"turn:{NOBODY}"), {}, 5.0, "did not answer"),
    ],
)
def test_each_stage_ends_in_its_time_and_says_so(server, settings, moment, text):
    @simulated
    async def main():
        world = World()
        world.host()
        network = SilentStreams(world.networks[0].host)
        gathering = Gathering(world, server, network=network, **settings)
        await gathering.complete()
        ((at, failure),) = gathering.failures
        assert at == pytest.approx(moment, abs=0.002)
        assert text in failure.error_text
        assert failure.error_code == 701
        assert gathering.ended == pytest.approx(moment, abs=0.002)
        assert gathering.candidates == [(pytest.approx(0, abs=0.001), "host")]

    main()


@simulated
async def test_one_live_and_three_dead_servers():
    """The first candidate at once, enough for bulk signalling within half a second, the end within the cap."""
    world = World()
    world.stun_server()
    gathering = Gathering(
        world,
        f"stun:{NOBODY}",
        "stun:silent.example.org",
        turn(f"turn:{NOBODY}"),
        "stun:stun.example.org",
    )
    await gathering.agent.gathered()
    enough = gathering._now()
    await gathering.complete()
    assert gathering.candidates[0] == (pytest.approx(0, abs=0.001), "host")
    assert enough == pytest.approx(0.3, abs=0.01)
    assert gathering.ended == pytest.approx(5.0, abs=0.01)
    assert sorted(round(at, 1) for at, _ in gathering.failures) == [2.0, 5.0, 5.0]
