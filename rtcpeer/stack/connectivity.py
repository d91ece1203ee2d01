"""ICE with its gathering as one core: finds a path and keeps it; everything that is not STUN is the owner's."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from rtcpeer.core import Datagrams, TransportAddress, earliest
from rtcpeer.ice.agent import Agent
from rtcpeer.ice.events import GenerationRetired, IceEvent, PairSelected
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.gathering import CandidateGathered, Gatherer, GatheringCompleted, GatheringEvent, GatheringState
from rtcpeer.stack.relays import RelayLost
from rtcpeer.stun.message import is_stun

__all__ = ["Connectivity", "ConnectivityEvent", "Path", "PathChanged"]

# Then a gatherer asks and waits for nothing. Connections are in this state nearly always, so it is not called in vain.
_COMPLETE: Final = GatheringState.COMPLETE

Path = tuple[TransportAddress, TransportAddress]
"""The base to send from and the address to send to."""


@dataclass(frozen=True, slots=True)
class PathChanged:
    """Data now goes over this path: before the nomination the best one that works, later the nominated one."""

    path: Path


ConnectivityEvent = IceEvent | GatheringEvent | PathChanged


class Connectivity:
    """Core[Datagrams, ConnectivityEvent]: an ICE agent that is fed by a gatherer, by another one after each restart."""

    def __init__(self, agent: Agent, gatherer: Gatherer) -> None:
        self.agent = agent
        self.gatherer = gatherer  # the newest generation's; those before it rest
        self._gatherers = {agent.local_parameters.username_fragment: gatherer}  # of all generations that live
        self.send_path = agent.send_path
        self._events: list[ConnectivityEvent] = []
        self._data: list[bytes] = []
        self._strange_packets = 0
        self._unsent: list[bytes] = []
        self._relays = gatherer.relays
        self._lost_relays: list[RelayLost] = []
        self._remotes_permitted = -1
        self._path: Path | None = None  # as the owner knows it

    def receive(self, packet: Datagrams, now: float) -> None:
        """Answer STUN; keep the rest for `take_data` when it comes from an address of the checklist."""
        self._data += self.sift(packet, now)

    def sift(self, packet: Datagrams, now: float) -> list[bytes]:
        """`receive` for an owner that takes the data at once.

        What a TURN server sends is taken out of its wrapping first.
        """
        if not self._relays.is_used or not self._relays.serves(packet):
            return self._sift(packet, now)
        data: list[bytes] = []
        for run in self._unwrap(packet, now):
            data += self._sift(run, now)
        self._follow_gatherer()
        return data

    def _sift(self, packet: Datagrams, now: float) -> list[bytes]:
        local, remote, payloads = packet
        data = payloads
        for payload in payloads:
            if payload[:1] < b"\4":  # STUN (RFC 7983), or empty
                data = self._take_stun(packet, now)
                break
        if data and not self.agent.note_data(local, remote, now, data):
            self._strange_packets += len(data)
            return []
        return data

    def _take_stun(self, packet: Datagrams, now: float) -> list[bytes]:
        """Hand STUN to whom it is for; returns what is none."""
        local, remote, payloads = packet
        data = []
        is_gathering = self.gatherer.state is not _COMPLETE
        for payload in payloads:
            if not is_stun(payload):
                data.append(payload)
            elif is_gathering and self.gatherer.is_awaiting(payload):
                self.gatherer.receive(Datagrams(local, remote, [payload]), now)
            else:
                self.agent.receive(Datagrams(local, remote, [payload]), now)
        if is_gathering:
            self._follow_gatherer()
        return data

    def handle_timeout(self, now: float) -> None:
        """Retransmit, check, keep alive, give up: whatever is due."""
        if self.gatherer.state is not _COMPLETE:
            self.gatherer.handle_timeout(now)
        if self._relays.is_used:
            self._relays.handle_timeout(now)
        self._follow_gatherer()
        self.agent.handle_timeout(now)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """Questions to servers, checks to the peer, and what `send` was given."""
        packets = [] if self.gatherer.state is _COMPLETE else self.gatherer.packets_to_send(now)
        packets += self.agent.packets_to_send(now)
        if self._unsent:
            path = self.send_path()
            if path is not None:
                self.agent.note_sent(self._unsent, now)
                packets.append(Datagrams(path[0], path[1], self._unsent))
            self._unsent = []
        return self._relay(packets, now) if self._relays.is_used else packets

    def carry(self, run: Datagrams, now: float) -> list[Datagrams]:
        """What to send for a run of the owner's own: itself, or what its relay makes of it."""
        self.agent.note_sent(run.payloads, now)
        return self._relay([run], now) if self._relays.is_used else [run]

    def poll_events(self) -> list[ConnectivityEvent]:
        """The gatherer's and the agent's events; then, where the data goes if that is news."""
        if self.gatherer.events or self._relays.is_used:
            self._follow_gatherer()
        events: list[ConnectivityEvent] = [*self.agent.poll_events()]
        for event in events:
            if isinstance(event, GenerationRetired):
                self._retire(event.local.username_fragment)
            elif self._relays.is_used and isinstance(event, PairSelected):
                self._relays.bind(*event.path)
        path = self.send_path()
        if path is not None and path != self._path:
            self._path = path
            events.append(PathChanged(path))
        if self._events:
            events = self._events + events
            self._events = []
        return events

    def next_timeout(self) -> float | None:
        """The earliest deadline."""
        if self.gatherer.state is _COMPLETE and not self._relays.is_used:
            return self.agent.next_timeout()
        relays = self._relays.next_timeout() if self._relays.is_used else None
        return earliest(self.gatherer.next_timeout(), self.agent.next_timeout(), relays)

    def take_data(self) -> list[bytes]:
        """What arrived besides STUN since the last call, oldest first."""
        data, self._data = self._data, []
        return data

    def send(self, payload: bytes) -> None:
        """Send one datagram of the owner's with the next pull; dropped when there is no path then."""
        self._unsent.append(payload)

    def note_unroutable(self, local: TransportAddress, remote: TransportAddress, now: float, detail: str = "") -> None:
        """Our own host can not send there: a pair fails, and a server that is asked, without waiting for answers."""
        self.agent.note_unroutable(local, remote, now, detail)
        self.gatherer.note_unroutable(local, remote, detail)
        self._follow_gatherer()

    def drop_places(self, places: Collection[TransportAddress], now: float, detail: str) -> None:
        """Some of our `places` are gone, with what is relayed by way of them; others may come."""
        for place in places:
            self._relays.way_lost(place, detail)
        self._follow_gatherer()
        gone = {*places, *(address for lost in self._lost_relays for address in lost.relayed)}
        self._lost_relays.clear()
        for gatherer in self._gatherers.values():
            gatherer.drop_bases(gone)
        self.agent.drop_bases(gone, now, detail, is_hopeful=True)

    def restart(self, settings: IceSettings, parameters: IceParameters | None = None) -> IceParameters:
        """Begin a new generation (RFC 8445 section 9), whose gatherer wants to be started, and return its credentials.

        Until the peer's credentials for it are set, `roll_back` returns to the one before.
        """
        self._follow_gatherer()
        # The end of candidates that nobody has heard of yet would be taken for the new generation's.
        self._events = [event for event in self._events if not isinstance(event, GatheringCompleted)]
        local = self.agent.restart(parameters, settings)
        self.gatherer = self._gatherers[local.username_fragment] = self.gatherer.successor(settings)
        return local

    def roll_back(self) -> None:
        """Undo a restart that the peer has not agreed to; harmless where there is none."""
        self._follow_gatherer()
        if self.agent.roll_back():
            self.gatherer = self._gatherers[self.agent.local_parameters.username_fragment]

    def gatherer_of(self, username_fragment: str) -> Gatherer | None:
        """The gatherer of the generation that has this fragment; None where it is no more."""
        return self._gatherers.get(username_fragment)

    @property
    def places(self) -> set[TransportAddress]:
        """Our ends, of sockets and of streams to servers, in all generations that live."""
        return {place for gatherer in self._gatherers.values() for place in gatherer.places}

    def close(self) -> None:
        """Stop asking, checking and answering; the next pull gives back what servers have allocated."""
        self.gatherer.close()
        self.agent.close()

    @property
    def strange_packets(self) -> int:
        """Datagrams dropped because they came from no address of the checklist."""
        return self._strange_packets

    def _unwrap(self, packet: Datagrams, now: float) -> list[Datagrams]:
        """What peers sent through a TURN server."""
        if self.gatherer.is_asking:
            # Many servers answer for STUN and TURN at one address.
            answers = [each for each in packet.payloads if is_stun(each) and self.gatherer.is_awaiting(each)]
            if answers:
                self.gatherer.receive(packet._replace(payloads=answers), now)
                packet = packet._replace(payloads=[each for each in packet.payloads if each not in answers])
        return self._relays.receive(packet, now)

    def _relay(self, packets: list[Datagrams], now: float) -> list[Datagrams]:
        """Hand what leaves a relayed base to its relay, and add what all relays have for their servers."""
        for lost in self._lost_relays:
            self.agent.drop_bases(lost.relayed, now, lost.reason)
        self._lost_relays.clear()
        if self._remotes_permitted != self.agent.remotes_seen:
            self._remotes_permitted = self.agent.remotes_seen
            self._relays.permit(self.agent.remote_addresses)
        send = self._relays.send
        direct = [run for run in packets if not send(run)]
        return direct + self._relays.packets_to_send(now)

    def _retire(self, username_fragment: str) -> None:
        if self._gatherers.get(username_fragment) is not self.gatherer:
            self._gatherers.pop(username_fragment, None)
        candidates = (candidate for gatherer in self._gatherers.values() for candidate in gatherer.candidates)
        self._relays.keep(self.places, {candidate.base for candidate in candidates})

    def _follow_gatherer(self) -> None:
        for event in self.gatherer.poll_events():
            match event:
                case CandidateGathered(candidate):
                    fragment = self.agent.local_parameters.username_fragment
                    event = CandidateGathered(replace(candidate, username_fragment=fragment))
                    if not self.agent.add_local_candidate(event.candidate):
                        continue
                case GatheringCompleted():
                    self.agent.end_of_local_candidates()
                case RelayLost(_, url, reason):
                    self.gatherer.log.lose(url, reason)
                    self._lost_relays.append(event)
                case _:
                    pass
            self._events.append(event)
