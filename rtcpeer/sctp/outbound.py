"""From what an association has to say to packets (RFC 9260 sections 5.1, 6.1 and 6.10)."""

from rtcpeer.sctp.chunks import ChunkType
from rtcpeer.sctp.endpoint import Endpoint
from rtcpeer.sctp.events import StreamResetFailed
from rtcpeer.sctp.link import Link
from rtcpeer.sctp.state import AssociationState

__all__ = ["Outbound"]


class Outbound:
    """Builds packets when they are pulled."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def packets(self, now: float) -> list[bytes]:
        """At most a burst of packets, and the few that answer under other tags."""
        endpoint = self._endpoint
        packets, endpoint.ready = endpoint.ready, []
        endpoint.has_more = False
        state, link = endpoint.state, endpoint.link
        if state is AssociationState.COOKIE_WAIT:
            if endpoint.opening.is_due:
                packets.append(endpoint.envelope_to_peer(0).seal(endpoint.opening.init_chunk()))
                endpoint.opening.mark_sent(now)
        elif link is not None and not endpoint.is_ended:
            if state is AssociationState.COOKIE_ECHOED:
                self._add_cookie(link, packets, now)
            else:
                self._add_all(link, packets, now)
        if packets:
            endpoint.packets_sent += len(packets)
            endpoint.bytes_sent += sum(map(len, packets))
        return packets

    def _add_cookie(self, link: Link, packets: list[bytes], now: float) -> None:
        """COOKIE ECHO with one packet's worth of data; nothing more may go before its answer (section 5.1 C)."""
        opening = self._endpoint.opening
        if not opening.is_due:
            return
        if link.sender.outstanding:
            link.sender.restart_timer(now)
        head = opening.cookie_echo + self._control_within(self._endpoint.room - len(opening.cookie_echo))
        head = link.sender.fill(packets, head, link.envelope.seal, now, len(packets) + 1)
        if head:
            packets.append(link.envelope.seal(head))
        link.sender.timer.stop()
        opening.mark_sent(now)

    def _add_all(self, link: Link, packets: list[bytes], now: float) -> None:
        """Everything that an association which is up has to say."""
        endpoint = self._endpoint
        if endpoint.queue.drained:
            self._start_resets(link)
        if endpoint.state is not AssociationState.ESTABLISHED:
            link.settle_sack()
            endpoint.state = endpoint.shutdown.next_state(endpoint.state, has_work=link.sender.has_work)
        head = b""
        receiver, sender = link.receiver, link.sender
        is_ready = sender.is_ready()
        if link.late_sack is not None:
            # What may go without it goes first; the next poll or pull takes it.
            if is_ready and not link.is_sack_passed:
                link.is_sack_passed = True
            else:
                link.settle_sack()
                is_ready = sender.is_ready()
        if receiver.is_sack_due or (is_ready and receiver.has_news):
            head = receiver.sack(endpoint.room)
        if endpoint.control or link.resets.is_due or link.heartbeat.is_due or endpoint.shutdown.is_due:
            head = self._add_control(link, packets, head, now)
        if is_ready:
            head = sender.fill(packets, head, link.envelope.seal, now)
            endpoint.has_more = len(packets) >= endpoint.settings.max_burst_packets and sender.is_ready()
        if head:
            packets.append(link.envelope.seal(head))

    def _start_resets(self, link: Link) -> None:
        """Ask for the reset of streams that have sent their last message, once the request before is settled."""
        endpoint = self._endpoint
        drained = endpoint.queue.drained
        if endpoint.incoming_resets is None or link.resets.request is not None:
            return
        if not link.terms.capabilities.has_reconfiguration:
            failed = tuple(drained)
            drained.clear()
            endpoint.queue.resume(failed, is_reset=False)
            endpoint.emit(StreamResetFailed(failed, "the peer does not know stream reconfiguration"))
            return
        last_tsn = (link.sender.outstanding.next - 1) & 0xFFFFFFFF
        link.resets.ask(drained, last_tsn, endpoint.incoming_resets.last_number)

    def _add_control(self, link: Link, packets: list[bytes], head: bytes, now: float) -> bytes:
        """Append the control chunks that are due to a head, in further packets where one does not hold them."""
        endpoint = self._endpoint
        chunks, endpoint.control = endpoint.control, []
        # COOKIE ACK comes before everything else (section 5.1 D).
        if chunks and chunks[0][0] == ChunkType.COOKIE_ACK and head:
            chunks.insert(1, head)
            head = b""
        timeout = link.rto.timeout
        chunks.append(link.resets.chunk_due(now, timeout))
        chunks.append(link.heartbeat.chunk_due())
        chunks.append(endpoint.shutdown.chunk_due(endpoint.state, link.receiver.tracker.next - 1, now, timeout))
        for chunk in filter(None, chunks):
            if len(head) + len(chunk) > endpoint.room and head:
                packets.append(link.envelope.seal(head))
                head = b""
            head += chunk
        return head

    def _control_within(self, room: int) -> bytes:
        """The control chunks that fit into ``room`` bytes."""
        control = self._endpoint.control
        taken = b""
        while control and len(taken) + len(control[0]) <= room:
            taken += control.pop(0)
        return taken
