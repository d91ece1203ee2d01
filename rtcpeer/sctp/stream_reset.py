"""Resetting and adding streams with RE-CONFIG (RFC 6525)."""

from collections.abc import Callable
from enum import IntEnum
from struct import Struct

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.parameters import ParameterType, iterate_parameters, pack_parameter
from rtcpeer.sctp.timer import Timer

__all__ = ["IncomingResets", "OutgoingResets", "ResetRequest", "Result"]

MAX_STREAMS_PER_REQUEST = 512  # so that a request fits the smallest packet

_OUTGOING = Struct(">III")  # request number, response number, sender's last assigned TSN; stream ids follow
_NUMBER = Struct(">I")  # request number; stream ids follow in an incoming reset request
_RESPONSE = Struct(">II")  # response number, result
_ADD = Struct(">IHH")  # request number, number of new streams, reserved


class Result(IntEnum):
    """RFC 6525 section 4.4."""

    NOTHING_TO_DO = 0
    PERFORMED = 1
    DENIED = 2
    WRONG_SSN = 3
    IN_PROGRESS_SAME_NUMBER = 4
    BAD_SEQUENCE_NUMBER = 5
    IN_PROGRESS = 6


class ResetRequest:
    """Our one request that waits for its response (section 5.1.1 allows no second)."""

    __slots__ = ("number", "parameter", "stream_ids")

    def __init__(self, number: int, parameter: bytes, stream_ids: tuple[int, ...]) -> None:
        self.number = number
        self.parameter = parameter
        self.stream_ids = stream_ids


class OutgoingResets:
    """Our requests: one at a time, retransmitted until answered."""

    def __init__(self, initial_number: int, capacity: int) -> None:
        self.timer = Timer()
        self.request: ResetRequest | None = None
        self._number = initial_number
        self._capacity = min(MAX_STREAMS_PER_REQUEST, (capacity - 20) // 2)
        self.is_due = False  # `chunk_due` would give one

    def ask(self, stream_ids: list[int], last_tsn: int, response_number: int) -> None:
        """Ask for a reset of these streams, whose last chunk had at most ``last_tsn``; takes what fits off the list."""
        chosen = tuple(stream_ids[: self._capacity])
        del stream_ids[: self._capacity]
        fixed = _OUTGOING.pack(self._number, response_number, last_tsn)
        parameter = pack_parameter(ParameterType.OUTGOING_RESET_REQUEST, fixed + _pack_ids(chosen))
        self.request = ResetRequest(self._number, parameter, chosen)
        self._number = (self._number + 1) & 0xFFFFFFFF
        self.is_due = True

    def chunk_due(self, now: float, timeout: float) -> bytes:
        """The RE-CONFIG chunk to send now, if any; its timer then runs."""
        if self.request is None or not self.is_due:
            return b""
        self.is_due = False
        self.timer.start(now + timeout)
        return pack_chunk(ChunkType.RECONFIG, self.request.parameter)

    def handle_timeout(self, now: float) -> bool:
        """Send again when no response came; returns whether the timer had run out."""
        if not self.timer.expire(now):
            return False
        self.is_due = self.request is not None
        return True

    def take_response(self, value: bytes) -> tuple[ResetRequest, int] | None:
        """The request that a response settles, with its result; None when it settles nothing."""
        if len(value) < _RESPONSE.size:
            raise MalformedPacketError("RE-CONFIG response is too short")
        number, result = _RESPONSE.unpack_from(value)
        request = self.request
        if request is None or number != request.number:
            return None
        if result in (Result.IN_PROGRESS, Result.IN_PROGRESS_SAME_NUMBER):
            # Section 5.2.7: ask again when the timer runs out, under the same number. The peer lives.
            self.timer.expiries = 0
            return None
        self.request = None
        self.is_due = False
        self.timer.stop()
        return request, result


class IncomingResets:
    """The peer's requests: answered once each, the last answer repeated for a repeated request (section 5.2.1)."""

    def __init__(
        self,
        peer_initial_number: int,
        *,
        has_all_until: Callable[[int], bool],
        reset: Callable[[tuple[int, ...]], None],
        reset_ours: Callable[[tuple[int, ...]], bool],
        add: Callable[[int], bool],
    ) -> None:
        self.expected = peer_initial_number
        self._has_all_until = has_all_until
        self._reset = reset
        self._reset_ours = reset_ours
        self._add = add
        self._last_result = Result.NOTHING_TO_DO

    @property
    def last_number(self) -> int:
        """The last request number taken: what our own requests name as response number."""
        return (self.expected - 1) & 0xFFFFFFFF

    def take(self, value: bytes) -> tuple[list[bytes], list[bytes]]:
        """Take a RE-CONFIG chunk; returns the RE-CONFIG chunks that answer it, and the responses for us in it."""
        answers, responses = [], []
        for kind, content in iterate_parameters(value):
            if kind == ParameterType.RECONFIG_RESPONSE:
                responses.append(content)
                continue
            if len(content) < 4:
                raise MalformedPacketError("RE-CONFIG request is too short")
            number = _NUMBER.unpack_from(content)[0]
            response = _RESPONSE.pack(number, self._answer(number, kind, content))
            answers.append(pack_chunk(ChunkType.RECONFIG, pack_parameter(ParameterType.RECONFIG_RESPONSE, response)))
        return answers, responses

    def _answer(self, number: int, kind: int, content: bytes) -> Result:
        if number == self.last_number and self._last_result is not Result.IN_PROGRESS:
            return self._last_result
        if number not in (self.expected, self.last_number):
            return Result.BAD_SEQUENCE_NUMBER
        result = self._perform(kind, content)
        # A request that is in progress is asked again under its number (section 5.2.7).
        self.expected = (number + 1) & 0xFFFFFFFF
        self._last_result = result
        return result

    def _perform(self, kind: int, content: bytes) -> Result:
        if kind == ParameterType.OUTGOING_RESET_REQUEST:
            if len(content) < _OUTGOING.size:
                raise MalformedPacketError("outgoing reset request is too short")
            last_tsn = _OUTGOING.unpack_from(content)[2]
            if not self._has_all_until(last_tsn):
                return Result.IN_PROGRESS
            self._reset(_unpack_ids(content[_OUTGOING.size :]))
            return Result.PERFORMED
        if kind == ParameterType.INCOMING_RESET_REQUEST:
            asked = self._reset_ours(_unpack_ids(content[_NUMBER.size :]))
            return Result.PERFORMED if asked else Result.NOTHING_TO_DO
        if kind == ParameterType.ADD_OUTGOING_STREAMS and len(content) >= _ADD.size:
            return Result.PERFORMED if self._add(_ADD.unpack_from(content)[1]) else Result.DENIED
        # Deviation: RFC 6525 lets us add streams when asked to, or reset the whole association. We announce 65535
        # streams, so there is none to add, and nobody in WebRTC resets an association.
        return Result.DENIED


def _pack_ids(stream_ids: tuple[int, ...]) -> bytes:
    return Struct(f">{len(stream_ids)}H").pack(*stream_ids)


def _unpack_ids(data: bytes) -> tuple[int, ...]:
    count = len(data) // 2
    ids: tuple[int, ...] = Struct(f">{count}H").unpack_from(data)
    return ids
