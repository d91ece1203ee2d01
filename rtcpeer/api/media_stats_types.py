"""The entries of a report that are about media (W3C webrtc-stats sections 8.2 to 8.9), with the members that we know.

Times are seconds unless they are timestamps, which are milliseconds since 1970; sizes are bytes, rates bits per second.
"""

from dataclasses import dataclass

from rtcpeer.api.stats import RTCStats

__all__ = [
    "RTCAudioPlayoutStats",
    "RTCAudioSourceStats",
    "RTCCodecStats",
    "RTCInboundRtpStreamStats",
    "RTCMediaSourceStats",
    "RTCOutboundRtpStreamStats",
    "RTCRemoteInboundRtpStreamStats",
    "RTCRemoteOutboundRtpStreamStats",
    "RTCRtpStreamStats",
    "RTCVideoSourceStats",
]


@dataclass(slots=True)
class RTCCodecStats(RTCStats):
    """A codec that a stream uses."""

    payloadType: int
    transportId: str
    mimeType: str
    clockRate: int
    channels: int | None = None
    sdpFmtpLine: str | None = None


@dataclass(slots=True)
class RTCRtpStreamStats(RTCStats):
    """What all streams have."""

    ssrc: int
    kind: str
    transportId: str
    codecId: str | None


@dataclass(slots=True, kw_only=True)
class RTCInboundRtpStreamStats(RTCRtpStreamStats):
    """A stream that is received (``"inbound-rtp"``); what a decoder would know is absent while there is none."""

    trackIdentifier: str
    mid: str | None
    remoteId: str | None
    playoutId: str | None = None
    packetsReceived: int
    packetsLost: int
    jitter: float
    bytesReceived: int
    headerBytesReceived: int
    packetsDiscarded: int
    lastPacketReceivedTimestamp: float | None
    retransmittedPacketsReceived: int
    retransmittedBytesReceived: int
    rtxSsrc: int | None
    nackCount: int
    pliCount: int | None = None
    firCount: int | None = None
    jitterBufferDelay: float
    jitterBufferTargetDelay: float
    jitterBufferMinimumDelay: float
    jitterBufferEmittedCount: int
    estimatedPlayoutTimestamp: float | None
    framesReceived: int | None = None
    framesDecoded: int | None = None
    keyFramesDecoded: int | None = None
    framesDropped: int | None = None
    frameWidth: int | None = None
    frameHeight: int | None = None
    framesPerSecond: float | None = None
    qpSum: int | None = None
    totalDecodeTime: float | None = None
    decoderImplementation: str | None = None
    powerEfficientDecoder: bool | None = None
    totalSamplesReceived: int | None = None
    totalSamplesDuration: float | None = None
    concealedSamples: int | None = None
    silentConcealedSamples: int | None = None
    concealmentEvents: int | None = None


@dataclass(slots=True, kw_only=True)
class RTCOutboundRtpStreamStats(RTCRtpStreamStats):
    """A stream that is sent (``"outbound-rtp"``)."""

    mid: str | None
    rid: str | None
    encodingIndex: int | None = None
    mediaSourceId: str | None
    remoteId: str | None
    rtxSsrc: int | None
    active: bool
    packetsSent: int
    bytesSent: int
    headerBytesSent: int
    retransmittedPacketsSent: int
    retransmittedBytesSent: int
    totalPacketSendDelay: float
    nackCount: int
    pliCount: int | None = None
    firCount: int | None = None
    targetBitrate: float | None = None
    framesSent: int | None = None
    hugeFramesSent: int | None = None
    framesEncoded: int | None = None
    keyFramesEncoded: int | None = None
    frameWidth: int | None = None
    frameHeight: int | None = None
    framesPerSecond: float | None = None
    qpSum: int | None = None
    totalEncodeTime: float | None = None
    qualityLimitationReason: str | None = None
    encoderImplementation: str | None = None
    powerEfficientEncoder: bool | None = None


@dataclass(slots=True, kw_only=True)
class RTCRemoteInboundRtpStreamStats(RTCRtpStreamStats):
    """What the peer says of a stream that we send (``"remote-inbound-rtp"``); ``timestamp`` is when it said so."""

    localId: str
    packetsLost: int
    fractionLost: float
    jitter: float
    roundTripTime: float | None
    totalRoundTripTime: float
    roundTripTimeMeasurements: int


@dataclass(slots=True, kw_only=True)
class RTCRemoteOutboundRtpStreamStats(RTCRtpStreamStats):
    """What the peer says of a stream that it sends (``"remote-outbound-rtp"``); ``timestamp`` is when it said so."""

    localId: str
    packetsSent: int
    bytesSent: int
    remoteTimestamp: float  # by the peer's clock
    reportsSent: int


@dataclass(slots=True)
class RTCMediaSourceStats(RTCStats):
    """A track that a sender has (``"media-source"``)."""

    trackIdentifier: str
    kind: str


@dataclass(slots=True, kw_only=True)
class RTCAudioSourceStats(RTCMediaSourceStats):
    """Of audio; the level is 0 to 1."""

    audioLevel: float | None = None
    totalAudioEnergy: float | None = None
    totalSamplesDuration: float | None = None


@dataclass(slots=True, kw_only=True)
class RTCVideoSourceStats(RTCMediaSourceStats):
    """Of video."""

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    framesPerSecond: float | None = None


@dataclass(slots=True, kw_only=True)
class RTCAudioPlayoutStats(RTCStats):
    """Audio as it leaves the decoder for the program (``"media-playout"``)."""

    kind: str
    synthesizedSamplesDuration: float
    synthesizedSamplesEvents: int
    totalSamplesDuration: float
    totalSamplesCount: int
