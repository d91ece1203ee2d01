"""What an ICE agent does with names in ``.local``: it has the peer's resolved, and hides its own addresses behind some.

draft-ietf-mmusic-mdns-ice-candidates. A network that knows no multicast DNS, such as the simulator's, does no harm:
the peer's names stay unresolved, and ours are signalled although nobody answers for them.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from rtcpeer.aio.network import MdnsNetwork, Network
from rtcpeer.core import Entropy
from rtcpeer.ice.agent import Agent
from rtcpeer.ice.candidate import Candidate, CandidateType
from rtcpeer.ice.mdns import generate_name, is_resolvable
from rtcpeer.ice.settings import IceSettings

__all__ = ["LocalNames", "RemoteNames"]

_HIDDEN_PORT = 9  # RFC 8839 section 5.1, with the unspecified address


class RemoteNames:
    """Hands the peer's candidates to the agent, and once more with an address where they come with a name."""

    def __init__(self, agent: Agent, network: Network, settings: IceSettings, on_change: Callable[[], None]) -> None:
        self._agent = agent
        self._network = network
        self._settings = settings
        self._on_change = on_change
        self._addresses: dict[str, list[str]] = {}  # by name; empty for a name that nobody answered for
        self._waiting: dict[str, list[Candidate]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: set[str | None] = set()  # fragments whose candidates have ended while names were asked for
        self._is_closed = False

    def add(self, candidate: Candidate) -> None:
        """Take a candidate; a name is resolved meanwhile, which needs a running event loop."""
        if self._is_closed:
            return
        self._agent.add_remote_candidate(candidate)
        # One that was refused, or that waits for its description, is not among them.
        if candidate in self._agent.remote_candidates:
            self._look_up(candidate)

    def end(self, username_fragment: str | None) -> None:
        """The peer has no more; the agent hears of it when no name is left that may become a candidate."""
        if not self._is_closed:
            self._ended.add(username_fragment)
            self._tell_end()

    def described(self) -> None:
        """The peer's description has come: candidates that waited for it may have names."""
        for candidate in self._agent.remote_candidates:
            self._look_up(candidate)

    @property
    def pending(self) -> frozenset[str]:
        """Names, in lower case, that are being asked for."""
        return frozenset(self._waiting)

    def close(self) -> set[asyncio.Task[None]]:
        """Stop asking; returns the tasks, already cancelled, that are left to wait for."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        self._waiting.clear()
        self._on_change = _ignore
        return set(self._tasks)

    def _look_up(self, candidate: Candidate) -> None:
        if self._settings.mdns == "disabled" or not is_resolvable(candidate.address):
            return
        name = candidate.address.lower()
        known = self._addresses.get(name)
        waiting = self._waiting.get(name)
        if known is not None:
            self._agent.resolve_remote_candidate(candidate, known)
        elif waiting is None:
            self._start(name, candidate)
        elif candidate not in waiting:
            waiting.append(candidate)

    def _start(self, name: str, candidate: Candidate) -> None:
        # Resolved names leave the agent's list, so that its bound is none for them.
        if len(self._addresses) + len(self._waiting) >= self._settings.max_remote_candidates:
            return
        if isinstance(self._network, MdnsNetwork):
            self._waiting[name] = [candidate]
            task = asyncio.get_running_loop().create_task(self._resolve(self._network, name), name="rtcpeer mDNS")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _resolve(self, network: MdnsNetwork, name: str) -> None:
        addresses: list[str] = []
        with contextlib.suppress(OSError):  # it costs only itself: the candidate stays listed with its name
            addresses = await network.resolve_mdns(name, self._settings.mdns_timeout)
        self._addresses[name] = addresses
        for candidate in self._waiting.pop(name, ()):
            self._agent.resolve_remote_candidate(candidate, addresses)
        self._tell_end()
        self._on_change()

    def _tell_end(self) -> None:
        if not self._waiting:
            while self._ended:
                self._agent.end_of_remote_candidates(self._ended.pop())


class LocalNames:
    """Names for our own addresses, and what is signalled instead of them (mode ``"query_and_gather"``)."""

    def __init__(self, network: Network, settings: IceSettings, entropy: Entropy) -> None:
        self._network = network
        self._settings = settings
        self._entropy = entropy
        self._names: dict[str, str] = {}  # by address
        self._foundations: dict[str, str] = {}
        self._withdraw: list[Callable[[], None]] = []
        self._is_closed = False
        self.unpublished_names = 0

    async def hide(self, address: str) -> None:
        """Give an address a name and answer for it, before it is signalled; nothing in other modes."""
        if self._settings.mdns != "query_and_gather" or address in self._names:
            return
        name = self._names[address] = self._settings.mdns_host_name or generate_name(self._entropy)
        withdraw: Callable[[], None] | None = None
        if isinstance(self._network, MdnsNetwork):
            # Who wants an address hidden wants it hidden also where port 5353 can not be had: a peer that can not
            # resolve the name is still found by the checks that we send.
            with contextlib.suppress(OSError):
                withdraw = await self._network.publish_mdns(name, address)
        if withdraw is None:
            self.unpublished_names += 1
        elif self._is_closed:
            withdraw()
        else:
            self._withdraw.append(withdraw)

    def signalled(self, candidate: Candidate) -> Candidate:
        """What the peer is told of a local candidate; harmless when repeated."""
        # A relayed address is its own base, and may tell of ours as its related address all the same.
        is_ours = candidate.base.host in self._names or candidate.related_address in self._names
        if not is_ours:
            return candidate
        if candidate.foundation not in self._foundations.values():
            # Ours are a checksum of the address, which is guessed soon.
            foundation = self._foundations.setdefault(candidate.foundation, f"h{len(self._foundations) + 1}")
            candidate = replace(candidate, foundation=foundation)
        if candidate.type is CandidateType.HOST and candidate.address == candidate.base.host:  # none of a 1:1 NAT
            return replace(candidate, address=self._names[candidate.base.host])
        if candidate.related_address in self._names:
            unspecified = "::" if ":" in candidate.related_address else "0.0.0.0"  # noqa: S104 nothing is bound to it
            return replace(candidate, related_address=unspecified, related_port=_HIDDEN_PORT)
        return candidate

    def close(self) -> None:
        """Answer no more; idempotent."""
        self._is_closed = True
        while self._withdraw:
            self._withdraw.pop()()


def _ignore() -> None:
    pass
