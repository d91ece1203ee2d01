"""The receiving half: DATA and FORWARD-TSN in, messages and SACKs out (RFC 9260 section 6.2)."""

from rtcpeer.sctp.chunks import DATA, DATA_HEADER_SIZE, FLAG_IMMEDIATE, ForwardTsn
from rtcpeer.sctp.events import SctpEvent
from rtcpeer.sctp.reassembly import OVERHEAD, Reassembly
from rtcpeer.sctp.receive_tracker import MAX_DISTANCE, ReceiveTracker
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.timer import Timer

__all__ = ["Receiver"]


class Receiver:
    """Takes what the peer sends and decides when to acknowledge it."""

    def __init__(self, settings: SctpSettings, initial_tsn: int, stream_count: int) -> None:
        self.tracker = ReceiveTracker(initial_tsn)
        self.reassembly = Reassembly()
        self.stream_count = stream_count
        self.sack_timer = Timer()
        self.has_news = False  # a SACK would say something that the last one did not
        self.is_sack_due = False  # even without data to carry it
        self.has_violation = False  # DATA without user data (section 3.3.1)
        self.is_exhausted = False  # an unfinished message outgrew the window
        self.invalid_streams: list[int] = []
        self.dropped = 0
        self._window = settings.receive_window
        # Half a window above what `_take_slowly` lets in out of order: only an unfinished message gets there.
        self._exhausted_above = settings.receive_window + settings.receive_window // 2
        self._sack_delay = settings.sack_delay
        self._advertised = settings.receive_window

    @property
    def window(self) -> int:
        """What the peer may still send: undelivered bytes count until they are polled."""
        return max(0, self._window - self.reassembly.held)

    def take_data(self, body: bytes, offset: int) -> int:
        """Take the run of DATA chunks at ``offset``; returns the offset behind it.

        The hot loop of the receiving side: the TSN expected next, with nothing missing, passes without a detour.
        """
        end = len(body)
        tracker = self.tracker
        reassembly = self.reassembly
        next_ssn = reassembly.next_ssn
        room = self._window - reassembly.held
        while offset + DATA_HEADER_SIZE <= end:
            kind, flags, length, tsn, stream_id, ssn, ppid = DATA.unpack_from(body, offset)
            stop = offset + length
            if kind or length <= DATA_HEADER_SIZE or stop > end:
                break
            payload = body[offset + DATA_HEADER_SIZE : stop]
            offset = (stop + 3) & ~3
            room -= length + OVERHEAD
            if tsn != tracker.next & 0xFFFFFFFF or tracker.gaps.starts or room < 0 or stream_id >= self.stream_count:
                self._take_slowly(flags, tsn, stream_id, ssn, ppid, payload)
            elif flags & 0x7 == 0x3 and reassembly.open is None and next_ssn.get(stream_id, 0) == ssn:
                # Ordered, unfragmented, in turn.
                tracker.next += 1
                reassembly.complete_next(stream_id, ssn, ppid, payload)
            else:
                reassembly.take_next(tracker.next, flags, stream_id, ssn, ppid, payload)
                tracker.next += 1
            if flags & FLAG_IMMEDIATE:
                self.is_sack_due = True
        return offset

    def note_packet(self, now: float) -> None:
        """A packet with DATA has been taken: section 6.2 wants a SACK for every second, or after a short while."""
        tracker = self.tracker
        if self.has_news or tracker.gaps.starts or tracker.duplicates:
            self.is_sack_due = True
        if self.sack_timer.deadline is None:
            self.sack_timer.deadline = now + self._sack_delay
        self.has_news = True
        reassembly = self.reassembly
        if reassembly.held > self._exhausted_above and reassembly.stuck > self._exhausted_above:
            self.is_exhausted = True

    def take_forward_tsn(self, chunk: ForwardTsn) -> None:
        """Stop waiting for what the peer gave up (RFC 3758 section 3.6)."""
        sequence = self.tracker.unwrap(chunk.tsn) + 1
        self.is_sack_due = True
        if not self.tracker.next < sequence <= self.tracker.next + MAX_DISTANCE:
            return
        self.reassembly.skip(sequence, chunk.skipped)
        self.tracker.skip_to(sequence)
        self._settle()

    def has_all_until(self, tsn: int) -> bool:
        """Whether everything up to this TSN has arrived."""
        return self.tracker.unwrap(tsn) < self.tracker.next

    def sack(self, room: int) -> bytes:
        """The SACK chunk for now, of at most ``room`` bytes."""
        self.has_news = self.is_sack_due = False
        self.sack_timer.deadline = None
        self._advertised = advertised = max(0, self._window - self.reassembly.held)
        return self.tracker.sack(advertised, room)

    def release_events(self) -> list[SctpEvent]:
        """The events since the last call; a window that was nearly shut and opens again is told to the peer."""
        events = self.reassembly.release()
        if self._advertised < self._window // 4 and self.window >= self._window // 2:
            self.is_sack_due = True
        return events

    def _take_slowly(self, flags: int, tsn: int, stream_id: int, ssn: int, ppid: int, payload: bytes) -> None:
        """Take a chunk that is out of order, unwanted or too much."""
        tracker = self.tracker
        reassembly = self.reassembly
        sequence = tracker.unwrap(tsn)
        # A full window still lets in what is next, because only that can empty it; section 6.2 drops the rest.
        limit = 2 * self._window if sequence == tracker.next else self._window
        if reassembly.held + len(payload) > limit or not tracker.is_wanted(sequence):
            self.dropped += 1
            self.is_sack_due = True
            return
        if stream_id >= self.stream_count:  # section 6.5: acknowledged, reported and not delivered
            self.invalid_streams.append(stream_id)
        elif tracker.gaps.starts or sequence != tracker.next:
            reassembly.take_out_of_order(sequence, flags, stream_id, ssn, ppid, payload)
        else:
            reassembly.take_next(sequence, flags, stream_id, ssn, ppid, payload)
        tracker.add(sequence)
        self._settle()

    def _settle(self) -> None:
        self.is_sack_due = True
        if not self.tracker.gaps.starts:
            self.reassembly.unpark(self.tracker.next - 1)
