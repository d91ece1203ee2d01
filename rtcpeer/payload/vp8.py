"""VP8 in RTP (RFC 7741): a descriptor before each part of a frame."""

from collections.abc import Sequence
from typing import NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload.contract import DEFAULT_MAX_FRAME_SIZE, Frame, join_bounded, split_evenly
from rtcpeer.payload.picture_ids import PICTURE_ID_BITS, CounterMap, PictureIdMap

__all__ = ["Vp8Depacketizer", "Vp8Descriptor", "Vp8Packetizer", "Vp8Rewriter"]

# RFC 7741 section 4.2, the first octet: X | R | N | S | R | PID
_EXTENDED, _NON_REFERENCE, _START_OF_PARTITION, _PARTITION_INDEX = 0x80, 0x20, 0x10, 0x07
# The second: I | L | T | K | RSV
_HAS_PICTURE_ID, _HAS_TL0_PICTURE_INDEX, _HAS_TEMPORAL_ID, _HAS_KEY_INDEX = 0x80, 0x40, 0x20, 0x10
_LONG_PICTURE_ID = 0x80  # M: 15 bits instead of 7
_LAYER_SYNC, _KEY_INDEX = 0x20, 0x1F  # TID | Y | KEYIDX

_INTER_FRAME = 0x01  # P of the first octet of a frame (RFC 7741 section 4.3, RFC 6386 section 9.1)


class Vp8Descriptor(NamedTuple):
    """The payload descriptor (RFC 7741 section 4.2); what is None is not in it."""

    starts_partition: bool
    partition_index: int = 0
    is_non_reference: bool = False  # no other frame needs this one
    picture_id: int | None = None
    is_long_picture_id: bool = True
    tl0_picture_index: int | None = None
    temporal_id: int | None = None
    is_layer_sync: bool = False  # depends on the base layer alone; said with a temporal id
    key_index: int | None = None

    @property
    def starts_frame(self) -> bool:
        """Whether the frame begins with what follows."""
        return self.starts_partition and self.partition_index == 0

    def serialize(self) -> bytes:
        """The descriptor as its bytes."""
        first = self.partition_index
        first |= _NON_REFERENCE if self.is_non_reference else 0
        first |= _START_OF_PARTITION if self.starts_partition else 0
        present, fields = 0, bytearray()
        if self.picture_id is not None:
            present |= _HAS_PICTURE_ID
            if self.is_long_picture_id:
                fields.append(_LONG_PICTURE_ID | self.picture_id >> 8)
            fields.append(self.picture_id & 0xFF)
        if self.tl0_picture_index is not None:
            present |= _HAS_TL0_PICTURE_INDEX
            fields.append(self.tl0_picture_index)
        if self.temporal_id is not None or self.key_index is not None:
            layer = 0
            if self.temporal_id is not None:
                present |= _HAS_TEMPORAL_ID
                layer = self.temporal_id << 6 | (_LAYER_SYNC if self.is_layer_sync else 0)
            if self.key_index is not None:
                present |= _HAS_KEY_INDEX
                layer |= self.key_index
            fields.append(layer)
        return bytes([first | _EXTENDED, present, *fields]) if present else bytes([first])

    @classmethod
    def parse(cls, payload: bytes) -> tuple["Vp8Descriptor", bytes]:
        """The descriptor and the part of the frame behind it, which has at least one byte."""
        try:
            descriptor, size = cls._read(payload)
        except IndexError as error:
            raise MalformedPacketError(f"a VP8 descriptor that does not end in {len(payload)} bytes") from error
        if len(payload) == size:
            raise MalformedPacketError("a VP8 descriptor with nothing behind it")
        return descriptor, payload[size:]

    @classmethod
    def _read(cls, payload: bytes) -> tuple["Vp8Descriptor", int]:
        """The descriptor and its size; `IndexError` when it ends too early. Called for each packet."""
        first = payload[0]
        present, at = (payload[1], 2) if first & _EXTENDED else (0, 1)
        picture_id, is_long = None, False
        if present & _HAS_PICTURE_ID:
            picture_id, at = payload[at], at + 1
            is_long = picture_id >= _LONG_PICTURE_ID
            if is_long:
                picture_id, at = (picture_id & 0x7F) << 8 | payload[at], at + 1
        tl0_picture_index = None
        if present & _HAS_TL0_PICTURE_INDEX:
            tl0_picture_index, at = payload[at], at + 1
        temporal_id, is_layer_sync, key_index = None, False, None
        if present & (_HAS_TEMPORAL_ID | _HAS_KEY_INDEX):
            layer, at = payload[at], at + 1
            if present & _HAS_TEMPORAL_ID:
                temporal_id, is_layer_sync = layer >> 6, bool(layer & _LAYER_SYNC)
            if present & _HAS_KEY_INDEX:
                key_index = layer & _KEY_INDEX
        descriptor = cls(
            bool(first & _START_OF_PARTITION), first & _PARTITION_INDEX, bool(first & _NON_REFERENCE),
            picture_id, is_long, tl0_picture_index, temporal_id, is_layer_sync, key_index,
        )  # fmt: skip
        return descriptor, at


