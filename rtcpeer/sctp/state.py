"""The states of an association (RFC 9260 section 4, figure 3)."""

from enum import Enum

__all__ = ["AssociationState"]


class AssociationState(Enum):
    """Where the association stands; `CLOSED` is both the beginning and the end."""

    CLOSED = "closed"
    COOKIE_WAIT = "cookie-wait"
    COOKIE_ECHOED = "cookie-echoed"
    ESTABLISHED = "established"
    SHUTDOWN_PENDING = "shutdown-pending"
    SHUTDOWN_SENT = "shutdown-sent"
    SHUTDOWN_RECEIVED = "shutdown-received"
    SHUTDOWN_ACK_SENT = "shutdown-ack-sent"

    # Enum's own is Python code, and a state is looked up in a set for every packet.
    __hash__ = object.__hash__
