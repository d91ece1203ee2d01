"""One transport of a peer connection: ICE and DTLS of a BUNDLE group, or of a section that is in none."""

import asyncio
from dataclasses import dataclass, replace

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.aio.network import Network
from rtcpeer.api.configuration import Settings
from rtcpeer.api.dtls import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from rtcpeer.api.ice import RTCIceGatherer, RTCIceTransport
from rtcpeer.api.ice_values import RTCIceParameters
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidAccessError, NotSupportedError, SdpSyntaxError
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.jsep.facts import Applied, LocalTransport, RemoteTransport, TransportFacts
from rtcpeer.jsep.signaling import DescriptionType, SignalingState
from rtcpeer.stack.servers import ServerUrl

__all__ = ["Transport", "TransportParts", "check_candidates"]

_ANSWERS = frozenset({DescriptionType.ANSWER, DescriptionType.PRANSWER})
_SETTLED = frozenset({SignalingState.STABLE, SignalingState.HAVE_LOCAL_PRANSWER, SignalingState.HAVE_REMOTE_PRANSWER})


@dataclass(slots=True)
class TransportParts:
    """What all transports of a connection are made of; servers and ICE settings are those for what is gathered next."""

    certificate: RTCCertificate
    servers: list[ServerUrl]
    settings: Settings
    network: Network | None
    entropy: Entropy


