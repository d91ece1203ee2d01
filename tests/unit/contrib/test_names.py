"""Every name that aiortc's examples import is there, under the path they import it from.

The list is of the examples of aiortc 1.16 and of older ones that are still around (webcam with --video-codec).
"""

import importlib
import inspect

import pytest

NAMES = {
    "rtcpeer": [
        "AudioStreamTrack",
        "MediaStreamError",
        "MediaStreamTrack",
        "RTCIceCandidate",
        "RTCPeerConnection",
        "RTCRtpSender",
        "RTCSessionDescription",
        "VideoStreamTrack",
    ],
    "rtcpeer.rtcrtpsender": ["RTCRtpSender"],
    "rtcpeer.contrib.media": ["MediaBlackhole", "MediaPlayer", "MediaRecorder", "MediaRelay"],
    "rtcpeer.contrib.signaling": [
        "BYE",
        "CopyAndPasteSignaling",
        "TcpSocketSignaling",
        "UnixSocketSignaling",
        "add_signaling_arguments",
        "create_signaling",
        "object_from_string",
        "object_to_string",
    ],
    "rtcpeer.mediastreams": [
        "AudioStreamTrack",
        "MediaStreamError",
        "MediaStreamTrack",
        "VIDEO_CLOCK_RATE",
        "VIDEO_PTIME",
        "VIDEO_TIME_BASE",
        "VideoStreamTrack",
    ],
    "rtcpeer.sdp": ["candidate_from_sdp", "candidate_to_sdp"],
}
PARAMETERS = {
    "MediaPlayer": ["file", "format", "options", "timeout", "loop", "decode"],
    "MediaRecorder": ["file", "format", "options"],
    "MediaRelay.subscribe": ["self", "track", "buffered"],
    "MediaBlackhole": [],
}


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in NAMES.items() for name in names])
def test_the_name_is_there(path, name):
    assert hasattr(importlib.import_module(path), name)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_called_as_there_and_stand_in_the_same_order(name):
    found = importlib.import_module("rtcpeer.contrib.media")
    for part in name.split("."):
        found = getattr(found, part)
    assert list(inspect.signature(found).parameters) == PARAMETERS[name]


@pytest.mark.parametrize("name", ["MediaRecorder", "MediaBlackhole"])
def test_sinks_start_and_stop_as_coroutines(name):
    sink = getattr(importlib.import_module("rtcpeer.contrib.media"), name)
    assert inspect.iscoroutinefunction(sink.start)
    assert inspect.iscoroutinefunction(sink.stop)
    assert list(inspect.signature(sink.addTrack).parameters) == ["self", "track"]
