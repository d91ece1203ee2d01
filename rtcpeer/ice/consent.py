"""Whether the path in use is alive: keepalive (RFC 8445 section 11) and consent (RFC 7675)."""

import math

from rtcpeer.core import Entropy, earliest
from rtcpeer.ice.pair import CandidatePair
from rtcpeer.ice.settings import IceSettings

__all__ = ["PathMonitor"]

# A path that has not answered is asked that much more often: a lossy one proves itself in time, and at 30 % loss each
# way fifteen unanswered checks in a row are no rarity in a long call.
DOUBTFUL_PACE = 0.25
# How many times the last round trip an answer may take before the path has not answered.
_ROUND_TRIPS = 2.0
# How much longer than usual the side that asked last waits for the other to take its turn.
_TURN_PACE = 1.2
# Agents that share a clock share these moments, so that an event loop with many of them wakes up once for several.
_MOMENTS_PER_SECOND = 20


class PathMonitor:
    """Watches the pair that data uses; the times of the last signs of life stand on the pair itself."""

    def __init__(self, settings: IceSettings, entropy: Entropy) -> None:
        self._settings = settings
        self._entropy = entropy
        self._pair: CandidatePair | None = None
        self._checked_at = 0.0
        self._is_asked = False  # since we turned to it
        self._is_peers_turn = False
        self._keepalive_pause = 0.0
        self._consent_pause = 0.0
        self.is_passive = False  # the peer alone keeps the path alive

    def watch(self, pair: CandidatePair | None, now: float) -> None:
        """Turn to another pair, or to none."""
        if pair is self._pair:
            return
        self._pair = pair
        self._is_asked = self._is_peers_turn = False
        self._rest(now)

    def check_due(self, now: float) -> CandidatePair | None:
        """The pair to send a keepalive on, which proves consent as well; more often where the last one was in vain."""
        if self._pair is None or self.is_passive or now < self._check_due_at(self._pair):
            return None
        self._is_asked = not self._settings.lite  # whose keepalives are indications
        self._is_peers_turn = (self._pair.last_request_at or 0.0) > self._checked_at
        self._rest(now)
        return self._pair

    def is_silent(self, now: float) -> bool:
        """Whether nothing at all has come for so long that the path counts as disconnected."""
        silent_at = self._silent_at()
        return silent_at is not None and now >= silent_at

    def is_doubtful(self, now: float) -> bool:
        """Whether the path may be dead: it is silent, or half of the time in which consent runs out has passed."""
        expires_at = self._consent_expires_at()
        doubted_at = None if expires_at is None else expires_at - self._settings.consent_timeout / 2
        return self.is_silent(now) or (doubted_at is not None and now >= doubted_at)

    def has_consent(self, now: float) -> bool:
        """Whether the peer has agreed to be sent to; who is lite can not ask, and takes its checks for that."""
        if self._settings.lite:
            return self._pair is not None
        expires_at = self._consent_expires_at()
        return expires_at is not None and now < expires_at

    def is_dead(self, now: float) -> bool:
        """Whether the path has been silent for so long that it counts as failed."""
        dead_at = self._dead_at()
        return dead_at is not None and now >= dead_at

    def forgive(self, seconds: float, now: float) -> None:
        """We did not run for so long: what the peer sent meanwhile could not be seen."""
        pair = self._pair
        if pair is None:
            return
        if pair.last_received_at is not None:
            pair.last_received_at = min(now, pair.last_received_at + seconds)
        if pair.last_response_at is not None:
            pair.last_response_at = min(now, pair.last_response_at + seconds)

    def next_timeout(self, now_silent: bool) -> float | None:
        """The next moment at which one of the answers above may change, or a check is due."""
        if self._pair is None:
            return None
        # What has happened is no deadline any more.
        silent_at = self._dead_at() if now_silent else self._silent_at()
        check_at = None if self.is_passive else self._check_due_at(self._pair)
        return earliest(check_at, silent_at, self._consent_expires_at())

    def _silent_at(self) -> float | None:
        settings = self._settings
        timeout = settings.lite_disconnected_timeout if settings.lite else settings.disconnected_timeout
        if self._pair is None or self._pair.last_received_at is None or not timeout:
            return None
        return self._pair.last_received_at + timeout

    def _dead_at(self) -> float | None:
        silent_at = self._silent_at()
        return (
            None
            if silent_at is None or not self._settings.failed_timeout
            else silent_at + self._settings.failed_timeout
        )

    def _consent_expires_at(self) -> float | None:
        if self._pair is None or self._pair.last_response_at is None:
            return None
        return self._pair.last_response_at + self._settings.consent_timeout

    def _check_due_at(self, pair: CandidatePair) -> float:
        return math.ceil(self._pause_ends_at(pair) * _MOMENTS_PER_SECOND) / _MOMENTS_PER_SECOND

    def _pause_ends_at(self, pair: CandidatePair) -> float:
        checked_at, pause = self._checked_at, self._keepalive_pause
        if self._is_asked and (pair.last_response_at is None or pair.last_response_at < checked_at):
            round_trips = _ROUND_TRIPS * (pair.current_round_trip_time or 0.0)
            return checked_at + min(pause, max(pause * DOUBTFUL_PACE, round_trips))
        # A check of the peer's and our answer keep the path open as a check of ours and its answer would. The sides
        # take turns, because each has to ask for consent itself.
        asked_at = pair.last_request_at
        if asked_at is not None and asked_at > checked_at:
            due = asked_at + pause
        else:
            due = checked_at + pause * (_TURN_PACE if self._is_peers_turn else 1)
        answered_at = pair.last_response_at
        return due if answered_at is None else min(due, answered_at + self._consent_pause)

    def _rest(self, now: float) -> None:
        # RFC 7675 section 5.1: varied, so that many agents do not fall into step.
        chance = self._entropy(1)[0] / 255
        settings = self._settings
        self._checked_at = now
        self._consent_pause = settings.consent_interval * (0.8 + 0.4 * chance)
        keepalive_pause = settings.keepalive_interval * (1.0 + 0.2 * chance)
        self._keepalive_pause = min(keepalive_pause or self._consent_pause, self._consent_pause)
