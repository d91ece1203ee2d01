"""Statistics under the W3C's names (webrtc-stats), translated from the cores' counters when somebody asks."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, overload

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.dtls.certificate import fingerprint_of
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.statistics import IceStatistics, PairStatistics
from rtcpeer.stack.bundle import Bundle

__all__ = [
    "RTCCertificateStats",
    "RTCDataChannelStats",
    "RTCIceCandidatePairStats",
    "RTCIceCandidateStats",
    "RTCPeerConnectionStats",
    "RTCStats",
    "RTCStatsReport",
    "RTCTransportStats",
    "StatsCollector",
]

# The names of the IANA's registries, which webrtc-stats section 8.18 asks for, by those of OpenSSL.
_CIPHER_SUITES = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-SHA": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "ECDHE-RSA-AES128-SHA": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
}
_SRTP_PROFILES = {"SRTP_AES128_CM_SHA1_80": "SRTP_AES128_CM_HMAC_SHA1_80"}


@dataclass(slots=True)
class RTCStats:
    """What all entries of a report have; ``timestamp`` is milliseconds since 1970, ``id`` the same in every report."""

    timestamp: float
    type: str
    id: str

    def toJSON(self) -> dict[str, Any]:
        """The members that are known, as a browser's object has them."""
        members = ((member.name, getattr(self, member.name)) for member in fields(self))
        return {name: value for name, value in members if value is not None}


@dataclass(slots=True)
class RTCIceCandidatePairStats(RTCStats):
    """One candidate pair; traffic is that of the upper protocols, without STUN and headers. Times in seconds."""

    transportId: str
    localCandidateId: str
    remoteCandidateId: str
    state: str
    nominated: bool
    priority: int
    packetsSent: int
    packetsReceived: int
    bytesSent: int
    bytesReceived: int
    lastPacketSentTimestamp: float | None
    lastPacketReceivedTimestamp: float | None
    totalRoundTripTime: float
    currentRoundTripTime: float | None
    requestsReceived: int
    requestsSent: int
    responsesReceived: int
    responsesSent: int
    consentRequestsSent: int


@dataclass(slots=True)
class RTCIceCandidateStats(RTCStats):
    """A ``"local-candidate"`` or a ``"remote-candidate"``."""

    transportId: str
    address: str
    port: int
    protocol: str
    candidateType: str
    priority: int
    foundation: str
    usernameFragment: str | None
    relatedAddress: str | None
    relatedPort: int | None
    tcpType: str | None
    url: str | None
    relayProtocol: str | None


@dataclass(slots=True)
class RTCTransportStats(RTCStats):
    """ICE and DTLS of one BUNDLE group; traffic is that of all pairs there have been."""

    packetsSent: int
    packetsReceived: int
    bytesSent: int
    bytesReceived: int
    iceRole: str
    iceLocalUsernameFragment: str
    iceState: str
    dtlsState: str
    selectedCandidatePairId: str | None
    selectedCandidatePairChanges: int
    localCertificateId: str | None = None
    remoteCertificateId: str | None = None
    tlsVersion: str | None = None
    dtlsCipher: str | None = None
    dtlsRole: str = "unknown"
    srtpCipher: str | None = None


@dataclass(slots=True)
class RTCCertificateStats(RTCStats):
    """A certificate of the DTLS handshake, as base64 of its DER form."""

    fingerprint: str
    fingerprintAlgorithm: str
    base64Certificate: str
    issuerCertificateId: str | None = None


@dataclass(slots=True)
class RTCDataChannelStats(RTCStats):
    """A data channel that is not closed."""

    label: str
    protocol: str
    dataChannelIdentifier: int | None
    state: str
    messagesSent: int
    bytesSent: int
    messagesReceived: int
    bytesReceived: int


@dataclass(slots=True)
class RTCPeerConnectionStats(RTCStats):
    """The connection as a whole."""

    dataChannelsOpened: int
    dataChannelsClosed: int


class RTCStatsReport(dict[str, RTCStats]):
    """The entries by their ``id``: a dictionary, with what JavaScript's map has besides."""

    def add(self, stats: RTCStats) -> None:
        """Put an entry in its place."""
        self[stats.id] = stats

    def has(self, id: str) -> bool:  # noqa: A002 the W3C's name
        """Whether there is such an entry."""
        return id in self

    def forEach(self, callback: Callable[[RTCStats, str, "RTCStatsReport"], object]) -> None:
        """Call with each entry, its id and the report."""
        for key, stats in self.items():
            callback(stats, key, self)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self)


