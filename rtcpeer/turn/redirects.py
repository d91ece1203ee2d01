"""Redirection to another server (RFC 8489 section 10), with an end to it."""

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import AttributeType, StunMessage
from rtcpeer.turn.allocation import is_usable
from rtcpeer.turn.tasks import is_ipv6

__all__ = ["Redirects"]


class Redirects:
    """Where a client was sent to; nowhere twice, and not for ever."""

    __slots__ = ("_limit", "_visited", "count")

    def __init__(self, server: TransportAddress, limit: int) -> None:
        self.count = 0
        self._limit = limit
        self._visited = [server]

    def follow(self, response: StunMessage) -> tuple[TransportAddress, str | None]:
        """The server that a 300 names, and the domain of its certificate.

        Raises:
            MalformedPacketError: it names none that may be asked; the message says why.
        """
        current = self._visited[-1]
        server = response.address(AttributeType.ALTERNATE_SERVER)
        if server is None:
            raise MalformedPacketError("no ALTERNATE-SERVER")
        # Section 10: over the transport that was used before.
        server = server._replace(protocol=current.protocol)
        # Deviation: section 10 forgets after five minutes where it has been; one client does not live to see that.
        if server in self._visited:
            raise MalformedPacketError(f"back to {server}")
        if self.count >= self._limit:
            raise MalformedPacketError(f"on to {server} after {self.count} redirections")
        if is_ipv6(server.host) != is_ipv6(current.host) or not is_usable(server):
            raise MalformedPacketError(f"to {server}, which can not be reached from here")
        domain = response.text(AttributeType.ALTERNATE_DOMAIN)
        self.count += 1
        self._visited.append(server)
        return server, domain
