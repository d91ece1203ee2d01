"""The transports of one peer connection: as many as negotiation finds needed, and their states as one."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from rtcpeer.aio.network import Network
from rtcpeer.api.configuration import RTCConfiguration, Settings
from rtcpeer.api.dtls import RTCCertificate
from rtcpeer.api.ice_candidate import RTCIceCandidate
from rtcpeer.api.sctp import RTCSctpTransport
from rtcpeer.api.states import (
    RTCIceConnectionState,
    RTCIceGatheringState,
    RTCPeerConnectionState,
    connection_state,
    gathering_state,
    ice_connection_state,
)
from rtcpeer.api.stats import RTCStatsReport
from rtcpeer.api.transport import Transport, TransportParts, check_candidates
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep.facts import Applied, LocalTransport
from rtcpeer.jsep.negotiation import Negotiation
from rtcpeer.stack.servers import ServerUrl

__all__ = ["Transports"]


class Transports:
    """By the negotiation's keys; there is one before any is asked for, and SCTP goes where it is wanted.

    Args:
        configuration, settings, network, entropy: the connection's.
        tell: fires an event of the connection.
        state_changed: `state` may have.
    """

    def __init__(
        self,
        configuration: RTCConfiguration,
        settings: Settings,
        network: Network | None,
        entropy: Entropy,
        tell: Callable[..., object],
        state_changed: Callable[[], object],
    ) -> None:
        self._parts = TransportParts(
            _certificate(configuration), configuration.server_urls(), settings, network, entropy
        )
        self._tell = tell
        self._state_changed = state_changed
        self._by_key: dict[int, Transport] = {}
        self._prepared: dict[int, Transport] = {}  # what an offer describes that was created and is not set
        self._made = 0
        self._leftovers: set[asyncio.Task[None]] = set()
        self._ice_state: RTCIceConnectionState = "new"
        self._gathering_state: RTCIceGatheringState = "new"
        self._use(self._made_for(0))
        self.sctp = RTCSctpTransport(self.first.dtls)
        self.sctp.on("datachannel", lambda channel: self._tell("datachannel", channel))
        self.is_sctp_negotiated = False

    @property
    def all(self) -> list[Transport]:
        """Those that are needed, the first first."""
        return list(self._by_key.values())

    @property
    def first(self) -> Transport:
        """The one that there always is."""
        return next(iter(self._by_key.values()))

    def of(self, key: int) -> Transport:
        """The transport with this key; the first for that of a section which does not live."""
        return self._by_key.get(key) or self.first

    def local(self, negotiation: Negotiation, key: int, *, is_restart: bool = False) -> LocalTransport:
        """What our next offer says about a transport; only one that has been described can be restarted."""
        is_described = negotiation.session.transport(key).local_credentials is not None
        return self._described(key).local(is_restart=is_restart and is_described)

    def answering(self, negotiation: Negotiation, key: int) -> LocalTransport:
        """What our next answer says about a transport."""
        transport = self._described(key)
        # The peer's restart is answered by ours (RFC 8839 section 4.4.2); a provisional answer has done that already.
        settled = negotiation.settled.transport(key).local_credentials
        return transport.local(is_restart=key in negotiation.restarts_offered and transport.has_credentials(settled))

    def described(self, negotiation: Negotiation) -> list[LocalTransport]:
        """Every transport of the newest generation, and of that which the current description is about."""
        return [
            each
            for transport in self.all
            for each in transport.generations(negotiation.settled.transport(transport.key).local_credentials)
        ]

    def configure(self, servers: list[ServerUrl], settings: Settings) -> bool:
        """Take these when candidates are gathered next; returns whether they are others than before."""
        parts = self._parts
        is_new = (servers, settings.ice) != (parts.servers, parts.settings.ice)
        parts.servers, parts.settings = servers, settings
        if is_new:
            for transport in (*self.all, *self._prepared.values()):
                transport.reconfigure()
        return is_new

    def check(self, applied: Applied, text: str) -> None:
        """Refuse a remote description that can not be applied, as long as nothing has changed.

        Raises:
            InvalidAccessError: an answer restarts ICE although the offer did not.
            NotSupportedError: it restarts DTLS.
            SdpSyntaxError: it holds a malformed candidate.
        """
        for facts in applied.transports:
            if facts.remote is not None:
                if facts.key in self._by_key:
                    self._by_key[facts.key].check(facts, applied)
                check_candidates(facts.remote, text)

    def apply(self, applied: Applied) -> None:
        """Start what the descriptions have settled; what `check` has let pass does not fail."""
        for facts in applied.transports:
            if facts.key not in self._by_key:
                prepared = self._prepared.pop(facts.key, None)
                self._use(prepared or self._made_for(facts.key, facts.local_credentials))
        self._place_sctp(applied)
        for transport in self.all:
            transport.remote = None  # but for those that are described
        for facts in applied.transports:
            self._by_key[facts.key].apply(facts, applied)
        channel = applied.data_channel
        if channel is not None and not self.is_sctp_negotiated:
            self.is_sctp_negotiated = True
            self.sctp.start(channel.remote_port, channel.max_message_size)

    async def gathered(
        self,
        timeout: float | None,  # noqa: ASYNC109 part of the face
        until: Callable[[list[RTCIceCandidate]], bool] | None,
    ) -> None:
        """Wait for candidates for bulk signalling, of each transport that gathers."""
        gatherers = [transport.gatherer for transport in self.all if transport.gatherer.state != "new"]
        if len(gatherers) == 1:
            await gatherers[0].gathered(timeout, until)
        elif gatherers:
            await asyncio.gather(*(gatherer.gathered(timeout, until) for gatherer in gatherers))

    def gather(self, applied: Applied) -> None:
        """Look for candidates for all that has a section."""
        for facts in applied.transports:
            if facts.mids and facts.local_credentials is not None:
                self._by_key[facts.key].gatherer.gather()

    def release(self, applied: Applied) -> None:
        """Close what is not needed any more, once media has left it."""
        # In the order of the sections, so that the first is the one that descriptions begin with.
        needed = [facts.key for facts in applied.transports] or [self.first.key]
        unneeded = [transport for key, transport in self._by_key.items() if key not in needed]
        self._by_key = {key: self._by_key[key] for key in needed}
        prepared, self._prepared = self._prepared, {}
        for transport in (*unneeded, *prepared.values()):
            leftover = transport.close()
            if leftover is not None and not leftover.done():
                self._leftovers.add(leftover)
                leftover.add_done_callback(self._leftovers.discard)
        for transport in self.all:
            transport.gatherer._tell_state()  # noqa: SLF001 a restart, or its rollback
        if unneeded:
            was_gathering = self._gathering_state != "complete"
            self._update()
            if was_gathering and self._gathering_state == "complete":
                self._tell("icecandidate", None)  # the others had ended before

    def close(self) -> set[asyncio.Task[None]]:
        """Say goodbye and close everything; what is returned is left to wait for."""
        self._tell = self._state_changed = _nothing
        self.sctp._close()  # noqa: SLF001
        leftovers = [transport.close() for transport in (*self.all, *self._prepared.values())]
        self.sctp.remove_all_listeners()
        return self._leftovers | {leftover for leftover in leftovers if leftover is not None}

    def statistics(self) -> RTCStatsReport:
        """Of all transports, and what SCTP carries."""
        report = RTCStatsReport()
        for transport in self.all:
            collector = transport.ice._stats  # noqa: SLF001
            report |= collector.connection() if transport.dtls is self.sctp.transport else collector.transport()
        return report

    @property
    def decisive(self) -> Transport:
        """The one that keeps the connection from being better than it is."""
        ranks = ("failed", "disconnected", "new", "checking", "connected", "completed", "closed")
        return min(self.all, key=lambda each: (each.dtls.state != "failed", ranks.index(each.ice.state)))

    @property
    def gathering_state(self) -> RTCIceGatheringState:
        """Of all together (W3C section 4.3.2)."""
        return gathering_state(transport.gatherer.state for transport in self.all)

    @property
    def ice_state(self) -> RTCIceConnectionState:
        """Of all together (W3C section 4.3.4)."""
        return ice_connection_state(transport.ice.state for transport in self.all)

    @property
    def state(self) -> RTCPeerConnectionState:
        """Of all together (W3C section 4.3.3)."""
        return connection_state((transport.ice.state, transport.dtls.state) for transport in self.all)

    def _place_sctp(self, applied: Applied) -> None:
        """Before it begins, SCTP goes where its section is; until that is known, it stays with a transport needed."""
        if self.is_sctp_negotiated:
            return
        needed = [self._by_key[facts.key].dtls for facts in applied.transports] or [self.first.dtls]
        place = self.sctp.transport if self.sctp.transport in needed else needed[0]
        if applied.data_channel is not None:
            section = next(each for each in applied.sections if each.mid == applied.data_channel.mid)
            place = self._by_key[section.transport].dtls
        if place is not self.sctp.transport:
            self.sctp._move(place)  # noqa: SLF001

    def _made_for(self, key: int, credentials: tuple[str, str] | None = None) -> Transport:
        self._made += 1
        return Transport(self._parts, key, self._made, credentials)

    def _described(self, key: int) -> Transport:
        """The transport for a description that is being created."""
        known = self._by_key.get(key) or self._prepared.get(key)
        if known is None:
            known = self._prepared[key] = self._made_for(key)
        return known

    def _use(self, transport: Transport) -> None:
        self._by_key[transport.key] = transport
        transport.gatherer.on("statechange", self._update_gathering)
        transport.gatherer.on("localcandidate", self._on_candidate)
        transport.gatherer.on("error", lambda error: self._tell("icecandidateerror", error))
        transport.ice.on("statechange", self._update_ice)
        transport.dtls.on("statechange", self._state_changed)

    def _on_candidate(self, candidate: RTCIceCandidate | None) -> None:
        # W3C section 4.8.2: None comes once, when no transport gathers any more.
        if candidate is not None or self.gathering_state == "complete":
            self._tell("icecandidate", candidate)

    def _update(self) -> None:
        self._update_gathering()
        self._update_ice()

    def _update_gathering(self) -> None:
        if self.gathering_state != self._gathering_state:
            self._gathering_state = self.gathering_state
            self._tell("icegatheringstatechange")

    def _update_ice(self) -> None:
        if self.ice_state != self._ice_state:
            self._ice_state = self.ice_state
            self._tell("iceconnectionstatechange")
        self._state_changed()


def _certificate(configuration: RTCConfiguration) -> RTCCertificate:
    """The configured certificate, else one for this connection alone."""
    if not configuration.certificates:
        return RTCCertificate.generateCertificate()
    certificate = configuration.certificates[0]
    if certificate.expires <= datetime.now(UTC):
        raise InvalidAccessError(f"the certificate has expired at {certificate.expires}")
    return certificate


def _nothing(*event: object) -> None:
    pass
