"""The arithmetic of sender and receiver reports (RFC 3550 sections 6.4, A.3 and A.8); values, no packets."""

from typing import NamedTuple

from rtcpeer.rtp.timestamps import TIMESTAMP_BITS, Unwrapper

__all__ = [
    "NtpMapping",
    "ReceptionReport",
    "ReceptionStatistics",
    "SenderInfo",
    "SenderStatistics",
    "compact_ntp",
    "ntp_seconds",
    "ntp_timestamp",
    "round_trip_time",
]

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970, RFC 5905 section 6
MAX_DROPOUT = 3000  # RFC 3550 section A.1
MAX_MISORDER = 100
MASK_32 = 0xFFFFFFFF
MASK_64 = 0xFFFFFFFFFFFFFFFF


def ntp_timestamp(wall_clock: float) -> int:
    """The 64-bit NTP timestamp of a time in Unix seconds."""
    return round((wall_clock + NTP_EPOCH) * (1 << 32)) & MASK_64


def ntp_seconds(ntp: int) -> float:
    """An NTP timestamp as seconds since 1900."""
    return ntp / (1 << 32)


def compact_ntp(ntp: int) -> int:
    """The middle 32 bits, in units of 1/65536 s, as LSR has them (section 6.4.1)."""
    return (ntp >> 16) & MASK_32


def round_trip_time(now_ntp: int, last_sender_report: int, delay_since_last_sender_report: int) -> float | None:
    """Seconds, from a reception report about us that has just arrived (section 6.4.1).

    None where the peer has had no report of ours yet, or says what can not be.
    """
    if not last_sender_report:
        return None
    elapsed = (compact_ntp(now_ntp) - last_sender_report - delay_since_last_sender_report) & MASK_32
    return None if elapsed >= 1 << 31 else elapsed / 65536


class ReceptionReport(NamedTuple):
    """A report block without its SSRC, as section 6.4.1 counts."""

    fraction_lost: int  # of 256, since the report before
    packets_lost: int  # 24 bits with a sign
    highest_sequence_number: int  # extended: cycles in the upper 16 bits
    jitter: int  # timestamp units
    last_sender_report: int
    delay_since_last_sender_report: int  # of 65536 a second


