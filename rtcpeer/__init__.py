"""A WebRTC peer connection for Python, with the browser's names and behaviour.

What has to do with media is imported when it is first used: a program that needs data channels alone does without PyAV.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from rtcpeer.aio.ice_agent import IceAgent
from rtcpeer.aio.tcp_mux import TcpMux
from rtcpeer.aio.udp_mux import UdpMux, UdpMuxStatistics
from rtcpeer.api.configuration import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    Settings,
)
from rtcpeer.api.data_channel import RTCDataChannel
from rtcpeer.api.description import RTCSessionDescription
from rtcpeer.api.dtls import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from rtcpeer.api.handoff import NetworkHandoff
from rtcpeer.api.ice import RTCIceGatherer, RTCIceTransport
from rtcpeer.api.ice_candidate import RTCIceCandidate, RTCIceCandidatePair
from rtcpeer.api.ice_values import RTCIceCandidateError, RTCIceParameters
from rtcpeer.api.media_stats_types import (
    RTCAudioPlayoutStats,
    RTCAudioSourceStats,
    RTCCodecStats,
    RTCInboundRtpStreamStats,
    RTCMediaSourceStats,
    RTCOutboundRtpStreamStats,
    RTCRemoteInboundRtpStreamStats,
    RTCRemoteOutboundRtpStreamStats,
    RTCRtpStreamStats,
    RTCVideoSourceStats,
)
from rtcpeer.api.peer_connection import RTCPeerConnection
from rtcpeer.api.rtp_parameters import (
    RTCRtcpParameters,
    RTCRtpCapabilities,
    RTCRtpCodec,
    RTCRtpCodecCapability,
    RTCRtpCodecParameters,
    RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability,
    RTCRtpHeaderExtensionParameters,
    RTCRtpParameters,
    RTCRtpReceiveParameters,
    RTCRtpSendParameters,
    RTCRtpTransceiverInit,
)
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
    MediaStreamError,
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
from rtcpeer.jsep.capabilities import CodecCapability, ExtensionCapability, MediaCapabilities
from rtcpeer.media.settings import CodecSettings
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.stack.explanation import Explanation
from rtcpeer.stack.findings import Finding, FindingCode
from rtcpeer.turn import TurnSettings, time_limited_credentials

if TYPE_CHECKING:
    from rtcpeer.api.dtmf import RTCDTMFSender
    from rtcpeer.api.encoded_frames import EncodedFrames
    from rtcpeer.api.forwarded_track import ForwardedTrack
    from rtcpeer.api.remote_track import RemoteStreamTrack
    from rtcpeer.api.rtp_receiver import RTCRtpContributingSource, RTCRtpReceiver, RTCRtpSynchronizationSource
    from rtcpeer.api.rtp_sender import RTCRtpSender
    from rtcpeer.api.transceiver import RTCRtpTransceiver
    from rtcpeer.media.blackhole import MediaBlackhole
    from rtcpeer.media.codec_contract import EncodingTarget
    from rtcpeer.media.player import MediaPlayer
    from rtcpeer.media.recorder import MediaRecorder
    from rtcpeer.media.relay import MediaRelay
    from rtcpeer.media.shared_encoder import SharedEncoder
    from rtcpeer.media.stream import MediaStream
    from rtcpeer.media.track import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
    from rtcpeer.rtp.bandwidth import BandwidthSettings, PacerSettings
    from rtcpeer.rtp.jitter_buffer import JitterBufferSettings
    from rtcpeer.rtp.loss import LossSettings
    from rtcpeer.rtp.router import RouterSettings, UnsignalledPolicy
    from rtcpeer.rtp.settings import MediaSettings
    from rtcpeer.srtp.settings import SrtpSettings

__version__ = "0.1.0"

__all__ = [
    "__version__",
    # The peer connection and what belongs to it (W3C webrtc-pc)
    "RTCPeerConnection",
    "RTCConfiguration",
    "RTCIceServer",
    "RTCBundlePolicy",
    "RTCIceTransportPolicy",
    "RTCSessionDescription",
    "RTCIceCandidate",
    "RTCIceCandidateError",
    "RTCDataChannel",
    "RTCCertificate",
    "RTCDtlsFingerprint",
    # Media
    "MediaStreamTrack",
    "AudioStreamTrack",
    "VideoStreamTrack",
    "MediaStreamError",
    "MediaStream",
    "RemoteStreamTrack",
    "ForwardedTrack",
    "MediaPlayer",
    "MediaRecorder",
    "MediaRelay",
    "MediaBlackhole",
    "RTCRtpTransceiver",
    "RTCRtpTransceiverInit",
    "RTCRtpSender",
    "RTCRtpReceiver",
    "RTCDTMFSender",
    "RTCRtpCapabilities",
    "RTCRtpCodec",
    "RTCRtpCodecCapability",
    "RTCRtpCodecParameters",
    "RTCRtpContributingSource",
    "RTCRtpEncodingParameters",
    "RTCRtpHeaderExtensionCapability",
    "RTCRtpHeaderExtensionParameters",
    "RTCRtpParameters",
    "RTCRtpReceiveParameters",
    "RTCRtpSendParameters",
    "RTCRtpSynchronizationSource",
    "RTCRtcpParameters",
    "EncodedFrame",
    "EncodedFrames",
    "SharedEncoder",
    "EncodingTarget",
    "CodecParameters",
    "MediaCapabilities",
    "CodecCapability",
    "ExtensionCapability",
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
    "RTCCodecStats",
    "RTCRtpStreamStats",
    "RTCInboundRtpStreamStats",
    "RTCOutboundRtpStreamStats",
    "RTCRemoteInboundRtpStreamStats",
    "RTCRemoteOutboundRtpStreamStats",
    "RTCMediaSourceStats",
    "RTCAudioSourceStats",
    "RTCVideoSourceStats",
    "RTCAudioPlayoutStats",
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
    "MediaSettings",
    "JitterBufferSettings",
    "LossSettings",
    "BandwidthSettings",
    "PacerSettings",
    "RouterSettings",
    "UnsignalledPolicy",
    "CodecSettings",
    "SrtpSettings",
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

_IMPORTED_LATE = {
    "RTCDTMFSender": "rtcpeer.api.dtmf",
    "EncodedFrames": "rtcpeer.api.encoded_frames",
    "ForwardedTrack": "rtcpeer.api.forwarded_track",
    "RemoteStreamTrack": "rtcpeer.api.remote_track",
    "RTCRtpContributingSource": "rtcpeer.api.rtp_receiver",
    "RTCRtpReceiver": "rtcpeer.api.rtp_receiver",
    "RTCRtpSynchronizationSource": "rtcpeer.api.rtp_receiver",
    "RTCRtpSender": "rtcpeer.api.rtp_sender",
    "RTCRtpTransceiver": "rtcpeer.api.transceiver",
    "MediaBlackhole": "rtcpeer.media.blackhole",
    "EncodingTarget": "rtcpeer.media.codec_contract",
    "MediaPlayer": "rtcpeer.media.player",
    "MediaRecorder": "rtcpeer.media.recorder",
    "MediaRelay": "rtcpeer.media.relay",
    "SharedEncoder": "rtcpeer.media.shared_encoder",
    "MediaStream": "rtcpeer.media.stream",
    "AudioStreamTrack": "rtcpeer.media.track",
    "MediaStreamTrack": "rtcpeer.media.track",
    "VideoStreamTrack": "rtcpeer.media.track",
    "BandwidthSettings": "rtcpeer.rtp.bandwidth",
    "PacerSettings": "rtcpeer.rtp.bandwidth",
    "JitterBufferSettings": "rtcpeer.rtp.jitter_buffer",
    "LossSettings": "rtcpeer.rtp.loss",
    "RouterSettings": "rtcpeer.rtp.router",
    "UnsignalledPolicy": "rtcpeer.rtp.router",
    "MediaSettings": "rtcpeer.rtp.settings",
    "SrtpSettings": "rtcpeer.srtp.settings",
}


def __getattr__(name: str) -> object:
    if name not in _IMPORTED_LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_IMPORTED_LATE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_IMPORTED_LATE})
