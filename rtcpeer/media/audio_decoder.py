"""Encoded frames to sound, and what stands in for packets that are lost."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av

from rtcpeer.errors import MalformedPacketError
from rtcpeer.media.codec_contract import CodecError, DecoderStatistics, RawFrame
from rtcpeer.media.frame_making import silence
from rtcpeer.payload import OpusPacket
from rtcpeer.payload.opus import TOC_OF_ONE_FRAME
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["AudioDecoder"]

_LONGEST_GAP = 1.0  # seconds; a longer one stays a gap of the timestamps


@dataclass(frozen=True, slots=True)
class _Format:
    decoder: str  # FFmpeg's name
    sample_rate: int
    layout: str
    is_opus: bool = False


class AudioDecoder:
    """Decodes one stream, and fills the gaps between its packets.

    For a packet of Opus that is missing, libopus goes on with what it heard last and fades it out: an Opus frame
    without data tells it to (RFC 6716 section 3.2.1). FFmpeg has no access to the redundancy (FEC) in the next packet.
    The other codecs get silence.
    """

    needs_keyframe = False  # any packet of sound can be decoded

    def __init__(self, codec: CodecParameters) -> None:
        self._format = _format(codec)
        self._clock_rate = codec.clock_rate
        self._time_base = Fraction(1, codec.clock_rate)
        self._context: av.AudioCodecContext | None = self._open()
        self._expected: int | None = None  # the timestamp of the next packet, if nothing is missing
        self._toc: int | None = None  # of the last Opus packet: what it begins with
        self._toc_ticks = 0
        self._decoded = self._failed = 0
        self._samples = self._concealed = self._silent = self._concealments = 0
        self._decode_time = 0.0

    def decode(self, frame: EncodedFrame) -> list[RawFrame]:
        """See `Decoder.decode`; pts is the frame's timestamp."""
        started = time.perf_counter()
        sound = self._decode(frame)
        self._decode_time += time.perf_counter() - started
        return list(sound)

    def statistics(self) -> DecoderStatistics:
        """A snapshot."""
        return DecoderStatistics(
            decoder_implementation=self._format.decoder,
            power_efficient_decoder=False,
            frames_decoded=self._decoded,
            key_frames_decoded=self._decoded,
            frames_failed=self._failed,
            total_decode_time=self._decode_time,
            total_samples_received=self._samples,
            concealed_samples=self._concealed,
            silent_concealed_samples=self._silent,
            concealment_events=self._concealments,
        )

    def close(self) -> None:
        """Free the decoder; what comes later is dropped."""
        self._context = None

    def _decode(self, frame: EncodedFrame) -> list[av.AudioFrame]:
        try:
            toc_ticks = OpusPacket.parse(frame.data).frame_ticks if self._format.is_opus else 0
        except MalformedPacketError:
            self._failed += 1  # and it is filled as a gap before the next one
            return []
        filled = self._fill(frame.timestamp)
        sound = self._run(frame.data, frame.timestamp)
        if not sound:
            self._failed += 1
            return filled
        self._decoded += 1
        if self._format.is_opus:
            self._toc, self._toc_ticks = frame.data[0] & TOC_OF_ONE_FRAME, toc_ticks
        return [*filled, *sound]

    def _run(self, data: bytes, timestamp: int) -> list[av.AudioFrame]:
        """What the decoder makes of a packet; afterwards the next one is expected behind it."""
        if self._context is None or not data:
            return []
        try:
            sound = self._context.decode(av.Packet(data))
        except (av.FFmpegError, ValueError):
            self._context = self._open()
            return []
        for piece in sound:
            piece.pts = timestamp
            piece.time_base = self._time_base
            timestamp += self._ticks(piece.samples)
            self._samples += piece.samples
        self._expected = timestamp
        return sound

    def _fill(self, timestamp: int) -> list[av.AudioFrame]:
        """What stands for the time since the packet before, if something is missing."""
        expected, self._expected = self._expected, timestamp
        missing = 0 if expected is None else timestamp - expected
        if not 0 < missing <= _LONGEST_GAP * self._clock_rate:
            return []
        assert expected is not None
        self._concealments += 1
        make: Callable[[int, int], list[av.AudioFrame]] = self._extrapolated if self._toc is not None else self._silence
        filled = make(expected, missing)
        self._expected = timestamp
        self._concealed += sum(piece.samples for piece in filled)
        return filled

    def _extrapolated(self, timestamp: int, missing: int) -> list[av.AudioFrame]:
        assert self._toc is not None
        filled: list[av.AudioFrame] = []
        while missing >= self._toc_ticks:
            filled += self._run(bytes([self._toc]), timestamp)
            timestamp += self._toc_ticks
            missing -= self._toc_ticks
        return filled

    def _silence(self, timestamp: int, missing: int) -> list[av.AudioFrame]:
        samples = missing * self._format.sample_rate // self._clock_rate
        piece = silence(samples, self._format.sample_rate, self._format.layout)
        piece.pts, piece.time_base = timestamp, self._time_base
        self._samples += samples
        self._silent += samples
        return [piece]

    def _ticks(self, samples: int) -> int:
        return samples * self._clock_rate // self._format.sample_rate

    def _open(self) -> av.AudioCodecContext:
        try:
            context = av.CodecContext.create(self._format.decoder, "r")
        except ValueError as error:
            raise CodecError(f"no decoder {self._format.decoder} in this FFmpeg") from error
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate = self._format.sample_rate
        context.layout = self._format.layout
        return context


def _format(codec: CodecParameters) -> _Format:
    match codec.name.lower():
        case "opus":
            # Stereo whatever the packets are: that changes from one to the next, and what a track gives should not.
            return _Format("libopus", 48000, "stereo", is_opus=True)
        case "pcmu":
            return _Format("pcm_mulaw", codec.clock_rate, "mono")
        case "pcma":
            return _Format("pcm_alaw", codec.clock_rate, "mono")
        case "g722":
            return _Format("g722", 16000, "mono")
        case _:
            raise CodecError(f"no decoder for {codec.mime_type}")
