"""What a TURN client has counted."""

from dataclasses import dataclass

from rtcpeer.turn.exchange import Exchange
from rtcpeer.turn.peers import PeerTable
from rtcpeer.turn.traffic import Traffic

__all__ = ["TurnStatistics"]


@dataclass(frozen=True, slots=True)
class TurnStatistics:
    """A snapshot; all counts are since the client was made."""

    requests_sent: int  # retransmissions included
    responses_received: int
    challenges_received: int  # 401 and 438
    redirects: int
    refreshes: int  # that succeeded
    channel_data_sent: int
    channel_data_received: int
    send_indications_sent: int
    data_indications_received: int
    dropped_unsent: int  # datagrams without a permission, or more than may wait
    dropped_received: int  # datagrams that the owner did not take in time
    malformed_packets: int
    strange_packets: int  # of unknown channels and hosts that were not permitted
    unsolicited_responses: int
    unverified_responses: int  # whose MESSAGE-INTEGRITY was wrong or missing

    @classmethod
    def of(
        cls,
        exchange: Exchange,
        traffic: Traffic,
        peers: PeerTable,
        *,
        redirects: int,
        refreshes: int,
        malformed_packets: int,
    ) -> "TurnStatistics":
        """The counters of a client's parts, as they stand."""
        return cls(
            requests_sent=exchange.requests_sent,
            responses_received=exchange.responses_received,
            challenges_received=exchange.challenges_received,
            redirects=redirects,
            refreshes=refreshes,
            channel_data_sent=traffic.channel_data_sent,
            channel_data_received=traffic.channel_data_received,
            send_indications_sent=traffic.send_indications_sent,
            data_indications_received=traffic.data_indications_received,
            dropped_unsent=traffic.dropped_unsent + peers.dropped_datagrams,
            dropped_received=traffic.dropped_received,
            malformed_packets=malformed_packets,
            strange_packets=traffic.strange_packets,
            unsolicited_responses=exchange.unsolicited_responses,
            unverified_responses=exchange.unverified_responses,
        )
