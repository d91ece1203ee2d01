"""The codecs and header extensions that rtcpeer has, under the numbers that Chrome gives them."""

from rtcpeer.jsep.capabilities import CodecCapability, ExtensionCapability, MediaCapabilities
from rtcpeer.rtp.extension_values import ExtensionUri

__all__ = ["DEFAULT_CAPABILITIES"]

_AUDIO_FEEDBACK = frozenset({"transport-cc"})
_VIDEO_FEEDBACK = frozenset({"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"})


def _audio(
    name: str, clock_rate: int, payload_type: int, channels: int = 1, parameters: tuple[tuple[str, str], ...] = ()
) -> CodecCapability:
    return CodecCapability("audio", name, clock_rate, channels, parameters, _AUDIO_FEEDBACK, payload_type)


def _video(
    name: str, payload_type: int, repair_payload_type: int, parameters: tuple[tuple[str, str], ...] = ()
) -> CodecCapability:
    return CodecCapability("video", name, 90000, 1, parameters, _VIDEO_FEEDBACK, payload_type, repair_payload_type)


def _h264(
    profile_level_id: str, packetization_mode: int, payload_type: int, repair_payload_type: int
) -> CodecCapability:
    return _video(
        "H264",
        payload_type,
        repair_payload_type,
        (
            ("level-asymmetry-allowed", "1"),
            ("packetization-mode", str(packetization_mode)),
            ("profile-level-id", profile_level_id),
        ),
    )


DEFAULT_CAPABILITIES = MediaCapabilities(
    codecs=(
        # RFC 7587 section 6.1: all of these say what we like to receive.
        _audio("opus", 48000, 111, 2, (("minptime", "10"), ("stereo", "1"), ("useinbandfec", "1"))),
        _audio("G722", 8000, 9),  # RFC 3551 section 4.5.2: it says 8000 and means 16000
        _audio("PCMU", 8000, 0),
        _audio("PCMA", 8000, 8),
        CodecCapability("audio", "telephone-event", 48000, payload_type=110),
        CodecCapability("audio", "telephone-event", 8000, payload_type=126),
        _video("VP8", 96, 97),
        _video("VP9", 98, 99, (("profile-id", "0"),)),
        _h264("42e01f", 1, 108, 109),
        _h264("42e01f", 0, 114, 115),
        _h264("42001f", 1, 102, 103),
        _h264("42001f", 0, 104, 107),
        _h264("4d001f", 1, 116, 117),
        _h264("4d001f", 0, 39, 40),
        _h264("64001f", 1, 112, 113),
        _h264("640c1f", 1, 35, 36),  # Safari's best
        _video("AV1", 45, 46, (("level-idx", "5"), ("profile", "0"), ("tier", "0"))),
        CodecCapability("video", "rtx", 90000),
    ),
    extensions=(
        ExtensionCapability(ExtensionUri.AUDIO_LEVEL, 1, frozenset({"audio"})),
        ExtensionCapability(ExtensionUri.ABSOLUTE_SEND_TIME, 2),
        ExtensionCapability(ExtensionUri.TRANSPORT_WIDE_CC, 3),
        ExtensionCapability(ExtensionUri.MID, 4),
        ExtensionCapability(ExtensionUri.PLAYOUT_DELAY, 5, frozenset({"video"})),
        ExtensionCapability(ExtensionUri.RID, 10, frozenset({"video"})),
        ExtensionCapability(ExtensionUri.REPAIRED_RID, 11, frozenset({"video"})),
        ExtensionCapability(ExtensionUri.ABSOLUTE_CAPTURE_TIME, 12),
        ExtensionCapability(ExtensionUri.VIDEO_ORIENTATION, 13, frozenset({"video"})),
    ),
)
"""Everything; `MediaCapabilities.limited` takes away what there is no encoder or decoder for."""
