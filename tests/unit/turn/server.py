"""A small TURN server to test the client against: long-term credentials, allocations, permissions, channels.

It knows nothing of sockets: packets in, packets out, told the time. What it should do wrong is said by its settings.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from rtcpeer.core import TransportAddress
from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage, long_term_key, user_hash

REALM = "example.org"
SERVER = TransportAddress("203.0.113.1", 3478)
CLIENT = TransportAddress("198.51.100.7", 40000)


@dataclass
class Behaviour:
    """What a test may change while the server runs."""

    users: dict[str, str] = field(default_factory=lambda: {"ada": "lovelace"})
    lifetime: int = 600
    permission_lifetime: float = 300.0
    channel_lifetime: float = 600.0
    nonce_lifetime: float = 1e9
    errors: dict[int, tuple[int, str]] = field(default_factory=dict)  # by method: refuse, signed
    denied: set[str] = field(default_factory=set)  # hosts that get 403
    alternate: TransportAddress | None = None
    alternate_domain: str | None = None
    has_ipv6: bool = True
    is_strict_about_user: bool = True  # 441 for another user than the one who allocated
    nonce_cookie: bytes = b""  # security features
    algorithms: bytes | None = None
    algorithm: str = "md5"
    is_silent: bool = False


@dataclass
class Held:
    """One allocation."""

    user: str
    relayed: list[TransportAddress]
    expires_at: float
    permissions: dict[str, float] = field(default_factory=dict)
    channels: dict[int, tuple[TransportAddress, float]] = field(default_factory=dict)


class FakeServer:
    """Serves one 5-tuple per client address. ``to_peer`` takes what leaves a relayed address."""

    def __init__(self, behaviour: Behaviour | None = None, address: TransportAddress = SERVER) -> None:
        self.behaviour = behaviour or Behaviour()
        self.address = address
        self.allocations: dict[TransportAddress, Held] = {}
        self.requests: list[StunMessage] = []
        self.answers: dict[bytes, bytes] = {}  # by transaction id, for retransmissions
        self.to_peer: Callable[[TransportAddress, TransportAddress, bytes], object] = self._keep
        self.relayed: list[tuple[TransportAddress, TransportAddress, bytes]] = []
        self.on_allocate: Callable[[TransportAddress], object] = lambda _address: None
        self.nonces: dict[bytes, float] = {}
        self.padding_wanted = False  # over a stream
        self._ports = 50000

    def count(self, method: int) -> int:
        """How many different requests of that method came."""
        return len({each.transaction_id for each in self.requests if each.method == method})

    def receive(self, client: TransportAddress, packet: bytes, now: float) -> list[bytes]:
        """What the server answers to one packet."""
        held = self._held(client, now)
        if self.behaviour.is_silent:
            return []
        if 0x40 <= packet[0] <= 0x4F:
            number, length = int.from_bytes(packet[:2], "big"), int.from_bytes(packet[2:4], "big")
            assert not self.padding_wanted or len(packet) % 4 == 0
            if held is not None and number in held.channels and held.channels[number][1] > now:
                self._relay(held, held.channels[number][0], packet[4 : 4 + length], now)
            return []
        message = StunMessage.parse(packet)
        if message.message_class is MessageClass.INDICATION:
            peer = message.address(AttributeType.XOR_PEER_ADDRESS)
            data = message.value(AttributeType.DATA)
            if held is not None and message.method == Method.SEND and peer is not None and data is not None:
                self._relay(held, peer, data, now)
            return []
        self.requests.append(message)
        if message.transaction_id not in self.answers:
            self.answers[message.transaction_id] = self._answer(client, held, message, now)
        return [self.answers[message.transaction_id]]

    def peer_sends(self, client: TransportAddress, peer: TransportAddress, payload: bytes, now: float) -> list[bytes]:
        """What the server sends to its client when a peer sends to the relayed address."""
        held = self._held(client, now)
        if held is None or held.permissions.get(peer.host, 0.0) <= now:
            return []
        for number, (bound, until) in held.channels.items():
            if bound == peer and until > now:
                padding = bytes(-len(payload) % 4) if self.padding_wanted else b""
                return [number.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload + padding]
        return [data_indication(peer, payload)]

    def _held(self, client: TransportAddress, now: float) -> Held | None:
        held = self.allocations.get(client)
        if held is not None and held.expires_at <= now:
            del self.allocations[client]
            return None
        return held

    def _relay(self, held: Held, peer: TransportAddress, payload: bytes, now: float) -> None:
        if held.permissions.get(peer.host, 0.0) > now:
            source = next(each for each in held.relayed if (":" in each.host) == (":" in peer.host))
            self.to_peer(source, peer, payload)

    def _keep(self, relayed: TransportAddress, peer: TransportAddress, payload: bytes) -> None:
        self.relayed.append((relayed, peer, payload))

    def _answer(self, client: TransportAddress, held: Held | None, request: StunMessage, now: float) -> bytes:
        behaviour = self.behaviour
        key, refusal = self._authenticate(request, now)
        if refusal is not None:
            return refusal.serialize()
        assert key is not None
        user = self._user(request)
        if held is not None and behaviour.is_strict_about_user and held.user != user:
            return request.error_response(441).serialize()  # unsigned, as coturn's
        if request.method in behaviour.errors:
            return self._sign(request.error_response(*behaviour.errors[request.method]), key)
        match request.method:
            case Method.ALLOCATE:
                response = self._allocate(client, held, request, user, now)
            case _ if held is None:
                response = request.error_response(437)
            case Method.REFRESH:
                response = self._refresh(client, held, request, now)
            case Method.CREATE_PERMISSION:
                response = self._permit(held, request, now)
            case Method.CHANNEL_BIND:
                response = self._bind(held, request, now)
            case _:
                response = request.error_response(400)
        return self._sign(response, key)

    def _authenticate(self, request: StunMessage, now: float) -> tuple[bytes | None, StunMessage | None]:
        nonce = request.value(AttributeType.NONCE)
        if not request.has_integrity:
            return None, self._challenge(request, 401, now)
        user = self._user(request)
        if user not in self.behaviour.users:
            return None, self._challenge(request, 401, now)
        key = long_term_key(user, REALM, self.behaviour.users[user], self.behaviour.algorithm)
        if not request.verify_integrity(key):
            return None, self._challenge(request, 401, now)
        if nonce is None or self.nonces.get(nonce, 0.0) <= now:
            return None, self._challenge(request, 438, now)
        assert request.value(AttributeType.PASSWORD_ALGORITHMS) == self.behaviour.algorithms
        return key, None

    def _user(self, request: StunMessage) -> str:
        hashed = request.value(AttributeType.USERHASH)
        if hashed is not None:
            return next((user for user in self.behaviour.users if user_hash(user, REALM) == hashed), "")
        return request.text(AttributeType.USERNAME) or ""

    def _challenge(self, request: StunMessage, code: int, now: float) -> StunMessage:
        nonce = self.behaviour.nonce_cookie + b"nonce %d" % len(self.nonces)
        self.nonces[nonce] = now + self.behaviour.nonce_lifetime
        response = request.error_response(code)
        response.add_text(AttributeType.REALM, REALM)
        response.add(AttributeType.NONCE, nonce)
        if self.behaviour.algorithms is not None:
            response.add(AttributeType.PASSWORD_ALGORITHMS, self.behaviour.algorithms)
        return response

    def _sign(self, response: StunMessage, key: bytes) -> bytes:
        if self.behaviour.algorithms is not None:
            return response.serialize(sha256_key=key)
        return response.serialize(key)

    def _allocate(
        self, client: TransportAddress, held: Held | None, request: StunMessage, user: str, now: float
    ) -> StunMessage:
        if held is not None:
            return request.error_response(437)
        if self.behaviour.alternate is not None:
            response = request.error_response(300)
            response.add_address(AttributeType.ALTERNATE_SERVER, self.behaviour.alternate)
            if self.behaviour.alternate_domain is not None:
                response.add_text(AttributeType.ALTERNATE_DOMAIN, self.behaviour.alternate_domain)
            return response
        wants_ipv6 = AttributeType.REQUESTED_ADDRESS_FAMILY in request
        wants_both = AttributeType.ADDITIONAL_ADDRESS_FAMILY in request
        if wants_ipv6 and not self.behaviour.has_ipv6:
            return request.error_response(440)
        self._ports += 1
        ipv4, ipv6 = TransportAddress(self.address.host, self._ports), TransportAddress("2001:db8::1", self._ports)
        relayed = [ipv6] if wants_ipv6 else [ipv4, ipv6] if wants_both and self.behaviour.has_ipv6 else [ipv4]
        self.allocations[client] = Held(user, relayed, now + self.behaviour.lifetime)
        response = request.success_response()
        for address in relayed:
            response.add_address(AttributeType.XOR_RELAYED_ADDRESS, address)
            self.on_allocate(address)
        if wants_both and not self.behaviour.has_ipv6:
            response.add(AttributeType.ADDRESS_ERROR_CODE, bytes((2, 0, 4, 40)) + b"no IPv6")
        response.add_address(AttributeType.XOR_MAPPED_ADDRESS, client)
        response.add_uint32(AttributeType.LIFETIME, self.behaviour.lifetime)
        return response

    def _refresh(self, client: TransportAddress, held: Held, request: StunMessage, now: float) -> StunMessage:
        wanted = request.uint32(AttributeType.LIFETIME)
        granted = 0 if wanted == 0 else self.behaviour.lifetime
        held.expires_at = now + granted
        if not granted:
            del self.allocations[client]
        response = request.success_response()
        response.add_uint32(AttributeType.LIFETIME, granted)
        return response

    def _permit(self, held: Held, request: StunMessage, now: float) -> StunMessage:
        peers = [
            peer_address(request, attribute.value)
            for attribute in request.attributes
            if attribute.type == AttributeType.XOR_PEER_ADDRESS
        ]
        if any(peer.host in self.behaviour.denied for peer in peers):
            return request.error_response(403)
        for peer in peers:
            held.permissions[peer.host] = now + self.behaviour.permission_lifetime
        return request.success_response()

    def _bind(self, held: Held, request: StunMessage, now: float) -> StunMessage:
        peer = request.address(AttributeType.XOR_PEER_ADDRESS)
        number = int.from_bytes((request.value(AttributeType.CHANNEL_NUMBER) or b"\0\0")[:2], "big")
        taken = held.channels.get(number)
        if peer is None or not 0x4000 <= number <= 0x4FFF or (taken is not None and taken[0] != peer):
            return request.error_response(400)
        if peer.host in self.behaviour.denied:
            return request.error_response(403)
        held.channels[number] = (peer, now + self.behaviour.channel_lifetime)
        held.permissions[peer.host] = now + self.behaviour.permission_lifetime
        return request.success_response()


def peer_address(message: StunMessage, value: bytes) -> TransportAddress:
    """An XOR-PEER-ADDRESS of several in one message."""
    single = StunMessage(message.method, message.message_class, message.transaction_id)
    single.add(AttributeType.XOR_PEER_ADDRESS, value)
    address = single.address(AttributeType.XOR_PEER_ADDRESS)
    assert address is not None
    return address


def data_indication(peer: TransportAddress, payload: bytes) -> bytes:
    """What a server sends where there is no channel."""
    message = StunMessage(Method.DATA, MessageClass.INDICATION, bytes(12))
    message.add_address(AttributeType.XOR_PEER_ADDRESS, peer)
    message.add(AttributeType.DATA, payload)
    return message.serialize()
