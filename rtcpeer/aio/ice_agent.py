"""The ICE agent on an event loop: sockets, names and timers around `rtcpeer.stack.connectivity`.

It is useful alone, as a way to get datagrams through NATs, and it carries a whole peer connection when it is told to
`drive` the core that contains its connectivity.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, Self

from pyee.asyncio import AsyncIOEventEmitter

from rtcpeer.aio.address_choice import report_failed_filter
from rtcpeer.aio.candidate_names import LocalNames, RemoteNames
from rtcpeer.aio.driver import Driver
from rtcpeer.aio.gathering_tasks import GatheringTasks
from rtcpeer.aio.ice_facts import IceFacts
from rtcpeer.aio.interface_watch import InterfaceWatch
from rtcpeer.aio.leave_taking import LeaveTaking
from rtcpeer.aio.local_ports import LocalPorts
from rtcpeer.aio.network import Network, SystemNetwork
from rtcpeer.aio.port_callbacks import PortCallbacks
from rtcpeer.aio.servers import Servers
from rtcpeer.aio.tcp_mux import TcpMux
from rtcpeer.aio.tcp_ports import TcpPorts
from rtcpeer.aio.udp_mux import UdpMux
from rtcpeer.core import Core, Datagrams, Entropy, TransportAddress
from rtcpeer.errors import InvalidStateError, NetworkError
from rtcpeer.ice.agent import Agent
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.events import (
    BindingRequestHandlerFailed,
    ConnectionUnneeded,
    FilterFailed,
    GenerationRetired,
    IceState,
    PairSelected,
    Restarted,
    StateChanged,
)
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.ice.statistics import PairStatistics
from rtcpeer.stack.connectivity import Connectivity, ConnectivityEvent
from rtcpeer.stack.explanation import Explanation, explain
from rtcpeer.stack.gathering import (
    BindFailed,
    CandidateGathered,
    Gatherer,
    GatheringCompleted,
    GatheringState,
    ServerFailed,
)
from rtcpeer.stack.relays import CredentialsRefused, StreamUnneeded, StreamWanted
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.turn.settings import TurnSettings

__all__ = ["IceAgent"]

# Datagrams that nobody fetched with recv(); like a full socket buffer, more are dropped and counted.
MAX_UNREAD = 1024

_OVER = frozenset({IceState.FAILED, IceState.CLOSED})


class IceAgent(AsyncIOEventEmitter):
    """Finds a path to a peer and sends datagrams over it.

    Exchange `local_parameters` and candidates with the peer by any means, then::

        agent = IceAgent(servers=["stun:stun.example.org"])
        agent.on("candidate", send_to_peer)         # a Candidate; None after the last
        agent.gather()
        await agent.dial(remote_parameters)         # the other side: accept()
        agent.send(b"hello")
        reply = await agent.recv()

    Either side may `restart` when the path has died or shall change. The other side notices it from the credentials
    that it is handed, and answers with a restart of its own; both signal what the event ``restart`` brings.

    Events: ``candidate`` (a `Candidate`, then None), ``state`` (an `IceState`), ``selected_pair`` (local and remote
    candidate), ``server_failed`` (a `ServerFailed`), ``bind_failed`` (a `BindFailed`), ``restart`` (our new
    `IceParameters`).

    With ``udp_mux`` it has no sockets of its own but for relays. What a callable of the settings raises goes to the
    loop's exception handler, and what it was asked about is left out.
    """

    def __init__(
        self,
        settings: IceSettings | None = None,
        *,
        servers: Sequence[str | ServerUrl] = (),
        is_controlling: bool = True,
        network: Network | None = None,
        entropy: Entropy = os.urandom,
        turn_settings: TurnSettings | None = None,
        udp_mux: UdpMux | None = None,
        tcp_mux: TcpMux | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings or IceSettings()
        self.servers = _parsed(servers)
        self.core = Connectivity(
            Agent(self.settings, is_controlling=is_controlling, entropy=entropy),
            Gatherer(self.settings, entropy, turn_settings),
        )
        self._network: Network = network or SystemNetwork()
        self._local_names = LocalNames(self._network, self.settings, entropy)
        self._remote_names = RemoteNames(self.core.agent, self._network, self.settings, self.wake)
        self._servers = Servers(
            self.core.gatherer,
            self._network,
            self.settings,
            on_data=self._received,
            on_drained=self._drained,
            on_change=self.wake,
        )
        self.facts = IceFacts(self.core, self._remote_names)
        self._driven: Core[Datagrams, Any] = self.core
        self._on_event: Callable[[Any], None] = self.handle
        self._driver: Driver[Datagrams, Any] | None = None
        callbacks = PortCallbacks(
            self._received, self._writable, self._drained, self._refused, self.wake, report_failed_filter
        )
        self._tcp = TcpPorts(self.core, self._network, self.settings, tcp_mux, callbacks, entropy)
        self._ports = LocalPorts(
            self.core.agent, self._network, self._local_names, callbacks, udp_mux, self._tcp, entropy
        )
        self._gathering = GatheringTasks(self.core, self._ports, self._servers, self.wake)
        self.interfaces = InterfaceWatch(self.core, self._network, self._ports, self._tcp, self.wake)
        self._leftover: asyncio.Task[None] | None = None  # after shut_down
        self._news = _News()
        self._unread: deque[bytes] = deque()
        self._is_closed = False
        self.dropped_datagrams = 0

    @property
    def local_parameters(self) -> IceParameters:
        """Username fragment and password to tell the peer."""
        return self.core.agent.local_parameters

    @property
    def local_candidates(self) -> list[Candidate]:
        """What has been gathered so far."""
        return self.gathered_for(self.local_parameters.username_fragment)

    @property
    def state(self) -> IceState:
        """Where connectivity stands."""
        return self.core.agent.state

    def gather(self) -> None:
        """Start to gather candidates; harmless when repeated. Needs a running event loop."""
        if self._is_closed or self.core.gatherer.state is not GatheringState.NEW:
            return
        if self._driver is None:
            self._driver = Driver(self._driven, self._send, self._on_event, asyncio.get_running_loop())
        self._driver.wake()
        self._gathering.start(self.servers, self.settings)
        self.interfaces.start(self.settings)

    def restart(
        self,
        *,
        servers: Sequence[str | ServerUrl] | None = None,
        settings: IceSettings | None = None,
        parameters: IceParameters | None = None,
    ) -> IceParameters:
        """Begin anew with other credentials and candidates, while data goes on over the path that there is.

        Tell the peer the credentials that this returns, which the event ``restart`` brings as well; it is to answer
        with new ones of its own. Candidates are gathered anew where that had begun.

        Args:
            servers: to be asked instead of those before.
            settings: instead of those before.
            parameters: credentials for the new generation, made by ``core.agent.fresh_parameters``.

        Raises:
            InvalidStateError: the agent is closed.
        """
        is_gathering = self.core.gatherer.state is not GatheringState.NEW
        self.settings = settings or self.settings
        local = self.core.restart(self.settings, parameters)
        if servers is not None:
            self.servers = _parsed(servers)
        self._servers.gatherer = self.core.gatherer
        if is_gathering:
            self.gather()
        self.wake()
        return local

    def roll_back(self) -> None:
        """Undo a restart whose answer has not come: the credentials before are in force again."""
        self.core.roll_back()
        self._servers.gatherer = self.core.gatherer
        self.interfaces.look()
        self._news.tell()
        self.wake()

    def gathered_for(self, username_fragment: str) -> list[Candidate]:
        """What has been gathered so far for one of our generations; empty where it is no more."""
        gatherer = self.core.gatherer_of(username_fragment)
        candidates = gatherer.candidates if gatherer else ()
        return [self.signalled(replace(each, username_fragment=username_fragment)) for each in candidates]

    async def gathered(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 part of the face
        until: Callable[[list[Candidate]], bool] | None = None,
    ) -> list[Candidate]:
        """The local candidates, once they suffice for bulk signalling: all, or what came before servers proved slow.

        Args:
            timeout: seconds after which what is there is returned.
            until: decides, in place of our own judgement, whether the candidates so far suffice; not asked again once
                there will be no more.
        """
        core = self.core
        is_enough = until or (lambda _: core.gatherer.is_sufficient)
        await self._news.until(
            lambda: self._is_closed or core.gatherer.is_complete or is_enough(self.local_candidates), timeout
        )
        return self.local_candidates

    def add_remote_candidate(self, candidate: Candidate | None, *, username_fragment: str | None = None) -> None:
        """Take one of the peer's candidates, None for "no more"; duplicates and strangers do no harm.

        A name in ``.local`` is resolved meanwhile, which needs a running event loop. The end is that of the generation
        with this fragment of the peer's, of the one agreed on where it is not given.
        """
        if candidate is None:
            self._remote_names.end(username_fragment)
        else:
            self._remote_names.add(candidate)
        self.wake()

    def signalled(self, candidate: Candidate) -> Candidate:
        """What the peer is told of a local candidate: with a name for its address where `IceSettings.mdns` says so."""
        return self._local_names.signalled(candidate)

    def set_remote_parameters(self, parameters: IceParameters) -> None:
        """Tell the agent who the peer is; checks begin with the first pair.

        Others than before are the peer's restart; where it is not the answer to one of ours, it is answered by one.
        """
        if self.core.agent.is_restarted_by(parameters):
            self.restart()
        self.core.agent.set_remote_parameters(parameters)
        self._remote_names.described()
        self.wake()

    def renominate(self, pair: PairStatistics) -> None:
        """Go over to another pair that works; see `Agent.renominate`. ``selected_pair`` tells of success."""
        self.core.agent.renominate(pair.path)
        self.wake()

    async def dial(self, remote: IceParameters) -> None:
        """Connect as the controlling side; raises NetworkError when no path is found."""
        await self._connect(remote, is_controlling=True)

    async def accept(self, remote: IceParameters) -> None:
        """Connect as the controlled side; raises NetworkError when no path is found."""
        await self._connect(remote, is_controlling=False)

    def send(self, data: bytes) -> None:
        """Send one datagram; unreliable, and dropped when there is no path at the moment.

        Raises:
            InvalidStateError: the agent is closed.
        """
        if self._is_closed:
            raise InvalidStateError("the ICE agent is closed")
        self.core.send(data)
        self.wake()

    async def recv(self) -> bytes:
        """The next datagram.

        Raises:
            InvalidStateError: the agent is closed, and all that arrived has been read.
        """
        await self._news.until(lambda: bool(self._unread) or self._is_closed, None)
        if not self._unread:
            raise InvalidStateError("the ICE agent is closed")
        return self._unread.popleft()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Datagrams until the agent is closed."""
        with contextlib.suppress(InvalidStateError):
            while True:
                yield await self.recv()

    def explain(self) -> Explanation:
        """Why connectivity is where it is, for people (``print`` it) and for programs; in any state."""
        return explain(self.facts.snapshot(self.servers, self.settings), self.state.value)

    async def close(self) -> None:
        """Release sockets, timers and tasks; idempotent."""
        task = self.shut_down()
        if task is not None:
            await asyncio.wait([task])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def drive(self, core: Core[Datagrams, Any], on_event: Callable[[Any], None]) -> None:
        """Drive ``core``, which contains this agent's `core`; it gets the data, and ``on_event`` every event.

        Events of connectivity have to be handed on to `handle`. To be called before `gather`.
        """
        self._driven = core
        self._on_event = on_event

    def wake(self) -> None:
        """Let the driver look at the core in this loop turn; to be called after every change of the driven core."""
        if self._driver is not None:
            self._driver.wake()

    def shut_down(self) -> asyncio.Task[None] | None:
        """Close everything that closes at once; returns the task, which ends soon, that is left to wait for."""
        if self._is_closed:
            return self._leftover
        self._is_closed = True
        if self._driven is self.core:
            self.core.close()
        if self._driver is not None:
            self._driver.close()
        leaving = self._ports.close(besides=self.core.gatherer.relays.leaving if self._driver is not None else set())
        self._news.tell()
        self._driven, self._on_event = self.core, _ignore
        self._local_names.close()
        leftovers = self._remote_names.close() | self._servers.close() | self._gathering.close() | self._tcp.close()
        leftovers |= self.interfaces.close()
        if leaving:
            leave = LeaveTaking(self.core.gatherer.relays, leaving)
            self._driver = leave.driver
            leftovers.add(leave.task)
        self._leftover = _one_of(leftovers)
        return self._leftover

    def handle(self, event: ConnectivityEvent) -> None:
        """Turn an event of the core into an event of this object."""
        match event:
            case CandidateGathered(candidate):
                self.emit("candidate", self.signalled(candidate))
            case GatheringCompleted():
                self.emit("candidate", None)
            case ServerFailed() | BindFailed():
                self.emit("server_failed" if isinstance(event, ServerFailed) else "bind_failed", event)
            case StateChanged(state):
                self.facts.note(state)
                self.emit("state", state)
            case PairSelected(local, remote):
                self.emit("selected_pair", local, remote)
            case Restarted(local):
                self.emit("restart", local)
            case FilterFailed() | BindingRequestHandlerFailed():
                _report(event)
            case _:
                self._serve(event)
        self._news.tell()

    def _serve(self, event: ConnectivityEvent) -> None:
        """Do what the core asks for, of which nobody else is told."""
        match event:
            case StreamUnneeded() | StreamWanted() | CredentialsRefused():
                self._servers.handle(event)
            case ConnectionUnneeded(path):
                self._tcp.release(path)
            case GenerationRetired(local):
                self._gathering.retired(local)
            case _:
                pass

    async def _connect(self, remote: IceParameters, *, is_controlling: bool) -> None:
        self.core.agent.set_role(is_controlling)
        self.set_remote_parameters(remote)
        self.gather()
        agent = self.core.agent
        await self._news.until(lambda: agent.selected_pair is not None or agent.state in _OVER, None)
        if self._is_closed:
            raise InvalidStateError("the ICE agent was closed before there was a path")
        if agent.selected_pair is None:
            raise NetworkError("no path to the peer was found: every candidate pair failed")

    def _received(self, packet: Datagrams) -> None:
        if self._driver is None:
            return
        self._driver.take(packet)  # every port calls `_drained` when it has delivered what it read
        if self._driven is self.core:
            self._keep(self.core.take_data())

    def _drained(self) -> None:
        """All that came is in the core: answer now rather than in the next turn, which would be a turn of latency."""
        if self._driver is not None:
            self._driver.flush()

    def _keep(self, data: list[bytes]) -> None:
        room = MAX_UNREAD - len(self._unread)
        self._unread.extend(data[:room])
        self.dropped_datagrams += max(0, len(data) - room)
        if data:
            self._news.tell()

    def _writable(self) -> None:
        if self._driver is not None:
            self._driver.writable()

    def _refused(self, local: TransportAddress, remote: TransportAddress, error: int) -> None:
        self.core.note_unroutable(local, remote, asyncio.get_running_loop().time(), os.strerror(error))
        self.wake()

    def _send(self, packets: list[Datagrams]) -> int:
        """Hand packets to their sockets until one is full; what is left of a run stays in its place."""
        for index, (local, remote, payloads) in enumerate(packets):
            port = self._ports.by_address.get(local) or self._servers.streams.get(local) or self._tcp.ports.get(local)
            if port is None:
                continue  # its socket is gone, and with it the path
            taken = port.send(remote, payloads)
            if taken < len(payloads):
                packets[index] = Datagrams(local, remote, payloads[taken:])
                return index
        return len(packets)


