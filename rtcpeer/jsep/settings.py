"""What this side says about itself in every description."""

from dataclasses import dataclass
from typing import Literal

from rtcpeer.jsep.capabilities import MediaCapabilities
from rtcpeer.jsep.codecs import DEFAULT_CAPABILITIES
from rtcpeer.sdp.transport import Setup

__all__ = ["BundlePolicy", "NegotiationSettings"]

BundlePolicy = Literal["balanced", "max-compat", "max-bundle"]


@dataclass(frozen=True, slots=True)
class NegotiationSettings:
    """Choices that the specifications leave to the implementation."""

    answer_setup: Setup = (
        Setup.ACTIVE
    )  # RFC 8842 section 5.3: an answerer SHOULD be active, so that DTLS begins at once
    sctp_port: int = 5000  # RFC 8841 section 5
    max_message_size: int = 262144  # RFC 8841 section 6: what we take; 0 for any
    capabilities: MediaCapabilities = DEFAULT_CAPABILITIES  # audio and video; limit it to what really works
    # W3C webrtc-pc section 4.2.5. With "max-bundle", all that is offered but the first section is bundled or rejected.
    # With "max-compat", each section is offered with a transport of its own.
    # Deviation: with "balanced" the sections are offered with one transport, as Chromium offers one set of credentials,
    # instead of one for each kind (RFC 9429 section 4.1.1); where the answer does not bundle, the others are made then.
    bundle_policy: BundlePolicy = "balanced"
    can_part_transports: bool = True  # False: what an answer takes out of the one transport of our offer is rejected
    max_transports: int = 32  # each has sockets; what a peer wants beyond them is rejected
    accepts_simulcast: bool = True  # False: of the streams that a peer offers, it shall send the first

    def __post_init__(self) -> None:
        if self.answer_setup not in {Setup.ACTIVE, Setup.PASSIVE}:
            raise ValueError("answer_setup is active or passive")
        if not 0 < self.sctp_port <= 65535:
            raise ValueError("sctp_port is a number from 1 to 65535")
        if self.max_transports < 1:
            raise ValueError("max_transports is at least 1")
        if self.max_message_size < 0:
            raise ValueError("max_message_size is not negative")
