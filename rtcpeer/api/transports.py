"""The transports of one peer connection, made from what was negotiated and fed with what happens in the core."""

import asyncio
from datetime import UTC, datetime

from rtcpeer.aio.network import Network
from rtcpeer.api.configuration import RTCConfiguration, Settings
from rtcpeer.api.dtls import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from rtcpeer.api.ice import RTCIceGatherer, RTCIceParameters, RTCIceTransport
from rtcpeer.api.sctp import RTCSctpTransport
from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidAccessError, NotSupportedError, SdpSyntaxError
from rtcpeer.ice.candidate import Candidate
from rtcpeer.jsep.facts import Applied, LocalTransport, RemoteTransport
from rtcpeer.jsep.signaling import SignalingState

__all__ = ["Transports"]

_SETTLED = {SignalingState.STABLE, SignalingState.HAVE_LOCAL_PRANSWER, SignalingState.HAVE_REMOTE_PRANSWER}


class Transports:
    """ICE, DTLS and SCTP of the one BUNDLE group."""

    def __init__(
        self, configuration: RTCConfiguration, settings: Settings, network: Network | None, entropy: Entropy
    ) -> None:
        self.certificate = _certificate(configuration)
        self.gatherer = RTCIceGatherer(
            configuration.server_urls(),
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

    def local_transport(self) -> LocalTransport:
        """What our descriptions say about the transport now."""
        parameters = self.gatherer.getLocalParameters()
        sha256 = self.certificate.getFingerprints()[0]
        return LocalTransport(
            username_fragment=parameters.usernameFragment,
            password=parameters.password,
            fingerprints=((sha256.algorithm, sha256.value),),
            options=(*parameters.iceOptions, "ice2"),
            is_lite=parameters.iceLite,
            candidates=tuple(candidate.candidate for candidate in self.gatherer.getLocalCandidates()),
            is_end_of_candidates=self.gatherer.state == "complete",
        )

    def check(self, applied: Applied, text: str) -> None:
        """Refuse a remote description that can not be applied, as long as nothing has changed.

        Raises:
            NotSupportedError: it restarts ICE or DTLS.
            SdpSyntaxError: it holds a malformed candidate.
        """
        remote, current = applied.remote, self.ice.getRemoteParameters()
        if remote is None:
            return
        if current and (current.usernameFragment, current.password) != (remote.username_fragment, remote.password):
            raise NotSupportedError(
                "the description restarts ICE (its ice-ufrag or ice-pwd has changed), which is not supported yet; "
                "the connection goes on as it was"
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

    def apply(self, applied: Applied) -> None:
        """Start what the descriptions have settled; what `check` has let pass does not fail."""
        remote = applied.remote
        self.remote = remote
        if remote is None:
            return
        self._add_candidates(remote)
        # An offer can still be rolled back; only with an answer is it known who takes part.
        if applied.state not in _SETTLED:
            return
        # Once: a later exchange must not undo how a role conflict was settled (RFC 8445 section 6.1.1).
        if self.ice.getRemoteParameters() is None:
            is_controlling = applied.is_controlling if applied.is_controlling is not None else True
            self.ice.start(
                RTCIceParameters(remote.username_fragment, remote.password, remote.is_lite, remote.options),
                "controlling" if is_controlling else "controlled",
            )
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

    def _add_candidates(self, remote: RemoteTransport) -> None:
        for line in remote.candidates:
            self.ice._agent.add_remote_candidate(Candidate.parse(line))  # noqa: SLF001
        if remote.is_end_of_candidates:
            self.ice._agent.add_remote_candidate(None)  # noqa: SLF001


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
