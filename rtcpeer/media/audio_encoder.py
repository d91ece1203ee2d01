"""Sound to encoded frames: Opus (RFC 7587), G.711 and G.722 (RFC 3551)."""

import time
from dataclasses import dataclass
from fractions import Fraction

import av

from rtcpeer.media.codec_contract import CodecError, EncoderStatistics, EncodingTarget, RawFrame
from rtcpeer.media.settings import CodecSettings, DegradationPreference
from rtcpeer.media.silence import SilenceGate, amplitude, dbov
from rtcpeer.payload.opus import TOC_OF_ONE_FRAME
from rtcpeer.rtp.extension_values import AudioLevel
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["AudioEncoder", "AudioFormat", "audio_format"]

_DEFAULT_PTIME_MS = 20  # RFC 7587 section 4.2, RFC 3551 section 4.2
_PTIMES_OPUS_MS = (10, 20, 40, 60)
_PTIMES_MS = (10, 20, 30, 40, 50, 60)  # of the others, whose packets have as many samples as one likes
_OPUS_RATE_HZ = 48000
_MIN_OPUS_BITRATE = 6000  # RFC 7587 section 6.1, maxaveragebitrate
_MAX_OPUS_BITRATE = 255_000  # for each channel: what it allows for two, and FFmpeg for one
# Opus' bandwidths by the sampling rate that carries them (RFC 7587 section 6.1, maxplaybackrate), in Hz
_OPUS_CUTOFFS = {8000: 4000, 12000: 6000, 16000: 8000, 24000: 12000}
_GAP = 0.03  # seconds by which a source may be early or late before that is a gap
_REOPEN_SHARE = 0.1  # change of bitrate for which Opus is opened again, for FFmpeg does not tell it


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What an encoder takes."""

    encoder: str  # FFmpeg's name
    sample_rate: int  # Hz; of G.722 twice RTP's clock rate (RFC 3551 section 4.5.2)
    layout: str
    frame_samples: int  # in a packet, for each channel


class AudioEncoder:
    """Converts any sound, cuts it into packets, encodes these. Gaps of the source stay gaps of the timestamps."""

    def __init__(
        self,
        codec: CodecParameters,
        settings: CodecSettings,
        *,
        bitrate: int | None = None,
        target: EncodingTarget | None = None,
    ) -> None:
        self.codec = codec
        self._settings = settings
        self._target = target or EncodingTarget()
        self._bitrate = bitrate
        self._follow_format()
        self._context: av.AudioCodecContext | None = None
        self._resampler: av.AudioResampler | None = None
        self._source: tuple[object, ...] | None = None  # what the resampler takes
        self._expected: float | None = None  # the timestamp at which the source's next frame begins
        self._next = 0  # the timestamp of the next packet
        self._frames = self._bytes = 0
        self._encode_time = 0.0
        self._is_sent = True
        self._level: float | None = None
        self._energy = self._duration = 0.0

    @property
    def target_bitrate(self) -> int | None:
        """What Opus aims at, in bits per second; the others have no choice."""
        if self._format.encoder != "libopus":
            return None
        channels = 2 if self._format.layout == "stereo" else 1
        bitrate = _decimal(self.codec.parameter("maxaveragebitrate")) or self._settings.opus_bitrate * channels
        bitrate = min([bitrate, *(one for one in (self._bitrate, self._target.max_bitrate) if one is not None)])
        return min(max(bitrate, _MIN_OPUS_BITRATE), _MAX_OPUS_BITRATE * channels)

    def set_bitrate(self, bitrate: int) -> None:
        """Aim at this many bits per second from the next frame on, if the codec can."""
        self._bitrate = bitrate

    def set_target(self, target: EncodingTarget) -> None:
        """Other limits, from the next frame on; for packets of another length, encoding begins anew."""
        before, self._target = self._target, target
        if target.packet_time_ms != before.packet_time_ms:
            self.close()
            self._follow_format()

    def set_degradation_preference(self, preference: DegradationPreference) -> None:
        """Nothing gives way."""

    def encode(self, frame: RawFrame, timestamp: int, *, force_keyframe: bool = False) -> list[EncodedFrame]:  # noqa: ARG002
        """See `Encoder.encode`; any packet of sound can be decoded without another one."""
        if not isinstance(frame, av.AudioFrame):
            raise CodecError(f"{self.codec.mime_type} encodes av.AudioFrame, not {type(frame).__name__}")
        started = time.perf_counter()
        try:
            pieces = self._pieces(frame, timestamp)
            encoded = [encoded for piece in pieces for encoded in self._encode(piece)]
        except (av.FFmpegError, ValueError) as error:
            self.close()
            raise CodecError(
                f"{frame.samples} samples of {frame.format.name}, {frame.layout.name}, {frame.sample_rate} Hz can not "
                f"become {self.codec.mime_type}: {error}"
            ) from error
        self._encode_time += time.perf_counter() - started
        return encoded

    def statistics(self) -> EncoderStatistics:
        """A snapshot."""
        return EncoderStatistics(
            encoder_implementation=self._format.encoder,
            power_efficient_encoder=False,
            frames_encoded=self._frames,
            key_frames_encoded=self._frames,
            total_encode_time=self._encode_time,
            bytes_encoded=self._bytes,
            target_bitrate=self.target_bitrate,
            audio_level=self._level,
            total_audio_energy=self._energy,
            total_samples_duration=self._duration,
        )

    def close(self) -> None:
        """Free the encoder."""
        self._context = None
        self._resampler = None

    def _follow_format(self) -> None:
        codec = self.codec
        self._format = audio_format(codec, self._target.packet_time_ms)
        self._ticks = self._format.frame_samples * codec.clock_rate // self._format.sample_rate  # of a packet
        self._gate = SilenceGate(self._ticks / codec.clock_rate) if codec.parameter("usedtx") == "1" else None

    def _pieces(self, frame: av.AudioFrame, timestamp: int) -> list[av.AudioFrame]:
        """The packets' worths of samples that are complete with this frame."""
        if frame.sample_rate <= 0:
            raise ValueError("it tells no sample rate")
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        late = 0.0 if self._expected is None else (timestamp - self._expected) / self.codec.clock_rate
        if self._resampler is None or source != self._source or abs(late) > _GAP:
            # What is less than a packet before a gap is not worth one.
            self._resampler = av.AudioResampler(
                "s16", self._format.layout, self._format.sample_rate, self._format.frame_samples
            )
            self._source = source
            self._next = max(timestamp, self._next)
            self._expected = float(timestamp)
        assert self._expected is not None
        self._expected += frame.samples * self.codec.clock_rate / frame.sample_rate
        # With a frame size it always makes frames of its own, so that the program's stays as it is.
        return self._resampler.resample(frame)

    def _encode(self, piece: av.AudioFrame) -> list[EncodedFrame]:
        timestamp, self._next = self._next, self._next + self._ticks
        context = self._encoder()
        piece.pts = timestamp
        piece.time_base = Fraction(1, self.codec.clock_rate)
        level = self._level = amplitude(piece)
        duration = self._ticks / self.codec.clock_rate
        self._duration += duration
        self._energy += level * level * duration
        was_sent, self._is_sent = self._is_sent, self._gate is None or self._gate.passes(level)
        frames = []
        for packet in context.encode(piece):
            if self._is_sent or was_sent:
                data = bytes(packet)
                if not self._is_sent:  # tells that a pause begins
                    data = bytes([data[0] & TOC_OF_ONE_FRAME])
                self._frames += 1
                self._bytes += len(data)
                frames.append(EncodedFrame(data, timestamp, True, self.codec, audio_level=AudioLevel(dbov(level))))
        return frames

    def _encoder(self) -> av.AudioCodecContext:
        """The open encoder; Opus is opened again for another bitrate, which its decoder does not mind."""
        bitrate = self.target_bitrate
        context = self._context
        if context is not None and bitrate is not None:
            opened = context.bit_rate or bitrate
            if abs(bitrate - opened) > _REOPEN_SHARE * opened:
                context = None
        if context is None:
            context = self._context = self._opened(bitrate)
        return context

    def _opened(self, bitrate: int | None) -> av.AudioCodecContext:
        context = av.CodecContext.create(self._format.encoder, "w")
        assert isinstance(context, av.AudioCodecContext)
        context.format = "s16"
        context.layout = self._format.layout
        context.sample_rate = self._format.sample_rate
        context.time_base = Fraction(1, self.codec.clock_rate)
        if bitrate is not None:
            context.bit_rate = bitrate
            context.options = self._opus_options()
        elif self._format.encoder == "g722":
            context.options = {"frame_size": str(self._format.frame_samples)}  # else it makes packets of 20 ms
        context.open()
        return context

    def _opus_options(self) -> dict[str, str]:
        codec, settings = self.codec, self._settings
        options = {
            "application": "audio" if self._format.layout == "stereo" else "voip",
            "frame_duration": str(self._format.frame_samples * 1000 // _OPUS_RATE_HZ),
            "compression_level": str(settings.opus_complexity),
            "vbr": "off" if codec.parameter("cbr") == "1" else "on",
        }
        if codec.parameter("useinbandfec") == "1" and settings.packet_loss_percent:
            options |= {"fec": "1", "packet_loss": str(settings.packet_loss_percent)}
        cutoff = _OPUS_CUTOFFS.get(_decimal(codec.parameter("maxplaybackrate")) or 0)
        return options if cutoff is None else options | {"cutoff": str(cutoff)}


def audio_format(codec: CodecParameters, ptime_ms: int | None = None) -> AudioFormat:
    """How to encode for this codec; `CodecError` where there is no encoder.

    Without ``ptime_ms`` a packet has 20 ms, unless the peer's ptime, minptime or maxptime ask for another length.
    """
    ptime_ms = _ptime(codec, ptime_ms)
    match codec.name.lower():
        case "opus":
            layout = "stereo" if codec.parameter("stereo") == "1" else "mono"  # RFC 7587 section 6.1
            return AudioFormat("libopus", _OPUS_RATE_HZ, layout, _OPUS_RATE_HZ * ptime_ms // 1000)
        case "pcmu":
            return AudioFormat("pcm_mulaw", codec.clock_rate, "mono", codec.clock_rate * ptime_ms // 1000)
        case "pcma":
            return AudioFormat("pcm_alaw", codec.clock_rate, "mono", codec.clock_rate * ptime_ms // 1000)
        case "g722":
            return AudioFormat("g722", 16000, "mono", 16000 * ptime_ms // 1000)
        case _:
            raise CodecError(f"no encoder for {codec.mime_type}")


def _ptime(codec: CodecParameters, asked: int | None) -> int:
    """One of the lengths that there are, within what the peer takes: no longer than asked for, if there is one."""
    lengths = _PTIMES_OPUS_MS if codec.name.lower() == "opus" else _PTIMES_MS
    wanted = asked or _decimal(codec.parameter("ptime")) or _DEFAULT_PTIME_MS
    shortest = _decimal(codec.parameter("minptime")) or 0
    longest = _decimal(codec.parameter("maxptime")) or lengths[-1]
    allowed = [ptime for ptime in lengths if shortest <= ptime <= longest] or [_DEFAULT_PTIME_MS]
    return max((ptime for ptime in allowed if ptime <= wanted), default=allowed[0])


def _decimal(value: str | None) -> int | None:
    return int(value) if value is not None and value.isdecimal() else None
