"""A STUN server with two addresses and two ports (RFC 5780 section 6), and servers that only say that they are one."""

from dataclasses import dataclass

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import MessageClass, Method, StunMessage
from tests.sim.link import IDEAL, LinkSettings
from tests.sim.network import Network

PORTS = (3478, 3479)


@dataclass(frozen=True, slots=True)
class StunBehaviour:
    """The default does all that RFC 5780 asks for."""

    other_address: TransportAddress | None = None  # instead of the true one
    has_other_address: bool = True
    is_silent: bool = False
    change_request: str = "done"  # or "ignored" (answers as without), "refused" (420), "dropped" (silence)
    mapped: TransportAddress | None = None  # instead of what it saw
    error: int | None = None  # instead of any answer


class StunServer:
    """Answers on both ports of both addresses; with one address it can only answer."""

    def __init__(
        self,
        network: Network,
        name: str,
        *addresses: str,
        behaviour: StunBehaviour = StunBehaviour(),
        up: LinkSettings = IDEAL,
    ) -> None:
        self.behaviour = behaviour
        self.addresses = addresses
        self.requests: list[tuple[TransportAddress, StunMessage]] = []
        host = network.host(name, *addresses, up=up)
        network.names[name] = list(addresses[:1])
        self._sockets = {
            TransportAddress(address, port): host.bind(address, port, self._received)
            for address in addresses
            for port in PORTS
        }

    @property
    def endpoint(self) -> TransportAddress:
        """The one that clients are told."""
        return TransportAddress(self.addresses[0], PORTS[0])

    def _received(self, packet: Datagrams) -> None:
        for payload in packet.payloads:
            request = StunMessage.parse(payload)
            if request.message_class is MessageClass.REQUEST and request.method == Method.BINDING:
                self.requests.append((packet.local, request))
                self._answer(request, packet.local, packet.remote)

    def _answer(self, request: StunMessage, local: TransportAddress, remote: TransportAddress) -> None:
        behaviour = self.behaviour
        change = request.uint32(AttributeType.CHANGE_REQUEST) or 0
        if behaviour.is_silent or (change and behaviour.change_request == "dropped"):
            return
        source, response = local, request.success_response()
        if behaviour.error is not None:
            response = request.error_response(behaviour.error)
        elif change and behaviour.change_request == "refused":
            response = request.error_response(420)
        else:
            if behaviour.change_request == "done":
                source = self._elsewhere(local, change)
            response.add_address(AttributeType.XOR_MAPPED_ADDRESS, behaviour.mapped or remote)
            response.add_address(AttributeType.RESPONSE_ORIGIN, source)
            if behaviour.has_other_address and len(self.addresses) > 1:
                other = behaviour.other_address or self._elsewhere(local, 0x06)
                response.add_address(AttributeType.OTHER_ADDRESS, other)
        self._sockets[source].send(remote, [response.serialize(fingerprint=True)])

    def _elsewhere(self, local: TransportAddress, change: int) -> TransportAddress:
        """Flags as in CHANGE-REQUEST: 0x04 the address, 0x02 the port."""
        host, port = local.host, local.port
        if change & 0x04:
            host = next(each for each in self.addresses if each != host)
        if change & 0x02:
            port = next(each for each in PORTS if each != port)
        return TransportAddress(host, port)
