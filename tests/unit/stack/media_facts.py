"""Facts about media as a test wants them; what is not said is as in a call that is well."""

from dataclasses import fields, replace

from rtcpeer.rtp.bandwidth.estimator import BandwidthStatistics
from rtcpeer.rtp.router import RouterStatistics
from rtcpeer.rtp.statistics import InboundStatistics, OutboundStatistics, RemoteInboundStatistics
from rtcpeer.sdp.transport import Direction
from rtcpeer.srtp.session import SrtpStatistics
from rtcpeer.stack.media import MediaStatistics
from rtcpeer.stack.media_facts import ReceivingFacts, SendingFacts, TransceiverFacts
from tests.unit.stack.facts import connected, dtls, facts

NOW = 100.0


def filled(of, /, **known):
    """A snapshot in which every number that is not given is 0."""
    return of(**{**{member.name: 0 for member in fields(of)}, **known})


REPORT = filled(RemoteInboundStatistics, received_at=NOW - 1)
OUTBOUND = filled(
    OutboundStatistics, is_active=True, packets_sent=1000, frames_sent=100, last_frame_at=NOW, remote=REPORT
)
INBOUND = filled(
    InboundStatistics, packets_received=1000, key_frames_received=1, frames_received=100, last_packet_received_at=NOW
)


def outbound(**changes):
    return replace(OUTBOUND, **changes)


def inbound(**changes):
    return replace(INBOUND, **changes)


def sending(*streams, **changes):
    return SendingFacts(**{"has_track": True, "frames": 100, "streams": streams or (OUTBOUND,), **changes})


def receiving(*streams, **changes):
    return ReceivingFacts(**{"is_read": True, "frames_decoded": 100, "streams": streams or (INBOUND,), **changes})


def transceiver(**changes):
    known = {
        "kind": "video",
        "mid": "0",
        "wanted": Direction.SENDRECV,
        "current": Direction.SENDRECV,
        "since": 0.0,
        "described": None,
        "sending": sending(),
        "receiving": receiving(),
    }
    return TransceiverFacts(**{**known, **changes})


def transport(srtp=None, routes=None, bandwidth=None):
    """What carries the media; each argument changes a part of it."""
    passed = filled(SrtpStatistics, rtp_unprotected=1000, rtcp_unprotected=100, not_protected={}, not_unprotected={})
    return filled(
        MediaStatistics,
        srtp=replace(passed, **(srtp or {})),
        routes=replace(filled(RouterStatistics), **(routes or {})),
        bandwidth=replace(filled(BandwidthStatistics, target_bitrate=300_000), **(bandwidth or {})),
    )


def in_call(media, **changes):
    """All facts of a connection that stands."""
    ice = connected()
    return facts(ice, **{"dtls": dtls(), "entered": {ice.state: 0.0}, "media": media, **changes})