class StatsCollector:
    """Makes the reports of one transport, and remembers which ids it gave. Costs nothing while nobody asks.

    ``bundle`` is what travels over the agent's path, where that is known.
    """

    def __init__(self, agent: IceAgent) -> None:
        self.number = 1  # among the transports of a connection
        self.bundle: Bundle | None = None
        self._agent = agent
        self._ids: dict[Hashable, str] = {}
        self._ids_before: dict[Hashable, str] = {}
        self._ids_given = 0
        self._certificates: tuple[list[bytes], list[dict[str, Any]]] = ([], [])  # in DER, and as entries
        self._local_der = b""
        self.timestamp = self._loop_to_wall = 0.0

    @property
    def transport_id(self) -> str:
        """The id of the transport's entry."""
        return f"T{self.number}"

    def ice(self) -> RTCStatsReport:
        """Candidates and pairs."""
        report = self._begin()
        self._add_ice(report)
        return report

    def transport(self) -> RTCStatsReport:
        """ICE's, the certificates and the transport itself."""
        report = self._begin()
        self._add_transport(report)
        return report

    def sctp(self) -> RTCStatsReport:
        """The transport's, and the data channels."""
        report = self._begin()
        # Nothing is left out of this report, so that what is not in it is gone for ever.
        self._ids_before, self._ids = self._ids, {}
        self._add_transport(report)
        self._add_channels(report)
        self._ids_before = {}
        return report

    def connection(self) -> RTCStatsReport:
        """All there is."""
        report = self.sctp()
        if self.bundle is not None:
            counted = self.bundle.channels.statistics()
            report.add(
                RTCPeerConnectionStats(
                    self.timestamp, "peer-connection", "P", counted.channels_opened, counted.channels_closed
                )
            )
        return report

    def _begin(self) -> RTCStatsReport:
        self.timestamp = time.time() * 1000
        self._loop_to_wall = self.timestamp - asyncio.get_running_loop().time() * 1000
        return RTCStatsReport()

    def _id(self, kind: str, thing: Hashable) -> str:
        """The id that the thing had in the last report, or a new one."""
        own = "" if self.number == 1 else f"_{self.number}"
        known = self._ids.get(thing) or self._ids_before.get(thing)
        if known is None:
            self._ids_given += 1
        self._ids[thing] = made = known or f"{kind}{self._ids_given}{own}"
        return made

    @overload
    def wall_clock(self, moment: float) -> float: ...

    @overload
    def wall_clock(self, moment: float | None) -> float | None: ...

    def wall_clock(self, moment: float | None) -> float | None:
        """A time of the loop's as milliseconds since 1970, for the report that was begun last."""
        return None if moment is None else moment * 1000 + self._loop_to_wall

    def _add_ice(self, report: RTCStatsReport) -> IceStatistics:
        statistics = self._agent.core.agent.statistics()
        own_fragment = statistics.local_parameters.username_fragment
        for candidate in statistics.local_candidates:
            key, shown = _key(candidate, candidate.base), self._agent.signalled(candidate)
            self._add_candidate(report, "local-candidate", self._id("L", key), shown, own_fragment)
        remote = statistics.remote_parameters
        for candidate in statistics.remote_candidates:
            fragment = candidate.username_fragment or (remote.username_fragment if remote else None)
            self._add_candidate(report, "remote-candidate", self._id("R", _key(candidate)), candidate, fragment)
        for pair in statistics.pairs:
            self._add_pair(report, pair)
        return statistics

    def _add_candidate(
        self, report: RTCStatsReport, kind: str, key: str, candidate: Candidate, fragment: str | None
    ) -> None:
        report[key] = RTCIceCandidateStats(
            self.timestamp,
            kind,
            key,
            self.transport_id,
            candidate.address,
            candidate.port,
            candidate.protocol,
            candidate.type.value,
            candidate.priority,
            candidate.foundation,
            fragment,
            candidate.related_address,
            candidate.related_port,
            candidate.tcp_type and candidate.tcp_type.value,
            candidate.url,
            candidate.relay_protocol,
        )

    def _add_pair(self, report: RTCStatsReport, pair: PairStatistics) -> None:
        key = self._id("CP", pair.path)
        traffic = pair.traffic
        report[key] = RTCIceCandidatePairStats(
            self.timestamp,
            "candidate-pair",
            key,
            self.transport_id,
            self._id("L", _key(pair.local, pair.local.base)),
            self._id("R", _key(pair.remote)),
            pair.state.value,
            pair.nominated,
            pair.priority,
            traffic.packets_sent,
            traffic.packets_received,
            traffic.bytes_sent,
            traffic.bytes_received,
            self.wall_clock(traffic.last_packet_sent_at),
            self.wall_clock(traffic.last_packet_received_at),
            pair.total_round_trip_time,
            pair.current_round_trip_time,
            pair.requests_received,
            # webrtc-stats: without repetitions; checks for consent have a count of their own.
            pair.requests_sent - pair.retransmissions_sent - pair.consent_requests_sent,
            pair.responses_received,
            pair.responses_sent,
            pair.consent_requests_sent,
        )

    def _add_transport(self, report: RTCStatsReport) -> None:
        ice = self._add_ice(report)
        traffic = ice.traffic
        transport = RTCTransportStats(
            self.timestamp,
            "transport",
            self.transport_id,
            traffic.packets_sent,
            traffic.packets_received,
            traffic.bytes_sent,
            traffic.bytes_received,
            "controlling" if ice.is_controlling else "controlled",
            ice.local_parameters.username_fragment,
            ice.state.value,
            "new",
            None if ice.send_path is None else self._id("CP", ice.send_path),
            ice.selected_pair_changes,
        )
        report.add(transport)
        if self.bundle is not None:
            self._add_dtls(report, transport, self.bundle)

    def _add_dtls(self, report: RTCStatsReport, transport: RTCTransportStats, bundle: Bundle) -> None:
        dtls = bundle.dtls
        transport.dtlsState = dtls.state.value
        transport.tlsVersion = dtls.version
        if dtls.role is not None:
            transport.dtlsRole = dtls.role.value
        if dtls.cipher_suite is not None:
            transport.dtlsCipher = _CIPHER_SUITES.get(dtls.cipher_suite, dtls.cipher_suite)
        if dtls.srtp_profile is not None:
            transport.srtpCipher = _SRTP_PROFILES.get(dtls.srtp_profile, dtls.srtp_profile)
        if not self._local_der:
            assert dtls.certificate is not None  # a peer has one
            self._local_der = dtls.certificate.der
        chain = [self._local_der, *dtls.remote_certificates]
        if self._certificates[0] != chain:
            self._certificates = (chain, _certificate_entries(chain))
        entries = self._certificates[1]
        for members in entries:
            report.add(RTCCertificateStats(self.timestamp, "certificate", **members))
        transport.localCertificateId = entries[0]["id"]
        if len(entries) > 1:
            transport.remoteCertificateId = entries[1]["id"]

    def _add_channels(self, report: RTCStatsReport) -> None:
        if self.bundle is None:
            return
        for channel in self.bundle.channels.channels:
            key = self._id("D", channel)
            report[key] = RTCDataChannelStats(
                self.timestamp,
                "data-channel",
                key,
                channel.label,
                channel.protocol,
                channel.stream_id,
                channel.state.value,
                channel.messages_sent,
                channel.bytes_sent,
                channel.messages_received,
                channel.bytes_received,
            )


def _key(candidate: Candidate, base: object = None) -> Hashable:
    """What makes a candidate the same one, though signalling may learn more about it."""
    tcp_type = candidate.tcp_type  # active ones share port 9
    return (candidate.protocol, candidate.address, candidate.port, base, tcp_type and candidate.foundation)


def _certificate_entries(chain: list[bytes]) -> list[dict[str, Any]]:
    """Our certificate, the peer's, and those that vouch for it."""
    entries: list[dict[str, Any]] = []
    for der in chain:
        algorithm, fingerprint = fingerprint_of(der, "sha-256")
        entries.append(
            {
                "id": f"CF{fingerprint.replace(':', '')}",
                "fingerprint": fingerprint,
                "fingerprintAlgorithm": algorithm,
                "base64Certificate": b64encode(der).decode(),
            }
        )
    for issued, issuer in pairwise(entries[1:]):
        issued["issuerCertificateId"] = issuer["id"]
    return entries
