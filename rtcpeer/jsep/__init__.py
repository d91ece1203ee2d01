"""Offer and answer (RFC 9429) as functions and one small state object; no transports, no sockets, no time.

`Negotiation` creates and takes in descriptions. `LocalTransport` goes in; `Applied` comes out of every description
that is set, with the peer's `RemoteTransport`, our roles and the fate of the data channels.

- `signaling`: the state table. `facts`: the values. `offer`, `answer`, `sections`: what we write.
  `apply`, `transports`: what we read. `candidates`: candidates in the text of a local description.
"""

from rtcpeer.jsep.capabilities import CodecCapability, ExtensionCapability, MediaCapabilities
from rtcpeer.jsep.codecs import DEFAULT_CAPABILITIES
from rtcpeer.jsep.facts import (
    Applied,
    DataChannelFacts,
    Description,
    LocalTransport,
    MediaFacts,
    RemoteTransport,
    Section,
    Session,
    TransceiverWish,
    Wanted,
)
from rtcpeer.jsep.negotiation import Negotiation
from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.jsep.signaling import DescriptionType, Side, SignalingState

__all__ = [
    "Negotiation",
    "NegotiationSettings",
    "Wanted",
    "TransceiverWish",
    "LocalTransport",
    "RemoteTransport",
    "Applied",
    "DataChannelFacts",
    "MediaFacts",
    "Description",
    "Section",
    "Session",
    "DescriptionType",
    "Side",
    "SignalingState",
    "CodecCapability",
    "ExtensionCapability",
    "MediaCapabilities",
    "DEFAULT_CAPABILITIES",
    "RtpDescription",
]
