"""Whether a TURN server really relays: an allocation is made, and data sent to ourselves through it."""

import asyncio
import contextlib
import statistics
from dataclasses import dataclass, replace

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.aio.network import Network
from rtcpeer.core import TransportAddress
from rtcpeer.errors import RtcpeerError
from rtcpeer.ice.candidate import Candidate, CandidateType
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.gathering import ServerFailed
from rtcpeer.stack.servers import ServerUrl

__all__ = ["Relayed", "ServerResult", "probe_server"]

PACKETS = 20
PACKET_INTERVAL = 0.02
# After the last packet: more than the round trip of a satellite.
ECHO_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Relayed:
    """Packets that went out through the relay and came back."""

    sent: int
    received: int
    round_trip: float | None  # the median, seconds


@dataclass(frozen=True, slots=True)
class ServerResult:
    """What gathering from one server alone gave, and for a TURN server whether it relays."""

    server: ServerUrl
    seconds: float
    addresses: tuple[TransportAddress, ...] = ()  # relayed ones of a TURN server, else where it saw us
    protocol: str = ""  # between us and a TURN server: "udp", "tcp", "tls", "dtls"
    answered_after: float | None = None  # seconds, for the first candidate
    error: tuple[int, str] | None = None
    relayed: Relayed | None = None  # None: not got as far as that

    @property
    def is_answered(self) -> bool:
        """Whether there was a candidate."""
        return bool(self.addresses)


async def probe_server(server: ServerUrl, network: Network, settings: IceSettings) -> ServerResult:
    """Gather from a server; from a TURN server relays only, and then talk to ourselves through one.

    ``settings`` give the timeouts.
    """
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    async with IceAgent(settings, servers=[server], network=network) as agent:
        first_at: list[float] = []
        failures: list[ServerFailed] = []

        def note(candidate: Candidate | None) -> None:
            if candidate is not None and _is_from_server(candidate) and not first_at:
                first_at.append(loop.time())

        agent.on("candidate", note)
        agent.on("server_failed", failures.append)
        agent.gather()
        found = await agent.gathered(until=lambda candidates: any(map(_is_from_server, candidates)))
        candidates = [candidate for candidate in found if _is_from_server(candidate)]
        relayed = None
        if candidates and server.scheme.is_turn:
            relayed = await _relay_to_ourselves(agent, server, network, settings)
            # Meanwhile the other address family may have come.
            candidates = [candidate for candidate in agent.local_candidates if _is_from_server(candidate)]
        error = failures[0] if failures and not candidates else None
        return ServerResult(
            server,
            loop.time() - started_at,
            addresses=tuple(dict.fromkeys(candidate.transport_address for candidate in candidates)),
            protocol=next((one.relay_protocol for one in candidates if one.relay_protocol), ""),
            answered_after=first_at[0] - started_at if first_at else None,
            error=(error.error_code, error.error_text) if error else None,
            relayed=relayed,
        )


def _is_from_server(candidate: Candidate) -> bool:
    return candidate.type in {CandidateType.RELAYED, CandidateType.SERVER_REFLEXIVE}


async def _relay_to_ourselves(relay: IceAgent, server: ServerUrl, network: Network, settings: IceSettings) -> Relayed:
    """Connect an agent that has nothing but the relay to one that has more, and count the packets that come back.

    The other has a relay and what the server saw of us. Our own addresses are kept from the server: where it has no way
    to a private one, coturn ends the whole allocation for the error that it gets.
    """
    more = replace(settings, transport_policy="nohost")
    async with IceAgent(more, servers=[server], network=network, is_controlling=False) as other:
        _introduce(relay, other)
        _introduce(other, relay)
        other.gather()
        try:
            async with asyncio.timeout(settings.turn_timeout + settings.gathering_timeout):
                await asyncio.gather(relay.dial(other.local_parameters), other.accept(relay.local_parameters))
        except (TimeoutError, RtcpeerError):
            return Relayed(0, 0, None)
        return await _count_echoes(relay, other)


def _introduce(source: IceAgent, target: IceAgent) -> None:
    for candidate in source.local_candidates:
        target.add_remote_candidate(candidate)
    source.on("candidate", target.add_remote_candidate)


async def _count_echoes(here: IceAgent, there: IceAgent) -> Relayed:
    loop = asyncio.get_running_loop()
    round_trips: list[float] = []
    sent_at: dict[bytes, float] = {}

    async def echo() -> None:
        async for packet in there:
            there.send(packet)

    async def listen() -> None:
        while len(round_trips) < PACKETS:
            packet = await here.recv()
            moment = sent_at.pop(packet, None)
            if moment is not None:
                round_trips.append(loop.time() - moment)

    echoing, listening = loop.create_task(echo()), loop.create_task(listen())
    try:
        for number in range(PACKETS):
            # Nothing that could be taken for STUN, DTLS or channel data.
            packet = b"\xffrtcpeer doctor %d" % number
            sent_at[packet] = loop.time()
            here.send(packet)
            await asyncio.sleep(PACKET_INTERVAL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ECHO_PATIENCE):
                await asyncio.shield(listening)
    finally:
        await _end(echoing, listening)
    return Relayed(PACKETS, len(round_trips), statistics.median(round_trips) if round_trips else None)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
