"""When an offer is to restart ICE (W3C webrtc-pc section 4.4.2, RFC 9429 sections 4.1.18 and 5.2.2)."""

from rtcpeer.jsep.facts import Session
from rtcpeer.jsep.negotiation import Negotiation

__all__ = ["RestartRequests"]


class RestartRequests:
    """Remembers what asked for a restart until credentials have been replaced."""

    def __init__(self) -> None:
        # The W3C's [[LocalIceCredentialsToReplace]].
        self._to_replace: set[tuple[str, str]] = set()
        self._is_configuration_new = False

    def request(self, negotiation: Negotiation) -> None:
        """``restartIce()``: all credentials that our descriptions have now are to be replaced."""
        self._to_replace = _credentials(negotiation.settled) | _credentials(negotiation.session)

    def configuration_changed(self, negotiation: Negotiation) -> None:
        """Other servers, or another policy: the next offer gathers anew (RFC 9429 section 5.2.2)."""
        self._is_configuration_new = negotiation.local_description() is not None

    def offer_set(self) -> None:
        """An offer of ours has taken the configuration into account."""
        self._is_configuration_new = False

    def settle(self, negotiation: Negotiation) -> None:
        """An exchange is over, one way or the other: forget what was asked for if it has happened."""
        if self._to_replace.isdisjoint(_credentials(negotiation.settled)):
            self._to_replace.clear()

    @property
    def is_wanted(self) -> bool:
        """Whether the application asked for a restart that has not come about: negotiation is needed."""
        return bool(self._to_replace)

    @property
    def is_due(self) -> bool:
        """Whether the next offer is to restart ICE."""
        return self.is_wanted or self._is_configuration_new


def _credentials(session: Session) -> set[tuple[str, str]]:
    found = (transport.local_credentials for transport in session.transports)
    return {credentials for credentials in found if credentials is not None}