class Transport:
    """Made from what was negotiated.

    Args:
        parts: the connection's.
        key: the negotiation's name for it.
        number: the connection's how manyth; its statistics bear it.
        credentials: username fragment and password where a description of ours has them already.
    """

    def __init__(
        self, parts: TransportParts, key: int = 0, number: int = 1, credentials: tuple[str, str] | None = None
    ) -> None:
        self.key = key
        settings = parts.settings
        ice_settings = settings.ice
        if credentials is not None:
            ice_settings = replace(ice_settings, username_fragment=credentials[0], password=credentials[1])
        self.gatherer = RTCIceGatherer(
            parts.servers,
            ice_settings,
            network=parts.network,
            entropy=parts.entropy,
            turn_settings=settings.turn,
            udp_mux=settings.udp_mux,
            tcp_mux=settings.tcp_mux,
        )
        self.ice = RTCIceTransport(self.gatherer)
        self.ice._stats.number = number  # noqa: SLF001
        self.dtls = RTCDtlsTransport(
            self.ice, parts.certificate, settings=settings.dtls, sctp_settings=settings.sctp, entropy=parts.entropy
        )
        self.remote: RemoteTransport | None = None
        self._parts = parts
        self._prepared: IceParameters | None = None  # credentials that stand in a description not yet set

    def local(self, *, is_restart: bool = False) -> LocalTransport:
        """What our next description says about the transport; a restart comes with new credentials."""
        agent = self.agent.core.agent
        if is_restart:
            self._prepared = self._prepared or agent.fresh_parameters()
            return self._described(self._prepared)
        return self._described(agent.local_parameters)

    def generations(self, settled: tuple[str, str] | None) -> list[LocalTransport]:
        """What is told of the newest generation, and of that with the credentials which were ``settled``."""
        newest = self.agent.core.agent.local_parameters
        generations = [self._described(newest)]
        if settled is not None and settled[0] != newest.username_fragment:
            generations.append(self._described(replace(newest, username_fragment=settled[0], password=settled[1])))
        return generations

    def has_credentials(self, credentials: tuple[str, str] | None) -> bool:
        """Whether these are those of the newest generation."""
        return credentials == _credentials(self.agent.local_parameters)

    def reconfigure(self) -> None:
        """The servers and settings are others than before."""
        if self.gatherer.state == "new":
            self.gatherer._reconfigure(self._parts.servers, self._parts.settings.ice)  # noqa: SLF001

    def check(self, facts: TransportFacts, applied: Applied) -> None:
        """Refuse a remote description that can not be applied; see `Transports.check`."""
        agent = self.agent.core.agent
        is_restarted = facts.remote is not None and agent.is_restarted_by(_parameters(facts.remote))
        if applied.type in _ANSWERS and not agent.is_restart_pending and is_restarted:
            raise InvalidAccessError(
                "the answer restarts ICE (its ice-ufrag or ice-pwd has changed), but the offer did not"
            )
        if facts.key in applied.dtls_restarts:
            raise NotSupportedError(
                "the description comes with another certificate than before; a living connection keeps its peer"
            )

    def apply(self, facts: TransportFacts, applied: Applied) -> None:
        """Start what the descriptions have settled; what `check` has let pass does not fail."""
        self._follow(facts.local_credentials)
        if facts.mids:
            index = next(index for index, section in enumerate(applied.sections) if section.mid == facts.mids[0])
            self.gatherer._media_section = (facts.mids[0], index)  # noqa: SLF001
        remote = facts.remote
        self.remote = remote
        if remote is None:
            return
        self._add_candidates(remote)
        # An offer can still be rolled back; only with an answer is it known who takes part.
        if applied.state not in _SETTLED:
            return
        if self.ice.getRemoteParameters() is None:
            is_controlling = applied.is_controlling if applied.is_controlling is not None else True
            self.ice.start(
                RTCIceParameters(remote.username_fragment, remote.password, remote.is_lite, remote.options),
                "controlling" if is_controlling else "controlled",
            )
        else:
            # Not `start` with the role again: a later exchange must not undo how a conflict was settled (RFC 8445
            # section 6.1.1).
            self.agent.set_remote_parameters(_parameters(remote))
        if self.dtls.state == "new" and facts.is_dtls_client is not None:
            self.dtls.start(
                RTCDtlsParameters(
                    [RTCDtlsFingerprint(*fingerprint) for fingerprint in remote.fingerprints],
                    role="server" if facts.is_dtls_client else "client",
                )
            )

    def close(self) -> asyncio.Task[None] | None:
        """Say goodbye and close everything; what is returned is left to wait for."""
        self.dtls._close()  # noqa: SLF001
        leftover = self.ice._close()  # noqa: SLF001
        for target in (self.gatherer, self.ice, self.dtls):
            target.remove_all_listeners()
        return leftover

    @property
    def agent(self) -> IceAgent:
        """What finds the path."""
        return self.ice._agent  # noqa: SLF001

    def _described(self, parameters: IceParameters) -> LocalTransport:
        fragment = parameters.username_fragment
        sha256 = self._parts.certificate.getFingerprints()[0]
        gatherer = self.agent.core.gatherer_of(fragment)
        is_told = gatherer is not None and self.gatherer.state != "new"
        return LocalTransport(
            username_fragment=fragment,
            password=parameters.password,
            fingerprints=((sha256.algorithm, sha256.value),),
            options=(*parameters.options, "ice2"),
            is_lite=parameters.is_lite,
            candidates=tuple(each.serialize() for each in self.agent.gathered_for(fragment)) if is_told else (),
            is_end_of_candidates=is_told and gatherer is not None and gatherer.is_complete,
            key=self.key,
        )

    def _follow(self, credentials: tuple[str, str] | None) -> None:
        """Restart ICE where our description has the credentials for that, and undo it where it has those before."""
        if credentials in {None, _credentials(self.agent.local_parameters)}:
            return
        prepared, self._prepared = self._prepared, None
        if prepared is not None and credentials == _credentials(prepared):
            parts = self._parts
            self.agent.restart(servers=parts.servers, settings=parts.settings.ice, parameters=prepared)
        else:
            self.agent.roll_back()

    def _add_candidates(self, remote: RemoteTransport) -> None:
        fragment = remote.username_fragment
        for line in remote.candidates:
            candidate = Candidate.parse(line)
            self.agent.add_remote_candidate(
                replace(candidate, username_fragment=candidate.username_fragment or fragment)
            )
        if remote.is_end_of_candidates:
            self.agent.add_remote_candidate(None, username_fragment=fragment)


def check_candidates(remote: RemoteTransport, text: str) -> None:
    """See `Transports.check`."""
    for line in remote.candidates:
        try:
            Candidate.parse(line)
        except ValueError as error:
            raise SdpSyntaxError(str(error), _line_number(text, line)) from error


def _parameters(remote: RemoteTransport) -> IceParameters:
    return IceParameters(remote.username_fragment, remote.password, remote.is_lite, remote.options)


def _credentials(parameters: IceParameters) -> tuple[str, str]:
    return parameters.username_fragment, parameters.password


def _line_number(text: str, candidate: str) -> int:
    lines = (line.rstrip() for line in text.splitlines())
    return next((number for number, line in enumerate(lines, 1) if line == f"a=candidate:{candidate}"), 0)
