import dataclasses
from types import SimpleNamespace

import pytest

from rtcpeer.api.media_stats import MediaStats, selected
from rtcpeer.api.stats import RTCPeerConnectionStats, RTCStats, RTCStatsReport
from rtcpeer.media.codec_contract import DecoderStatistics, EncoderStatistics
from rtcpeer.media.sending import SourceStatistics
from rtcpeer.rtp.statistics import (
    InboundStatistics,
    OutboundStatistics,
    RemoteInboundStatistics,
    RemoteOutboundStatistics,
)
from tests.sim.encoded_track import OPUS, VP8

# What a browser must have of each type (W3C webrtc-pc section 8.6).
MANDATORY = {
    "codec": {"payloadType", "mimeType", "clockRate"},
    "inbound-rtp": {
        *("ssrc", "kind", "transportId", "codecId", "packetsReceived", "packetsLost", "jitter", "trackIdentifier"),
        *("remoteId", "bytesReceived", "packetsDiscarded"),
    },
    "outbound-rtp": {
        *("ssrc", "kind", "transportId", "codecId", "packetsSent", "bytesSent", "mediaSourceId", "remoteId"),
    },
    "remote-inbound-rtp": {"ssrc", "kind", "codecId", "packetsLost", "jitter", "localId", "roundTripTime"},
    "remote-outbound-rtp": {"ssrc", "kind", "codecId", "packetsSent", "bytesSent", "localId", "remoteTimestamp"},
    "media-source": {"trackIdentifier", "kind"},
}
OF_KIND = {
    "video": {
        "inbound-rtp": {"framesDecoded", "framesPerSecond", "nackCount"},
        "outbound-rtp": {"framesSent", "framesPerSecond", "framesEncoded", "totalEncodeTime", "nackCount"},
        "media-source": {"width", "height", "framesPerSecond"},
    },
    "audio": {
        "inbound-rtp": {"totalSamplesDuration"},
        "media-source": {"totalAudioEnergy", "totalSamplesDuration"},
        "media-playout": {"totalSamplesDuration", "synthesizedSamplesDuration"},
    },
}


class Collector:
    transport_id = "T1"
    timestamp = 1000.0

    def wall_clock(self, moment):
        return None if moment is None else moment * 1000 + 500

    def transport(self):
        report = RTCStatsReport()
        report.add(RTCStats(self.timestamp, "transport", "T1"))
        report.add(RTCPeerConnectionStats(self.timestamp, "peer-connection", "P", 1, 0))
        return report


def filled(of, /, **known):
    """A snapshot in which every number that is not given is another one."""
    values = {member.name: index for index, member in enumerate(dataclasses.fields(of), 1)}
    return of(**{**values, **known})


def sender(codec):
    stream = filled(
        OutboundStatistics,
        kind=codec.kind,
        ssrc=11,
        mid="0",
        rid=None,
        codec=codec,
        remote=filled(RemoteInboundStatistics, received_at=2.0),
    )
    return SimpleNamespace(
        track=SimpleNamespace(id="track", kind=codec.kind),
        _core=SimpleNamespace(statistics=lambda: [stream]),
        _encoder=SimpleNamespace(
            statistics=lambda: (
                EncoderStatistics("libvpx", power_efficient_encoder=False, frames_encoded=7, frames_per_second=29.0),
            ),
            source_statistics=lambda: SourceStatistics(frames=9, frames_per_second=30.0, width=4, height=3),
        ),
    )


def receiver(codec, *ssrcs, decoder=True, decoded=None):
    streams = [
        filled(
            InboundStatistics,
            kind=codec.kind,
            ssrc=ssrc,
            mid="0",
            rid=None,
            codec=codec,
            remote=filled(RemoteOutboundStatistics, received_at=2.0, remote_timestamp=3.0),
        )
        for ssrc in ssrcs or (22,)
    ]
    known = DecoderStatistics(
        "vp8", power_efficient_decoder=False, frames_decoded=7, frames_per_second=28.0, total_samples_received=48000
    )
    return SimpleNamespace(
        track=SimpleNamespace(id="theirs"),
        _core=SimpleNamespace(statistics=lambda: streams),
        _decoder=SimpleNamespace(statistics=lambda: known) if decoder else None,
        _layers=SimpleNamespace(ssrc=decoded),
    )


@pytest.mark.parametrize("codec", [VP8, OPUS], ids=["video", "audio"])
def test_every_type_has_its_mandatory_members(codec):
    stats = MediaStats(Collector())
    assert stats.add_sender(sender(codec)) == ["O11"]
    assert stats.add_receiver(receiver(codec)) == ["I22"]
    for kind, members in [*MANDATORY.items(), *OF_KIND[codec.kind].items()]:
        entries = [entry.toJSON() for entry in stats.report.values() if entry.type == kind]
        assert entries, kind
        for entry in entries:
            assert members <= set(entry), (kind, members - set(entry))
    references = {
        value
        for entry in stats.report.values()
        for name, value in entry.toJSON().items()
        if name.endswith("Id") and isinstance(value, str)
    }
    assert references <= set(stats.report)
    assert stats.report["RI11"].timestamp == 2500.0


def test_what_no_decoder_knows_is_absent():
    stats = MediaStats(Collector())
    stats.add_receiver(receiver(VP8, decoder=False))
    assert stats.report["I22"].framesDecoded is None
    assert stats.report["I22"].framesReceived is not None


def test_of_several_layers_the_one_that_is_decoded_has_the_decoders_counters():
    stats = MediaStats(Collector())
    assert stats.add_receiver(receiver(VP8, 1, 2, decoded=2)) == ["I1", "I2"]
    assert stats.report["I1"].framesDecoded is None
    assert stats.report["I2"].framesDecoded == 7


def test_a_sender_without_a_track_or_an_encoder():
    idle = sender(VP8)
    idle._encoder = SimpleNamespace(statistics=tuple, source_statistics=lambda: None)
    stats = MediaStats(Collector())
    stats.add_sender(idle)
    assert stats.report["Strack"].width is None
    assert stats.report["O11"].framesEncoded is None
    idle.track = None
    stats = MediaStats(Collector())
    stats.add_sender(idle)
    assert stats.report["O11"].mediaSourceId is None


def test_a_selection_follows_references():
    stats = MediaStats(Collector())
    roots = stats.add_sender(sender(VP8))
    stats.add_receiver(receiver(VP8))
    chosen = selected(stats.report, roots)
    assert set(chosen) == {"O11", "RI11", "Strack", "CO0_96", "T1"}
    assert selected(stats.report, ["unknown"]) == {}
