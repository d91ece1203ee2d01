"""Configuration of an association (RFC 9260 section 16)."""

from dataclasses import dataclass

__all__ = ["SctpSettings"]

MAX_STREAMS = 65535


@dataclass(frozen=True, slots=True)
class SctpSettings:
    """Protocol constants: RFC 9260 section 16 where nothing else is said. Times in seconds, sizes in bytes."""

    local_port: int = 5000  # RFC 8841 section 5.2: what SDP announces as sctp-port
    remote_port: int = 5000
    # RFC 8261 section 5: no path MTU discovery here. With DTLS (37) and UDP over IPv6 (48) this stays within 1280.
    max_packet_size: int = 1192
    max_message_size: int = 262_144  # RFC 8841 section 6.1: what we accept, and may send until the peer's is known
    # Enough for 400 Mbit/s over a 40 ms round trip, and 1,800 packets: more only moves the queue into the network.
    receive_window: int = 2 << 20
    outbound_streams: int = MAX_STREAMS  # RFC 8831 section 6.2
    inbound_streams: int = MAX_STREAMS
    rto_initial: float = 1.0
    rto_min: float = 0.25  # Deviation: 1 s stalls a browser's data channel for that long after one loss
    rto_max: float = 10.0  # Deviation: 60 s hides a path that has come back for up to a minute
    sack_delay: float = 0.02  # section 6.2: never above 500 ms
    # Deviation: section 16 gives up after 10 and 8. In WebRTC ICE's consent decides whether the peer lives, and at 30 %
    # loss ten in a row are too likely; 20 outlast the 30 s of consent.
    max_retransmits: int = 20  # Association.Max.Retrans, section 8.1
    max_init_retransmits: int = 20  # Max.Init.Retransmits, section 5.1.2
    cookie_lifetime: float = 60.0  # Valid.Cookie.Life, section 5.1.3
    heartbeat_interval: float = 30.0  # HB.interval, section 8.3; 0 turns heartbeats off
    initial_window_packets: int = 10  # Deviation: section 7.2.1 allows 4,380 bytes; RFC 6928 made ten packets usual
    max_burst_packets: int = 128  # Deviation: section 6.1's Max.Burst of 4 throttles a sender that is told once a batch

    def __post_init__(self) -> None:
        for name in ("local_port", "remote_port", "outbound_streams", "inbound_streams"):
            _require(name, 1 <= getattr(self, name) <= 0xFFFF, "must be within 1 and 65535")
        is_size = 512 <= self.max_packet_size <= 65_000 and not self.max_packet_size % 4
        _require("max_packet_size", is_size, "must be a multiple of 4 within 512 and 65000")
        _require("max_message_size", self.max_message_size >= 0, "must not be negative (0 means unlimited)")
        # Section 3.3.2 wants at least 1500.
        is_window = 1500 <= self.receive_window <= 0x7FFFFFFF
        _require("receive_window", is_window, "must be within 1500 and 2147483647")
        _require("rto_min", 0 < self.rto_min <= self.rto_initial, "must be positive and at most rto_initial")
        _require("rto_max", self.rto_initial <= self.rto_max, "must be at least rto_initial")
        _require("sack_delay", 0 <= self.sack_delay <= 0.5, "must be within 0 and 0.5 s")
        for name in ("cookie_lifetime", "initial_window_packets", "max_burst_packets"):
            _require(name, getattr(self, name) > 0, "must be positive")
        for name in ("max_retransmits", "max_init_retransmits", "heartbeat_interval"):
            _require(name, getattr(self, name) >= 0, "must not be negative")


def _require(name: str, condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"{name} {message}")
