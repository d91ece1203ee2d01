"""A peer played by hand: it says exactly what a test wants, right or wrong."""

import random

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice import Agent, IceParameters, IceSettings
from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage, short_term_key
from tests.unit.ice.network import host

LOCAL = TransportAddress("192.0.2.1", 5000)
REMOTE = TransportAddress("192.0.2.2", 5000)
OTHER = TransportAddress("192.0.2.3", 5000)
PARAMETERS = IceParameters("peer", "the password of the peer")


class Peer:
    def __init__(
        self, *, is_controlling: bool = True, settings: IceSettings | None = None, introduced: bool = True
    ) -> None:
        self.now = 100.0
        self.random = random.Random(1)
        self.agent = Agent(settings or IceSettings(), is_controlling=not is_controlling, entropy=self.random.randbytes)
        self.is_controlling = is_controlling
        self.agent.add_local_candidate(host(LOCAL.host))
        if introduced:
            self.agent.set_remote_parameters(PARAMETERS)

    def request(self, **changes) -> StunMessage:
        request = StunMessage.request(changes.get("method", Method.BINDING), self.random.randbytes)
        ufrag = changes.get("ufrag", self.agent.local_parameters.username_fragment)
        if ufrag is not None:
            request.add_text(AttributeType.USERNAME, f"{ufrag}:{changes.get('own', PARAMETERS.username_fragment)}")
        if changes.get("priority", 1) is not None:
            request.add_uint32(AttributeType.PRIORITY, changes.get("priority", 0x6E0001FF))
        role = AttributeType.ICE_CONTROLLING if self.is_controlling else AttributeType.ICE_CONTROLLED
        request.add_uint64(role, changes.get("tie_breaker", 1))
        if changes.get("nominate"):
            request.add(AttributeType.USE_CANDIDATE)
        return request

    def send(
        self, message: StunMessage | bytes, source: TransportAddress = REMOTE, key: str | None = "", to=LOCAL
    ) -> None:
        if isinstance(message, StunMessage):
            password = self.agent.local_parameters.password if key == "" else key
            message = message.serialize(None if password is None else short_term_key(password), fingerprint=True)
        self.agent.receive(Datagrams(to, source, [message]), self.now)

    def pull(self) -> list[tuple[TransportAddress, StunMessage]]:
        """What the agent sends now."""
        return [
            (packet.remote, StunMessage.parse(payload))
            for packet in self.agent.packets_to_send(self.now)
            for payload in packet.payloads
        ]

    def ask(self, source: TransportAddress = REMOTE, key: str | None = "", **changes) -> StunMessage:
        """Send a request and take the answer."""
        request = self.request(**changes)
        self.send(request, source, key)
        for remote, message in self.pull():
            if message.transaction_id == request.transaction_id:
                assert remote == source
                return message
        raise AssertionError("no answer")

    def answer(self, request: StunMessage, to: TransportAddress = REMOTE, *, mapped=LOCAL, source=None, key="") -> None:
        """Answer a check of the agent that went to that address."""
        response = request.success_response()
        response.add_address(AttributeType.XOR_MAPPED_ADDRESS, mapped)
        data = response.serialize(short_term_key(key or PARAMETERS.password), fingerprint=True)
        self.agent.receive(Datagrams(LOCAL, source or to, [data]), self.now)

    def answer_all(self) -> int:
        count = 0
        for remote, message in self.pull():
            if message.message_class is MessageClass.REQUEST:
                self.answer(message, remote)
                count += 1
        return count

    def validate(self, *sources: TransportAddress) -> None:
        """Let pairs with these addresses become valid, without a nomination."""
        for source in sources:
            self.send(self.request(), source)
            self.answer_all()
            assert self.pair(source).is_valid

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.agent.handle_timeout(self.now)

    def pair(self, remote: TransportAddress = REMOTE):
        return self.agent.pair(LOCAL, remote)
