"""The facts of one peer connection, from which `rtcpeer.stack.explanation` says why it is where it is."""

from dataclasses import replace
from typing import TYPE_CHECKING

from rtcpeer.api.states import RTCPeerConnectionState
from rtcpeer.api.transports import Transports
from rtcpeer.jsep.negotiation import Negotiation
from rtcpeer.jsep.signaling import SignalingState
from rtcpeer.stack.explanation import Explanation, explain
from rtcpeer.stack.facts import DtlsFacts, Facts, SctpFacts, SignalingFacts

if TYPE_CHECKING:  # who has media has imported it
    from rtcpeer.api.transceivers import Transceivers

__all__ = ["connection_facts", "explain_connection"]


def explain_connection(
    transports: Transports, negotiation: Negotiation, media: "Transceivers | None", state: RTCPeerConnectionState
) -> Explanation:
    """The explanation of all layers together."""
    return explain(connection_facts(transports, negotiation, media), state)


def connection_facts(transports: Transports, negotiation: Negotiation, media: "Transceivers | None" = None) -> Facts:
    """What the ICE agent knows, with what the descriptions and the layers above it add.

    Of several transports, the one that decides over the connection's state.
    """
    transport = transports.decisive
    bundle = transport.dtls._bundle  # noqa: SLF001
    association = transports.sctp.transport._bundle.channels.association  # noqa: SLF001
    agent = transport.agent
    return replace(
        agent.facts.snapshot(agent.servers, agent.settings),
        signaling=_signaling_facts(transports, negotiation),
        dtls=DtlsFacts(
            state=bundle.dtls.state,
            role=bundle.dtls.role,
            end=bundle.dtls_end,
            flight_retransmissions=bundle.dtls.statistics().flight_retransmissions,
        ),
        sctp=SctpFacts(is_wanted=transports.is_sctp_negotiated, state=association.state, end=association.ended_by),
        media=None if media is None else media.facts(negotiation),
    )


def _signaling_facts(transports: Transports, negotiation: Negotiation) -> SignalingFacts:
    remote = transports.first.remote
    return SignalingFacts(
        state=negotiation.state.value,
        has_local_description=negotiation.local_description() is not None,
        has_remote_description=negotiation.remote_description() is not None,
        has_transport=remote is not None or negotiation.state is not SignalingState.STABLE,
        can_trickle=None if remote is None else "trickle" in remote.options,
        is_data_channel_refused=transports.sctp._refusal is not None,  # noqa: SLF001
    )
