"""RTP payload formats: frames of audio and video to the payloads of RTP packets and back.

Opus (RFC 7587), G.711 and G.722 (RFC 3551), telephone-event (RFC 4733), VP8 (RFC 7741), VP9 (RFC 9628), H.264
(RFC 6184) and AV1 (the Alliance for Open Media's specification). `contract` says what they have in common.
"""

from rtcpeer.payload.audio import AudioDepacketizer, AudioPacketizer
from rtcpeer.payload.av1 import AggregationHeader, Av1Depacketizer, Av1Packetizer, obu_elements
from rtcpeer.payload.contract import DEFAULT_MAX_FRAME_SIZE, Depacketizer, Frame, Packetizer
from rtcpeer.payload.h264 import H264Depacketizer, H264Packetizer, H264PayloadSummary
from rtcpeer.payload.h264_nal import NalType, ParameterSets, annex_b, nal_type, nal_units, parse_sprop, serialize_sprop
from rtcpeer.payload.h264_profile import H264Profile, ProfileLevelId, answered_profile_level_id
from rtcpeer.payload.obu import Obu, ObuType
from rtcpeer.payload.opus import OpusMode, OpusPacket
from rtcpeer.payload.telephone_event import DTMF_DIGITS, TelephoneEvent, ToneUpdate, tone_updates
from rtcpeer.payload.vp8 import Vp8Depacketizer, Vp8Descriptor, Vp8Packetizer, Vp8Rewriter
from rtcpeer.payload.vp9 import Vp9Depacketizer, Vp9Packetizer, Vp9Rewriter
from rtcpeer.payload.vp9_descriptor import Vp9Descriptor, Vp9GroupPicture, Vp9ScalabilityStructure

__all__ = [
    "DEFAULT_MAX_FRAME_SIZE",
    "Depacketizer",
    "Frame",
    "Packetizer",
    "AudioDepacketizer",
    "AudioPacketizer",
    "OpusMode",
    "OpusPacket",
    "DTMF_DIGITS",
    "TelephoneEvent",
    "ToneUpdate",
    "tone_updates",
    "Vp8Depacketizer",
    "Vp8Descriptor",
    "Vp8Packetizer",
    "Vp8Rewriter",
    "Vp9Depacketizer",
    "Vp9Descriptor",
    "Vp9GroupPicture",
    "Vp9Packetizer",
    "Vp9Rewriter",
    "Vp9ScalabilityStructure",
    "H264Depacketizer",
    "H264Packetizer",
    "H264Profile",
    "NalType",
    "ParameterSets",
    "H264PayloadSummary",
    "ProfileLevelId",
    "annex_b",
    "answered_profile_level_id",
    "nal_type",
    "nal_units",
    "parse_sprop",
    "serialize_sprop",
    "AggregationHeader",
    "Av1Depacketizer",
    "Av1Packetizer",
    "Obu",
    "ObuType",
    "obu_elements",
]
