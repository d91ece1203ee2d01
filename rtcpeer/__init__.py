"""A WebRTC peer connection for Python, with the browser's names and behaviour."""

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.aio.tcp_mux import TcpMux
from rtcpeer.aio.udp_mux import UdpMux, UdpMuxStatistics
from rtcpeer.api.configuration import RTCConfiguration, RTCIceServer, Settings
from rtcpeer.api.data_channel import RTCDataChannel
from rtcpeer.api.description import RTCSessionDescription
from rtcpeer.api.dtls import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from rtcpeer.api.handoff import NetworkHandoff
from rtcpeer.api.ice import RTCIceGatherer, RTCIceTransport
from rtcpeer.api.ice_candidate import RTCIceCandidate, RTCIceCandidatePair
from rtcpeer.api.ice_values import RTCIceCandidateError, RTCIceParameters
from rtcpeer.api.peer_connection import RTCPeerConnection
from rtcpeer.api.sctp import RTCSctpTransport
from rtcpeer.api.stats import (
    RTCCertificateStats,
    RTCDataChannelStats,
    RTCIceCandidatePairStats,
    RTCIceCandidateStats,
    RTCPeerConnectionStats,
    RTCStats,
    RTCStatsReport,
    RTCTransportStats,
)
from rtcpeer.datachannel.settings import DataChannelSettings
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.errors import (
    DOMException,
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    NetworkError,
    NotSupportedError,
    OperationError,
    RTCError,
    RtcpeerError,
)
from rtcpeer.ice.address_rewrite import AddressRewrite
from rtcpeer.ice.binding_request import BindingRequest
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.events import IceState
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.stack.explanation import Explanation
from rtcpeer.stack.findings import Finding, FindingCode
from rtcpeer.turn import TurnSettings, time_limited_credentials

__version__ = "0.1.0"

__all__ = [
    "__version__",
    # The peer connection and what belongs to it (W3C webrtc-pc)
    "RTCPeerConnection",
    "RTCConfiguration",
    "RTCIceServer",
    "RTCSessionDescription",
    "RTCIceCandidate",
    "RTCIceCandidateError",
    "RTCDataChannel",
    "RTCCertificate",
    "RTCDtlsFingerprint",
    # A host that changes networks
    "NetworkHandoff",
    # The transports, also for use without a peer connection (ORTC)
    "RTCIceGatherer",
    "RTCIceTransport",
    "RTCIceParameters",
    "RTCIceCandidatePair",
    "RTCDtlsTransport",
    "RTCDtlsParameters",
    "RTCSctpTransport",
    # Statistics (W3C webrtc-stats)
    "RTCStatsReport",
    "RTCStats",
    "RTCIceCandidatePairStats",
    "RTCIceCandidateStats",
    "RTCTransportStats",
    "RTCCertificateStats",
    "RTCDataChannelStats",
    "RTCPeerConnectionStats",
    # Why a connection is where it is
    "Explanation",
    "Finding",
    "FindingCode",
    # What the W3C has no knob for
    "Settings",
    "IceSettings",
    "BindingRequest",
    "DtlsSettings",
    "SctpSettings",
    "DataChannelSettings",
    "TcpMux",
    "TurnSettings",
    "time_limited_credentials",
    "AddressRewrite",
    "UdpMux",
    "UdpMuxStatistics",
    # ICE alone
    "IceAgent",
    "IceParameters",
    "IceState",
    "Candidate",
    # Errors
    "RtcpeerError",
    "DOMException",
    "InvalidAccessError",
    "InvalidModificationError",
    "InvalidStateError",
    "NetworkError",
    "NotSupportedError",
    "OperationError",
    "RTCError",
]
