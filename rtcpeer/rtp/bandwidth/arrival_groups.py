"""Groups of packets and how their delay varies (draft-ietf-rmcat-gcc-02 sections 5.1 and 5.2)."""

from typing import NamedTuple

from rtcpeer.rtp.bandwidth.feedback import PacketResult
from rtcpeer.rtp.bandwidth.settings import BandwidthSettings

__all__ = ["ArrivalGroups", "GroupVariation"]

# The peer's clock jumped, or it was suspended: what came before says nothing about what follows.
MAX_GAP = 3.0


class GroupVariation(NamedTuple):
    """One group against the one before it."""

    departure_delta: float  # T(i) - T(i-1)
    arrival_delta: float  # t(i) - t(i-1)

    @property
    def delay_variation(self) -> float:
        """d(i): positive where the group was delayed more than the one before."""
        return self.arrival_delta - self.departure_delta


class _Group:
    __slots__ = ("first_arrived_at", "first_sent_at", "last_arrived_at", "last_sent_at")

    def __init__(self, sent_at: float, arrived_at: float) -> None:
        self.first_sent_at = self.last_sent_at = sent_at
        self.first_arrived_at = self.last_arrived_at = arrived_at


class ArrivalGroups:
    """Takes packets as they were sent; a group is complete when a packet of the next one is there."""

    def __init__(self, settings: BandwidthSettings) -> None:
        self._settings = settings
        self._current: _Group | None = None
        self._previous: _Group | None = None

    def add(self, packet: PacketResult) -> GroupVariation | None:
        """The variation of the group that this packet completes, if it does and there was one before."""
        sent_at, arrived_at = packet.sent_at, packet.arrived_at
        if arrived_at is None:
            return None
        group = self._current
        if group is None or abs(arrived_at - group.last_arrived_at) > MAX_GAP + max(0.0, sent_at - group.last_sent_at):
            self._current, self._previous = _Group(sent_at, arrived_at), None
            return None
        if sent_at < group.first_sent_at or arrived_at < group.first_arrived_at:
            return None  # section 5.1: packets that arrive out of order are left out
        if self._belongs(group, sent_at, arrived_at):
            group.last_sent_at = max(group.last_sent_at, sent_at)
            group.last_arrived_at = max(group.last_arrived_at, arrived_at)
            return None
        previous, self._previous, self._current = self._previous, group, _Group(sent_at, arrived_at)
        if previous is None:
            return None
        return GroupVariation(
            group.last_sent_at - previous.last_sent_at,
            group.last_arrived_at - previous.last_arrived_at,
        )

    def _belongs(self, group: _Group, sent_at: float, arrived_at: float) -> bool:
        settings = self._settings
        if sent_at - group.first_sent_at <= settings.burst_time:
            return True
        # What a router held back and let go at once is one group, for reasons that are not congestion.
        waited = arrived_at - group.last_arrived_at
        return (
            waited <= settings.burst_time
            and waited < sent_at - group.last_sent_at
            and arrived_at - group.first_arrived_at < settings.max_burst_duration
        )
