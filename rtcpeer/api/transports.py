"""The transports of one peer connection, made from what was negotiated and fed with what happens in the core."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.aio.network import Network
from rtcpeer.api.configuration import RTCConfiguration, Settings
from rtcpeer.api.dtls import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from rtcpeer.api.ice import RTCIceGatherer, RTCIceTransport
from rtcpeer.api.ice_values import RTCIceParameters
from rtcpeer.api.sctp import RTCSctpTransport
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidAccessError, NotSupportedError, SdpSyntaxError
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.jsep.facts import Applied, LocalTransport, RemoteTransport
from rtcpeer.jsep.negotiation import Negotiation
from rtcpeer.jsep.signaling import DescriptionType, SignalingState
from rtcpeer.stack.servers import ServerUrl

__all__ = ["Transports"]

_SETTLED = {SignalingState.STABLE, SignalingState.HAVE_LOCAL_PRANSWER, SignalingState.HAVE_REMOTE_PRANSWER}


class Transports:
    """ICE, DTLS and SCTP of the one BUNDLE group."""

    def __init__(
        self, configuration: RTCConfiguration, settings: Settings, network: Network | None, entropy: Entropy
    ) -> None:
        self.certificate = _certificate(configuration)
        self._servers = configuration.server_urls()
        self._ice_settings = settings.ice
        self._prepared: IceParameters | None = None  # credentials that stand in a description not yet set
        self.gatherer = RTCIceGatherer(
            self._servers,
            settings.ice,
            network=network,
            entropy=entropy,
            turn_settings=settings.turn,
            udp_mux=settings.udp_mux,
            tcp_mux=settings.tcp_mux,
        )
        self.ice = RTCIceTransport(self.gatherer)
        self.dtls = RTCDtlsTransport(
            self.ice, self.certificate, settings=settings.dtls, sctp_settings=settings.sctp, entropy=entropy
        )
        self.sctp = RTCSctpTransport(self.dtls)
        self.remote: RemoteTransport | None = None
        self.is_sctp_negotiated = False

    def local_transport(self, *, is_restart: bool = False) -> LocalTransport:
        """What our next description says about the transport; a restart comes with new credentials."""
        agent = self._agent.core.agent
        if is_restart:
            self._prepared = self._prepared or agent.fresh_parameters()
            return self._described(self._prepared)
        return self._described(agent.local_parameters)

    def local_transports(self, negotiation: Negotiation) -> list[LocalTransport]:
        """The transport of the newest generation, and that of the one which the current description is about."""
        newest = self._agent.core.agent.local_parameters
        transports = [self._described(newest)]
        settled = negotiation.settled.local_credentials
        if settled is not None and settled[0] != newest.username_fragment:
            transports.append(self._described(replace(newest, username_fragment=settled[0], password=settled[1])))
        return transports

    def has_credentials(self, credentials: tuple[str, str] | None) -> bool:
        """Whether these are those of the newest generation."""
        return credentials == _credentials(self._agent.local_parameters)

    def configure(self, servers: list[ServerUrl], ice_settings: IceSettings) -> bool:
        """Take these when candidates are gathered next; returns whether they are others than before."""
        is_new = (servers, ice_settings) != (self._servers, self._ice_settings)
        self._servers, self._ice_settings = servers, ice_settings
        if is_new and self.gatherer.state == "new":
            self.gatherer._reconfigure(servers, ice_settings)  # noqa: SLF001
        return is_new

    def check(self, applied: Applied, text: str) -> None:
        """Refuse a remote description that can not be applied, as long as nothing has changed.

        Raises:
            InvalidAccessError: an answer restarts ICE although the offer did not.
            NotSupportedError: it restarts DTLS.
            SdpSyntaxError: it holds a malformed candidate.
        """
        remote, agent = applied.remote, self._agent.core.agent
        if remote is None:
            return
        is_answer = applied.type in {DescriptionType.ANSWER, DescriptionType.PRANSWER}
        if is_answer and not agent.is_restart_pending and agent.is_restarted_by(_parameters(remote)):
            raise InvalidAccessError(
                "the answer restarts ICE (its ice-ufrag or ice-pwd has changed), but the offer did not"
            )
        if applied.is_dtls_restart:
            raise NotSupportedError(
                "the description comes with another certificate than before; a living connection keeps its peer"
            )
        for line in remote.candidates:
            try:
                Candidate.parse(line)
            except ValueError as error:
                raise SdpSyntaxError(str(error), _line_number(text, line)) from error

    def apply(self, applied: Applied, credentials: tuple[str, str] | None) -> None:
        """Start what the descriptions have settled; what `check` has let pass does not fail.

        ``credentials`` are those of our description that counts now, the pending one where there is one.
        """
        self._follow(credentials)
        remote = applied.remote
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
            self._agent.set_remote_parameters(_parameters(remote))
        if self.dtls.state == "new" and applied.is_dtls_client is not None:
            self.dtls.start(
                RTCDtlsParameters(
                    [RTCDtlsFingerprint(*fingerprint) for fingerprint in remote.fingerprints],
                    role="server" if applied.is_dtls_client else "client",
                )
            )
        if applied.data_channel is not None and not self.is_sctp_negotiated:
            self.is_sctp_negotiated = True
            self.sctp.start(applied.data_channel.remote_port, applied.data_channel.max_message_size)

    def close(self) -> asyncio.Task[None] | None:
        """Say goodbye and close everything; what is returned is left to wait for."""
        self.sctp._close()  # noqa: SLF001
        self.dtls._close()  # noqa: SLF001
        leftover = self.ice._close()  # noqa: SLF001
        for target in (self.gatherer, self.ice, self.dtls, self.sctp):
            target.remove_all_listeners()
        return leftover

    @property
    def _agent(self) -> IceAgent:
        return self.ice._agent  # noqa: SLF001

    def _described(self, parameters: IceParameters) -> LocalTransport:
        fragment = parameters.username_fragment
        sha256 = self.certificate.getFingerprints()[0]
        gatherer = self._agent.core.gatherer_of(fragment)
        is_told = gatherer is not None and self.gatherer.state != "new"
        return LocalTransport(
            username_fragment=fragment,
            password=parameters.password,
            fingerprints=((sha256.algorithm, sha256.value),),
            options=(*parameters.options, "ice2"),
            is_lite=parameters.is_lite,
            candidates=tuple(each.serialize() for each in self._agent.gathered_for(fragment)) if is_told else (),
            is_end_of_candidates=is_told and gatherer is not None and gatherer.is_complete,
        )

    def _follow(self, credentials: tuple[str, str] | None) -> None:
        """Restart ICE where our description has the credentials for that, and undo it where it has those before."""
        if credentials in {None, _credentials(self._agent.local_parameters)}:
            return
        prepared, self._prepared = self._prepared, None
        if prepared is not None and credentials == _credentials(prepared):
            self._agent.restart(servers=self._servers, settings=self._ice_settings, parameters=prepared)
        else:
            self._agent.roll_back()

    def _add_candidates(self, remote: RemoteTransport) -> None:
        fragment = remote.username_fragment
        for line in remote.candidates:
            candidate = Candidate.parse(line)
            self._agent.add_remote_candidate(
                replace(candidate, username_fragment=candidate.username_fragment or fragment)
            )
        if remote.is_end_of_candidates:
            self._agent.add_remote_candidate(None, username_fragment=fragment)


def _parameters(remote: RemoteTransport) -> IceParameters:
    return IceParameters(remote.username_fragment, remote.password, remote.is_lite, remote.options)


def _credentials(parameters: IceParameters) -> tuple[str, str]:
    return parameters.username_fragment, parameters.password


def _line_number(text: str, candidate: str) -> int:
    lines = (line.rstrip() for line in text.splitlines())
    return next((number for number, line in enumerate(lines, 1) if line == f"a=candidate:{candidate}"), 0)


def _certificate(configuration: RTCConfiguration) -> RTCCertificate:
    """The configured certificate, else one for this connection alone."""
    if not configuration.certificates:
        return RTCCertificate.generateCertificate()
    certificate = configuration.certificates[0]
    if certificate.expires <= datetime.now(UTC):
        raise InvalidAccessError(f"the certificate has expired at {certificate.expires}")
    return certificate
