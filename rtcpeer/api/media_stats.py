"""Statistics of senders and receivers, translated from the cores' counters when somebody asks."""

from collections.abc import Iterable
from dataclasses import fields
from itertools import zip_longest
from typing import TYPE_CHECKING

from rtcpeer.api.media_stats_types import (
    RTCAudioPlayoutStats,
    RTCAudioSourceStats,
    RTCCodecStats,
    RTCInboundRtpStreamStats,
    RTCOutboundRtpStreamStats,
    RTCRemoteInboundRtpStreamStats,
    RTCRemoteOutboundRtpStreamStats,
    RTCVideoSourceStats,
)
from rtcpeer.api.rtp_parameters import RTCRtpCodecParameters
from rtcpeer.api.stats import RTCStatsReport, StatsCollector
from rtcpeer.media.codec_contract import DecoderStatistics, EncoderStatistics
from rtcpeer.rtp.parameters import CodecParameters
from rtcpeer.rtp.statistics import InboundStatistics, OutboundStatistics

if TYPE_CHECKING:  # they ask for these reports
    from rtcpeer.api.rtp_receiver import RTCRtpReceiver
    from rtcpeer.api.rtp_sender import RTCRtpSender

__all__ = ["MediaStats", "selected"]


class MediaStats:
    """Adds to one report of a transport.

    Args:
        collector: of that transport.
        report: that it has just made; without it, one of the transport alone.
    """

    def __init__(self, collector: StatsCollector, report: RTCStatsReport | None = None) -> None:
        self.report = collector.transport() if report is None else report
        self.timestamp = collector.timestamp
        self._wall_clock = collector.wall_clock
        self._transport_id = collector.transport_id

    def add_sender(self, sender: "RTCRtpSender") -> list[str]:
        """The source, and each stream with what the peer reports of it; returns the ids of the streams."""
        source_id = self._add_source(sender)
        encoders = sender._encoder.statistics()  # noqa: SLF001
        streams = sender._core.statistics()  # noqa: SLF001
        return [
            self._add_outbound(stream, index, source_id, encoder)
            for index, (stream, encoder) in enumerate(zip_longest(streams, encoders[: len(streams)]))
        ]

    def add_receiver(self, receiver: "RTCRtpReceiver") -> list[str]:
        """Each stream, and what the peer reports of it; returns the ids of the streams."""
        streams = receiver._core.statistics()  # noqa: SLF001
        decoder = None if receiver._decoder is None else receiver._decoder.statistics()  # noqa: SLF001
        # A track has one decoder, which of simulcast gets one layer: what it has done is counted there.
        decoded = streams[0].ssrc if len(streams) == 1 else receiver._layers.ssrc  # noqa: SLF001
        return [self._add_inbound(stream, receiver, decoder if stream.ssrc == decoded else None) for stream in streams]

    def _add_source(self, sender: "RTCRtpSender") -> str | None:
        track = sender.track
        if track is None:
            return None
        key = f"S{track.id}"
        known = sender._encoder.source_statistics()  # noqa: SLF001
        base = (self.timestamp, "media-source", key, track.id, track.kind)
        if known is None:
            self.report.add(RTCAudioSourceStats(*base) if track.kind == "audio" else RTCVideoSourceStats(*base))
        elif track.kind == "audio":
            self.report.add(
                RTCAudioSourceStats(
                    *base,
                    audioLevel=known.audio_level,
                    totalAudioEnergy=known.total_audio_energy,
                    totalSamplesDuration=known.total_samples_duration,
                )
            )
        else:
            self.report.add(
                RTCVideoSourceStats(
                    *base,
                    width=known.width,
                    height=known.height,
                    frames=known.frames,
                    framesPerSecond=known.frames_per_second,
                )
            )
        return key

    def _add_outbound(
        self, stream: OutboundStatistics, index: int, source_id: str | None, encoder: EncoderStatistics | None
    ) -> str:
        key = f"O{stream.ssrc}"
        made = RTCOutboundRtpStreamStats(
            self.timestamp,
            "outbound-rtp",
            key,
            stream.ssrc,
            stream.kind,
            self._transport_id,
            self._add_codec(stream.codec, stream.mid, "O"),
            mid=stream.mid,
            rid=stream.rid,
            encodingIndex=index,
            mediaSourceId=source_id,
            remoteId=self._add_remote_inbound(stream, key),
            rtxSsrc=stream.rtx_ssrc,
            active=stream.is_active,
            packetsSent=stream.packets_sent,
            bytesSent=stream.bytes_sent,
            headerBytesSent=stream.header_bytes_sent,
            retransmittedPacketsSent=stream.retransmitted_packets_sent,
            retransmittedBytesSent=stream.retransmitted_bytes_sent,
            totalPacketSendDelay=stream.total_packet_send_delay,
            nackCount=stream.nack_count,
            targetBitrate=stream.target_bitrate,
        )
        self.report.add(made)
        if stream.kind == "video":
            made.pliCount, made.firCount = stream.pli_count, stream.fir_count
            made.framesSent, made.hugeFramesSent = stream.frames_sent, stream.huge_frames_sent
        if encoder is not None:
            _fill_encoder(made, encoder)
        return key

    def _add_remote_inbound(self, stream: OutboundStatistics, local: str) -> str | None:
        remote = stream.remote
        if remote is None:
            return None
        key = f"RI{stream.ssrc}"
        self.report.add(
            RTCRemoteInboundRtpStreamStats(
                self._wall_clock(remote.received_at),
                "remote-inbound-rtp",
                key,
                stream.ssrc,
                stream.kind,
                self._transport_id,
                self._add_codec(stream.codec, stream.mid, "O"),
                localId=local,
                packetsLost=remote.packets_lost,
                fractionLost=remote.fraction_lost,
                jitter=remote.jitter,
                roundTripTime=remote.round_trip_time,
                totalRoundTripTime=remote.total_round_trip_time,
                roundTripTimeMeasurements=remote.round_trip_time_measurements,
            )
        )
        return key

    def _add_inbound(
        self, stream: InboundStatistics, receiver: "RTCRtpReceiver", decoder: DecoderStatistics | None
    ) -> str:
        key = f"I{stream.ssrc}"
        playout = stream.estimated_playout_timestamp
        made = RTCInboundRtpStreamStats(
            self.timestamp,
            "inbound-rtp",
            key,
            stream.ssrc,
            stream.kind,
            self._transport_id,
            self._add_codec(stream.codec, stream.mid, "I"),
            trackIdentifier=receiver.track.id,
            mid=stream.mid,
            remoteId=self._add_remote_outbound(stream, key),
            packetsReceived=stream.packets_received,
            packetsLost=stream.packets_lost,
            jitter=stream.jitter,
            bytesReceived=stream.bytes_received,
            headerBytesReceived=stream.header_bytes_received,
            packetsDiscarded=stream.packets_discarded,
            lastPacketReceivedTimestamp=self._wall_clock(stream.last_packet_received_at),
            retransmittedPacketsReceived=stream.retransmitted_packets_received,
            retransmittedBytesReceived=stream.retransmitted_bytes_received,
            rtxSsrc=stream.rtx_ssrc,
            nackCount=stream.nack_count,
            jitterBufferDelay=stream.jitter_buffer_delay,
            jitterBufferTargetDelay=stream.jitter_buffer_target_delay,
            jitterBufferMinimumDelay=stream.jitter_buffer_minimum_delay,
            jitterBufferEmittedCount=stream.jitter_buffer_emitted_count,
            estimatedPlayoutTimestamp=None if playout is None else playout * 1000,
        )
        self.report.add(made)
        if stream.kind == "video":
            made.pliCount, made.firCount = stream.pli_count, stream.fir_count
            made.framesReceived = stream.frames_received
            made.framesDropped = stream.frames_dropped + (decoder.frames_dropped if decoder else 0)
        if decoder is not None:
            self._fill_decoder(made, decoder, stream.codec)
        return key

    def _add_remote_outbound(self, stream: InboundStatistics, local: str) -> str | None:
        remote = stream.remote
        if remote is None:
            return None
        key = f"RO{stream.ssrc}"
        self.report.add(
            RTCRemoteOutboundRtpStreamStats(
                self._wall_clock(remote.received_at),
                "remote-outbound-rtp",
                key,
                stream.ssrc,
                stream.kind,
                self._transport_id,
                self._add_codec(stream.codec, stream.mid, "I"),
                localId=local,
                packetsSent=remote.packets_sent,
                bytesSent=remote.bytes_sent,
                remoteTimestamp=remote.remote_timestamp * 1000,
                reportsSent=remote.reports_sent,
            )
        )
        return key

    def _fill_decoder(
        self, made: RTCInboundRtpStreamStats, decoder: DecoderStatistics, codec: CodecParameters | None
    ) -> None:
        made.decoderImplementation = decoder.decoder_implementation
        made.totalDecodeTime = decoder.total_decode_time
        if made.kind == "video":
            made.powerEfficientDecoder = decoder.power_efficient_decoder
            made.framesDecoded, made.keyFramesDecoded = decoder.frames_decoded, decoder.key_frames_decoded
            made.frameWidth, made.frameHeight, made.qpSum = decoder.frame_width, decoder.frame_height, decoder.qp_sum
            made.framesPerSecond = decoder.frames_per_second
            return
        made.totalSamplesReceived = decoder.total_samples_received
        made.concealedSamples = decoder.concealed_samples
        made.silentConcealedSamples = decoder.silent_concealed_samples
        made.concealmentEvents = decoder.concealment_events
        if codec is not None:
            # RFC 3551 section 4.5.2: G.722 says 8,000 Hz and has 16,000.
            rate = 16000 if codec.name.upper() == "G722" else codec.clock_rate
            made.totalSamplesDuration = decoder.total_samples_received / rate
            made.playoutId = f"P{made.ssrc}"
            self.report.add(
                RTCAudioPlayoutStats(
                    self.timestamp,
                    "media-playout",
                    made.playoutId,
                    kind="audio",
                    synthesizedSamplesDuration=decoder.concealed_samples / rate,
                    synthesizedSamplesEvents=decoder.concealment_events,
                    totalSamplesDuration=made.totalSamplesDuration,
                    totalSamplesCount=decoder.total_samples_received,
                )
            )

    def _add_codec(self, codec: CodecParameters | None, mid: str | None, way: str) -> str | None:
        if codec is None:
            return None
        key = f"C{way}{mid or ''}_{codec.payload_type}"
        shown = RTCRtpCodecParameters.of(codec)
        self.report.add(
            RTCCodecStats(
                self.timestamp,
                "codec",
                key,
                codec.payload_type,
                self._transport_id,
                shown.mimeType,
                shown.clockRate,
                shown.channels,
                shown.sdpFmtpLine,
            )
        )
        return key


def selected(report: RTCStatsReport, roots: Iterable[str]) -> RTCStatsReport:
    """The entries named, and all that they refer to (W3C webrtc-pc section 8.5)."""
    chosen = RTCStatsReport()
    waiting = list(roots)
    while waiting:
        key = waiting.pop()
        if key in chosen or key not in report:
            continue
        entry = report[key]
        chosen.add(entry)
        waiting += [
            value for member in fields(entry) if member.name.endswith("Id") and (value := getattr(entry, member.name))
        ]
    return chosen


def _fill_encoder(made: RTCOutboundRtpStreamStats, encoder: EncoderStatistics) -> None:
    made.encoderImplementation = encoder.encoder_implementation
    made.totalEncodeTime = encoder.total_encode_time
    if made.kind == "video":
        made.powerEfficientEncoder = encoder.power_efficient_encoder
        made.framesEncoded, made.keyFramesEncoded = encoder.frames_encoded, encoder.key_frames_encoded
        made.frameWidth, made.frameHeight, made.qpSum = encoder.frame_width, encoder.frame_height, encoder.qp_sum
        made.framesPerSecond = encoder.frames_per_second
        made.qualityLimitationReason = encoder.quality_limitation_reason
