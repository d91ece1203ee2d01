"""Giving messages up and telling the peer (RFC 3758)."""

from rtcpeer.sctp.chunks import DATA, DATA_HEADER_SIZE, FLAG_END, FLAG_UNORDERED, pack_forward_tsn
from rtcpeer.sctp.outstanding import Outstanding
from rtcpeer.sctp.send_queue import LimitedMessage, SendQueue

__all__ = ["MAX_FORWARDED", "Abandonment"]

MAX_FORWARDED = 1024  # TSNs that one FORWARD-TSN covers; a peer that never follows would have us list them all again


class Abandonment:
    """The sender's limited messages whose attempts or time are spent, and the FORWARD-TSN that skips them."""

    def __init__(self, outstanding: Outstanding, queue: SendQueue) -> None:
        self.is_supported = False  # by the peer
        self.is_due = False  # a FORWARD-TSN goes with the next packets
        self.messages = 0  # given up in all
        self._outstanding = outstanding
        self._queue = queue
        self._forwarded = outstanding.base  # below: told to the peer by FORWARD-TSN

    def give_up(self, lost: list[int], now: float) -> None:
        """Of what has just been lost, abandon the messages that may not be retransmitted any more."""
        out = self._outstanding
        if not out.limited:
            return
        for sequence in lost:
            message = out.limited.get(sequence)
            if message is None or message.is_abandoned:
                continue
            attempts = out.attempts.get(sequence, 0)
            is_spent = message.max_retransmits is not None and attempts >= message.max_retransmits
            if is_spent or message.is_expired(now):
                self.abandon(message)

    def abandon(self, message: LimitedMessage) -> bool:
        """Give a message up that was sent at least in part; False when the peer would not understand it."""
        if not self.is_supported:
            return False
        out, queue = self._outstanding, self._queue
        message.is_abandoned = True
        self.messages += 1
        for sequence in message.sequences:
            out.abandon(sequence)
        rest = len(message.data) - message.offset
        if rest:
            # The peer has the beginning, perhaps acknowledged already: a TSN that stands for the end lets
            # FORWARD-TSN cover the message, or the next one would follow an unfinished one.
            flags = message.unordered | FLAG_END
            stream_id = message.stream.stream_id
            tsn = out.next & 0xFFFFFFFF
            placeholder = DATA.pack(0, flags, DATA_HEADER_SIZE, tsn, stream_id, message.ssn, message.ppid)
            sequence = out.append_abandoned(placeholder)
            out.limited[sequence] = message
            queue.account(message.stream, rest)
            queue.finish()
        return True

    def is_stillborn(self, message: LimitedMessage, now: float) -> bool:
        """Whether the message whose turn it is is given up before its end was sent; it has then left the queue."""
        if not message.is_expired(now):
            return False
        if message.offset:
            if not self.abandon(message):
                return False
            self.plan(is_repeated=False)
            return True
        # Nothing of it was sent, not even its sequence number was taken.
        self.messages += 1
        self._queue.account(message.stream, len(message.data))
        self._queue.finish()
        return True

    def plan(self, *, is_repeated: bool) -> None:
        """Decide on a FORWARD-TSN (section 3.5 C3): for news, and again while the peer does not follow."""
        if not self._outstanding.abandoned and not self.is_due:
            return
        until, base = self._until(), self._outstanding.base
        if until > base and (is_repeated or until > self._forwarded):
            self.is_due = True
        elif until == base:
            self.is_due = False

    def forward_tsn(self, room: int) -> bytes:
        """The FORWARD-TSN chunk for now, of at most ``room`` bytes."""
        out = self._outstanding
        self.is_due = False
        until = out.base
        skipped: dict[int, int] = {}
        limit = (room - 8) // 4
        for sequence in range(out.base, self._until()):
            _, flags, _, _, stream_id, ssn, _ = DATA.unpack_from(out.chunks[sequence - out.base])
            if not flags & FLAG_UNORDERED:
                if stream_id not in skipped and len(skipped) >= limit:
                    break  # the rest has its turn once the peer has followed so far
                skipped[stream_id] = ssn
            until = sequence + 1
        self._forwarded = max(self._forwarded, until)
        return pack_forward_tsn((until - 1) & 0xFFFFFFFF, list(skipped.items()))

    def _until(self) -> int:
        out = self._outstanding
        return min(out.abandoned_until(), out.base + MAX_FORWARDED)