class ReceptionStatistics:
    """What arrives from one source. That the source is real SRTP has shown, so section A.1's probation is left out."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._unwrapper = Unwrapper()
        self._base = 0
        self._restart_at: int | None = None  # a second packet with this number makes a jump believed
        self._expected_prior = 0
        self._received_prior = 0
        self._last_arrival: tuple[float, int] | None = None
        self._sender_report: tuple[int, float] | None = None
        self.packets_received = 0
        self.jitter_units = 0.0

    def receive(self, sequence_number: int, timestamp: int, now: float) -> None:
        """Count a packet."""
        unwrapper = self._unwrapper
        newest = unwrapper.newest
        if newest is not None and sequence_number == (newest + 1) & 0xFFFF:
            unwrapper.newest = newest + 1
            self._restart_at = None
        elif not self._follow(sequence_number):
            return
        self.packets_received += 1
        if self._last_arrival is not None:
            arrived_at, before = self._last_arrival
            # Section A.8; the difference of timestamps is taken modulo 2^32, and has a sign.
            sent = ((timestamp - before + (1 << 31)) & MASK_32) - (1 << 31)
            difference = abs((now - arrived_at) * self._clock_rate - sent)
            self.jitter_units += (difference - self.jitter_units) / 16
        self._last_arrival = (now, timestamp)

    def receive_sender_report(self, ntp: int, now: float) -> None:
        """The source's sender report arrived; the next report of ours answers it."""
        self._sender_report = (compact_ntp(ntp), now)

    @property
    def jitter(self) -> float:
        """In seconds."""
        return self.jitter_units / self._clock_rate

    @property
    def packets_lost(self) -> int:
        """Expected and not received; below 0 where there were duplicates."""
        return self._expected - self.packets_received

    def report(self, now: float) -> ReceptionReport | None:
        """The next report block; None before the first packet."""
        if self._unwrapper.newest is None:
            return None
        expected = self._expected - self._expected_prior
        lost = expected - (self.packets_received - self._received_prior)
        self._expected_prior, self._received_prior = self._expected, self.packets_received
        fraction = min((lost << 8) // expected, 255) if expected > 0 and lost > 0 else 0
        last, delay = 0, 0
        if self._sender_report is not None:
            last = self._sender_report[0]
            delay = min(max(round((now - self._sender_report[1]) * 65536), 0), MASK_32)
        return ReceptionReport(
            fraction,
            min(max(self.packets_lost, -0x800000), 0x7FFFFF),
            self._unwrapper.newest & MASK_32,
            min(int(self.jitter_units), MASK_32),
            last,
            delay,
        )

    @property
    def _expected(self) -> int:
        newest = self._unwrapper.newest
        return 0 if newest is None else newest - self._base + 1

    def _follow(self, sequence_number: int) -> bool:
        newest = self._unwrapper.newest
        unwrapped = self._unwrapper.peek(sequence_number)
        if newest is None:
            self._base = unwrapped
        elif not -MAX_MISORDER <= unwrapped - newest < MAX_DROPOUT:
            # Section A.1: two in a row from elsewhere mean that the source has started again.
            if sequence_number != self._restart_at:
                self._restart_at = (sequence_number + 1) & 0xFFFF
                return False
            self._restart(sequence_number)
        self._restart_at = None
        self._unwrapper.unwrap(sequence_number)
        return True

    def _restart(self, sequence_number: int) -> None:
        self._unwrapper = Unwrapper()
        self._base = sequence_number
        self.packets_received = 0
        self._expected_prior = self._received_prior = 0
        self._last_arrival = None


class SenderInfo(NamedTuple):
    """The sender's part of a sender report (section 6.4.1)."""

    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int


class SenderStatistics:
    """What we have sent from one source."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._last: tuple[int, float] | None = None
        self.packets = 0
        self.octets = 0

    def note_sent(self, timestamp: int, payload_size: int, captured_at: float) -> None:
        """A packet with this RTP timestamp was sent; ``captured_at`` is the time that the timestamp stands for."""
        self.packets += 1
        self.octets += payload_size
        self._last = (timestamp, captured_at)

    def note_frame(self, timestamp: int, captured_at: float) -> None:
        """What is sent from now on has this RTP timestamp, which stands for a time of our clock."""
        self._last = (timestamp, captured_at)

    def set_clock_rate(self, clock_rate: int) -> None:
        """Another codec's clock (RFC 7160): timestamps of the one before it count no longer."""
        if clock_rate != self._clock_rate:
            self._clock_rate = clock_rate
            self._last = None

    def info(self, now: float, wall_clock: float) -> SenderInfo | None:
        """For a report that leaves now; ``wall_clock`` is the same instant in Unix seconds. None before any packet."""
        if self._last is None:
            return None
        # Section 6.4.1: the timestamp of now, and not that of the packet sent last.
        timestamp, captured_at = self._last
        current = (timestamp + round((now - captured_at) * self._clock_rate)) & MASK_32
        return SenderInfo(ntp_timestamp(wall_clock), current, self.packets & MASK_32, self.octets & MASK_32)


class NtpMapping:
    """Ties a source's RTP timestamps to the sender's wall clock, so that sound and picture meet (section 6.4.1)."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._unwrapper = Unwrapper(TIMESTAMP_BITS)
        self._report: tuple[float, int] | None = None

    def receive_sender_report(self, ntp: int, rtp_timestamp: int) -> None:
        """Take the pair of a sender report; an NTP timestamp of 0 says that the sender knows no time."""
        if ntp:
            self._report = (ntp_seconds(ntp), self._unwrapper.unwrap(rtp_timestamp))

    def ntp_time(self, rtp_timestamp: int) -> float | None:
        """Seconds since 1900 on the sender's clock; None before the first report."""
        if self._report is None:
            return None
        seconds, reference = self._report
        return seconds + (self._unwrapper.peek(rtp_timestamp) - reference) / self._clock_rate

    def rtp_timestamp(self, ntp_time: float) -> int | None:
        """The other way; None before the first report."""
        if self._report is None:
            return None
        seconds, reference = self._report
        return (reference + round((ntp_time - seconds) * self._clock_rate)) & MASK_32
