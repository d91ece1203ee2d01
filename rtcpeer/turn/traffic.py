"""The data path through a relay: ChannelData where there is a channel, Send and Data indications where not."""

from struct import error as StructError  # noqa: N812 it is a class

from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.stun import AttributeType, Method, StunMessage
from rtcpeer.turn.events import PeerData
from rtcpeer.turn.framing import CHANNEL_HEADER, encode_channel_data
from rtcpeer.turn.peers import ChannelState, Peer, PeerTable, PermissionState, canonical
from rtcpeer.turn.settings import TurnSettings

__all__ = ["Traffic"]

_MAX_PAYLOAD = 65_535 - 8 - 20  # UDP and IPv4 headers


class Traffic:
    """Turns payloads into packets for the server and back. The hot path is `send` and `receive_channel_data`."""

    __slots__ = (
        "_channels",
        "_entropy",
        "_is_padded",
        "_numbers",
        "_peers",
        "_queued",
        "_run",
        "_run_peer",
        "_runs",
        "_settings",
        "_unsent",
        "channel_data_received",
        "channel_data_sent",
        "data_indications_received",
        "dropped_received",
        "dropped_unsent",
        "received_waiting",
        "send_indications_sent",
        "strange_packets",
    )

    def __init__(self, settings: TurnSettings, peers: PeerTable, entropy: Entropy, *, is_padded: bool) -> None:
        self.channel_data_sent = 0
        self.channel_data_received = 0
        self.send_indications_sent = 0
        self.data_indications_received = 0
        self.dropped_unsent = 0  # no permission, or more than may wait
        self.dropped_received = 0  # more than may wait for `take`
        self.strange_packets = 0  # over an unknown channel, or from a host that we did not permit
        self.received_waiting = 0
        self._settings = settings
        self._entropy = entropy
        self._peers = peers
        self._is_padded = is_padded
        self._numbers = peers.numbers
        self._channels = peers.channels
        self._queued = 0
        self._unsent: list[bytes] = []
        self._runs: list[PeerData] = []
        self._run: list[bytes] = []
        self._run_peer: TransportAddress | None = None

    def send(self, address: TransportAddress, payloads: list[bytes]) -> None:
        """Make packets of a run of datagrams for one peer."""
        if len(self._unsent) + len(payloads) > self._settings.max_unsent:
            self.dropped_unsent += len(payloads)
            return
        number = self._numbers.get(address)
        if number is None:
            self._send_without_channel(canonical(address), payloads)
            return
        if self._is_padded:
            self._unsent += [encode_channel_data(number, payload, is_padded=True) for payload in payloads]
        else:
            # What `encode_channel_data` does, without a call for each.
            pack = CHANNEL_HEADER.pack
            try:
                self._unsent += [pack(number, len(payload)) + payload for payload in payloads]
            except StructError:
                raise ValueError("a payload does not fit into one datagram") from None
        self.channel_data_sent += len(payloads)

    def packets_to_send(self) -> list[bytes]:
        """The packets made so far, and what waited for permissions that have come."""
        if self._peers.ready:
            ready, self._peers.ready = self._peers.ready, []
            for peer in ready:
                queue, peer.queue = peer.queue, []
                self.send(peer.address, queue)
        packets, self._unsent = self._unsent, []
        return packets

    def receive_channel_data(self, packet: bytes) -> None:
        """Take one ChannelData message, whose header is known to be there."""
        number, length = CHANNEL_HEADER.unpack_from(packet)
        peer = self._channels.get(number)
        # Section 12.6: what is shorter than it says is dropped, what is longer is padded.
        if peer is None or length > len(packet) - 4:
            self.strange_packets += 1
            return
        self.channel_data_received += 1
        self._received(peer, packet[4 : 4 + length])

    def receive_indication(self, message: StunMessage) -> None:
        """Take a Data indication (section 11.4); one without data, such as an ICMP report, is only counted."""
        payload = message.value(AttributeType.DATA)
        address = message.address(AttributeType.XOR_PEER_ADDRESS)
        known = (AttributeType.DATA, AttributeType.XOR_PEER_ADDRESS)
        if payload is None or address is None or message.unknown_required(known):
            self.strange_packets += 1
            return
        if not self._peers.permits(address.host):
            self.strange_packets += 1
            return
        self.data_indications_received += 1
        self._received(address, payload)

    def take(self) -> list[PeerData]:
        """What peers have sent since the last call, in order."""
        runs, self._runs = self._runs, []
        self._run_peer = None
        self.received_waiting = 0
        return runs

    def clear(self) -> None:
        """Forget what waits to be sent; what was received stays to be taken."""
        self._unsent.clear()

    def _received(self, peer: TransportAddress, payload: bytes) -> None:
        if self.received_waiting >= self._settings.max_received:
            self.dropped_received += 1
            return
        self.received_waiting += 1
        if peer is self._run_peer or peer == self._run_peer:
            self._run.append(payload)
        else:
            self._run_peer = peer
            self._run = [payload]
            self._runs.append(PeerData(peer, self._run))

    def _send_without_channel(self, address: TransportAddress, payloads: list[bytes]) -> None:
        if any(len(payload) > _MAX_PAYLOAD for payload in payloads):
            raise ValueError("a payload does not fit into one datagram")
        peer = self._peers.want(address)
        state = None if peer is None else peer.permission.state
        if peer is None or state is PermissionState.REFUSED:
            self.dropped_unsent += len(payloads)
        elif state is PermissionState.WANTED:
            self._queue(peer, payloads)
        elif address in self._numbers:
            self.send(address, payloads)
        else:
            self._send_indications(peer, payloads)

    def _queue(self, peer: Peer, payloads: list[bytes]) -> None:
        """Keep the first of what a peer is sent until its permission is there; datagrams may be lost."""
        room = max(0, self._settings.max_queued - len(peer.queue))
        peer.queue += payloads[:room]
        self.dropped_unsent += max(0, len(payloads) - room)

    def _send_indications(self, peer: Peer, payloads: list[bytes]) -> None:
        for payload in payloads:
            message = StunMessage.indication(Method.SEND, self._entropy)
            message.add_address(AttributeType.XOR_PEER_ADDRESS, peer.address)
            message.add(AttributeType.DATA, payload)
            self._unsent.append(message.serialize(fingerprint=self._settings.fingerprint))
        self.send_indications_sent += len(payloads)
        peer.indications_sent += len(payloads)
        # Only once unasked: a server that has refused will refuse again.
        if 0 < self._settings.bind_after <= peer.indications_sent and peer.state is ChannelState.NONE:
            self._peers.want_channel(peer)
