"""Offer and answer (RFC 9429) as functions and one small state object; no transports, no sockets, no time.

`Negotiation` creates and takes in descriptions. `Wanted` with a `TransceiverWish` for each transceiver, and
`LocalTransport`, go in; `Applied` comes out of every description that is set, with the peer's `RemoteTransport`, our
roles, the fate of the data channels and `MediaFacts` for each transceiver that has a section.

- `signaling`: the state table. `facts`: the values. `need`: whether there is something to negotiate.
- `offer`, `answer`, `sections`: what we write. `apply`, `remote_sections`, `transports`: what we read. `candidates`:
  candidates in the text of a local description.
- Audio and video: `capabilities` and `codecs` (what we can do), `rtp_description` and `rtp_sections` (what a side says,
  as value and as text), `rtp_wishes` (what ours says), `codec_matching` and `numbers` (codecs, payload types, ids),
  `association` (whose section it is), `agreement` (what both sides come to).
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
    TransportFacts,
    Wanted,
)
from rtcpeer.jsep.negotiation import LocalTransports, Negotiation
from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.jsep.signaling import DescriptionType, Side, SignalingState

__all__ = [
    "Negotiation",
    "NegotiationSettings",
    "Wanted",
    "TransceiverWish",
    "LocalTransport",
    "LocalTransports",
    "RemoteTransport",
    "TransportFacts",
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