class Vp8Packetizer:
    """Numbers the frames of one encoder; the first number should be random (RFC 7741 section 4.2)."""

    def __init__(self, picture_id: int) -> None:
        self._picture_id = picture_id & 0x7FFF

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """The frame in parts of about equal size, each behind a descriptor with a picture id of 15 bits."""
        if not frame:
            raise ValueError("a VP8 frame has at least one byte")
        first = Vp8Descriptor(starts_partition=True, picture_id=self._picture_id).serialize()
        others = Vp8Descriptor(starts_partition=False, picture_id=self._picture_id).serialize()
        parts = split_evenly(frame, max_size - len(first))
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        return [(others if index else first) + part for index, part in enumerate(parts)]


class Vp8Depacketizer:
    """Reads the payloads of a frame."""

    def __init__(self, max_frame_size: int = DEFAULT_MAX_FRAME_SIZE) -> None:
        self._max_frame_size = max_frame_size

    def is_first_of_frame(self, payload: bytes) -> bool:
        """The descriptor says so."""
        _descriptor_size(payload)
        return payload[0] & (_START_OF_PARTITION | _PARTITION_INDEX) == _START_OF_PARTITION

    def starts_keyframe(self, payload: bytes) -> bool:
        """Whether a key frame begins here."""
        return _starts_keyframe(*Vp8Descriptor.parse(payload))

    def depacketize(self, payloads: Sequence[bytes]) -> Frame:
        """One frame from its payloads."""
        if not payloads or list(map(self.is_first_of_frame, payloads)) != [True] + [False] * (len(payloads) - 1):
            raise MalformedPacketError("the payloads are not one VP8 frame: each begins once, at the first")
        data = join_bounded([payload[_descriptor_size(payload) :] for payload in payloads], self._max_frame_size)
        return Frame(data, self.starts_keyframe(payloads[0]))


def _descriptor_size(payload: bytes) -> int:
    """How long the descriptor is (hot path): what is in it is of no use to who joins a frame."""
    size = 1
    try:
        if payload[0] & _EXTENDED:
            present = payload[1]
            size = 2
            if present & _HAS_PICTURE_ID:
                size = 4 if payload[2] >= _LONG_PICTURE_ID else 3
            size += bool(present & _HAS_TL0_PICTURE_INDEX)
            size += bool(present & (_HAS_TEMPORAL_ID | _HAS_KEY_INDEX))
    except IndexError as error:
        raise MalformedPacketError(f"a VP8 descriptor that does not end in {len(payload)} bytes") from error
    if len(payload) <= size:
        raise MalformedPacketError(f"a VP8 descriptor with nothing behind it in {len(payload)} bytes")
    return size


class Vp8Rewriter:
    """What a forwarder changes in descriptors, so that a receiver sees one stream whatever it is composed of.

    Everything stays as it was until `switch` or `drop_picture` is called, but picture ids of 7 bits become such of 15.
    """

    def __init__(self) -> None:
        self._pictures = PictureIdMap()
        self._tl0_pictures = CounterMap(8)
        self._keys = CounterMap(5)

    def switch(self) -> None:
        """What comes next is from another source, beginning with a key frame; the former's packets come no more."""
        self._pictures.switch()
        self._tl0_pictures.switch()
        self._keys.switch()

    def rewrite(self, payload: bytes) -> bytes:
        """The payload as it is sent on, at most a byte longer; `MalformedPacketError` when it is none."""
        old, part = Vp8Descriptor.parse(payload)
        picture_id, tl0_picture_index, key_index = old.picture_id, old.tl0_picture_index, old.key_index
        if picture_id is not None:
            picture_id = self._pictures.forward(picture_id, _picture_id_bits(old))
        if tl0_picture_index is not None:
            tl0_picture_index = self._tl0_pictures.forward(tl0_picture_index)
        if key_index is not None:
            key_index = self._keys.forward(key_index)
        new = old._replace(
            picture_id=picture_id, is_long_picture_id=True, tl0_picture_index=tl0_picture_index, key_index=key_index
        )
        return new.serialize() + part

    def drop_picture(self, payload: bytes) -> None:
        """The picture of this payload, of a higher temporal layer, is not sent on, and leaves no gap in picture ids."""
        descriptor, _ = Vp8Descriptor.parse(payload)
        if descriptor.picture_id is not None:
            self._pictures.drop(descriptor.picture_id, _picture_id_bits(descriptor))


def _picture_id_bits(descriptor: Vp8Descriptor) -> int:
    return PICTURE_ID_BITS if descriptor.is_long_picture_id else 7


def _starts_keyframe(descriptor: Vp8Descriptor, part: bytes) -> bool:
    return descriptor.starts_frame and not part[0] & _INTER_FRAME