def _report(event: FilterFailed | BindingRequestHandlerFailed) -> None:
    """A program's mistake goes where asyncio tells of mistakes in callbacks."""
    if isinstance(event, FilterFailed):
        report_failed_filter(event)
        return
    context = {"message": "IceSettings.binding_request_handler raised", "exception": event.error}
    asyncio.get_running_loop().call_exception_handler(context)


def _parsed(servers: Sequence[str | ServerUrl]) -> list[ServerUrl]:
    return [ServerUrl.parse(server) if isinstance(server, str) else server for server in servers]


def _one_of(tasks: set[asyncio.Task[None]]) -> asyncio.Task[None] | None:
    """A task that ends when all of them have; None for none."""
    if len(tasks) > 1:
        return asyncio.get_running_loop().create_task(_wait(tasks), name="rtcpeer closing")
    return next(iter(tasks), None)


async def _wait(tasks: set[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


class _News:
    """Lets coroutines wait for a condition, which they look at whenever something has happened."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()

    async def until(self, condition: Callable[[], bool], timeout: float | None) -> None:  # noqa: ASYNC109 handed on
        """Return when the condition holds, or after ``timeout`` seconds."""
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        while not condition():
            try:
                async with asyncio.timeout_at(deadline):
                    await self._happened.wait()
            except TimeoutError:
                return

    def tell(self) -> None:
        """Something has happened."""
        self._happened.set()
        self._happened = asyncio.Event()


def _ignore(event: object) -> None:
    pass
