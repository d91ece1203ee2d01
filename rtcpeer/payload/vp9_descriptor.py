"""The payload descriptor of VP9 in RTP (RFC 9628 section 4.2), with all that a forwarder needs of layers."""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.wire import Reader

__all__ = ["Vp9Descriptor", "Vp9GroupPicture", "Vp9ScalabilityStructure"]

# The first octet: I | P | L | F | B | E | V | Z
_HAS_PICTURE_ID, _INTER_PICTURE, _HAS_LAYER, _FLEXIBLE = 0x80, 0x40, 0x20, 0x10
_START, _END, _HAS_STRUCTURE, _NOT_UPPER_REFERENCE = 0x08, 0x04, 0x02, 0x01
_LONG_PICTURE_ID = 0x80  # M: 15 bits instead of 7
_SWITCHING_UP, _INTER_LAYER = 0x10, 0x01  # TID | U | SID | D, and TID | U | R of a picture group
_MORE_REFERENCES = 0x01  # P_DIFF | N
_MAX_REFERENCES = 3
_HAS_RESOLUTIONS, _HAS_GROUP = 0x10, 0x08  # N_S | Y | G
_RESOLUTION = Struct("!HH")  # width, height


@dataclass(frozen=True, slots=True)
class Vp9GroupPicture:
    """One picture of a picture group: how each such picture depends on those before it."""

    temporal_id: int
    is_switching_up_point: bool
    reference_differences: tuple[int, ...]  # P_DIFF, at most 3

    def serialize(self) -> bytes:
        """The picture as its bytes."""
        head = self.temporal_id << 5 | (_SWITCHING_UP if self.is_switching_up_point else 0)
        return bytes([head | len(self.reference_differences) << 2, *self.reference_differences])

    @classmethod
    def read(cls, reader: Reader) -> "Vp9GroupPicture":
        """The next picture."""
        head = reader.uint8()
        return cls(head >> 5, bool(head & _SWITCHING_UP), tuple(reader.take(head >> 2 & 0x03)))


@dataclass(frozen=True, slots=True)
class Vp9ScalabilityStructure:
    """The spatial layers of a stream and the group of pictures that repeats (section 4.2.1)."""

    spatial_layer_count: int  # 1 to 8
    resolutions: tuple[tuple[int, int], ...] | None = None  # width and height of each layer
    group: tuple[Vp9GroupPicture, ...] | None = None

    def serialize(self) -> bytes:
        """The structure as its bytes."""
        head = (self.spatial_layer_count - 1) << 5
        fields = bytearray()
        if self.resolutions is not None:
            head |= _HAS_RESOLUTIONS
            fields += b"".join(_RESOLUTION.pack(*size) for size in self.resolutions)
        if self.group is not None:
            head |= _HAS_GROUP
            fields.append(len(self.group))
            fields += b"".join(picture.serialize() for picture in self.group)
        return bytes([head, *fields])

    @classmethod
    def read(cls, reader: Reader) -> "Vp9ScalabilityStructure":
        """The structure that comes next."""
        head = reader.uint8()
        count = (head >> 5) + 1
        resolutions, group = None, None
        if head & _HAS_RESOLUTIONS:
            resolutions = tuple((reader.uint16(), reader.uint16()) for _ in range(count))
        if head & _HAS_GROUP:
            group = tuple(Vp9GroupPicture.read(reader) for _ in range(reader.uint8()))
        return cls(count, resolutions, group)


class Vp9Descriptor(NamedTuple):
    """What precedes each part of a layer frame; what is None is not in it.

    A *frame* is one spatial layer of a *picture*; the marker ends the picture.
    """

    starts_frame: bool
    ends_frame: bool
    is_inter_picture_predicted: bool = False
    is_flexible: bool = False  # said together with a picture id
    is_upper_reference: bool = True  # the next spatial layer may need this frame
    picture_id: int | None = None
    is_long_picture_id: bool = True
    temporal_id: int | None = None  # what follows of layers is said together with it
    is_switching_up_point: bool = False
    spatial_id: int = 0
    is_inter_layer_predicted: bool = False
    tl0_picture_index: int | None = None  # there with layers, unless the mode is flexible
    reference_differences: tuple[int, ...] = ()  # P_DIFF: 1 to 3 where prediction is between pictures and flexible
    structure: Vp9ScalabilityStructure | None = None

    @property
    def starts_keyframe(self) -> bool:
        """Whether a key picture begins with what follows (section 4.2 under F)."""
        needs_lower_layer = self.spatial_id > 0 and self.is_inter_layer_predicted
        return self.starts_frame and not self.is_inter_picture_predicted and not needs_lower_layer

    def serialize(self) -> bytes:
        """The descriptor as its bytes."""
        first = _START if self.starts_frame else 0
        first |= _END if self.ends_frame else 0
        first |= _INTER_PICTURE if self.is_inter_picture_predicted else 0
        first |= _FLEXIBLE if self.is_flexible else 0
        first |= 0 if self.is_upper_reference else _NOT_UPPER_REFERENCE
        fields = bytearray()
        if self.picture_id is not None:
            first |= _HAS_PICTURE_ID
            if self.is_long_picture_id:
                fields.append(_LONG_PICTURE_ID | self.picture_id >> 8)
            fields.append(self.picture_id & 0xFF)
        if self.temporal_id is not None:
            first |= _HAS_LAYER
            fields += self._layer(self.temporal_id)
        if self.is_flexible and self.is_inter_picture_predicted:
            last = len(self.reference_differences) - 1
            fields += bytes(
                difference << 1 | (_MORE_REFERENCES if index < last else 0)
                for index, difference in enumerate(self.reference_differences)
            )
        if self.structure is not None:
            first |= _HAS_STRUCTURE
            fields += self.structure.serialize()
        return bytes([first, *fields])

    def _layer(self, temporal_id: int) -> bytes:
        layer = temporal_id << 5 | self.spatial_id << 1
        layer |= _SWITCHING_UP if self.is_switching_up_point else 0
        layer |= _INTER_LAYER if self.is_inter_layer_predicted else 0
        return bytes([layer] if self.tl0_picture_index is None else [layer, self.tl0_picture_index])

    @classmethod
    def parse(cls, payload: bytes) -> tuple["Vp9Descriptor", bytes]:
        """The descriptor and the part of the frame behind it, which has at least one byte."""
        reader = Reader(payload)
        first = reader.uint8()
        # Section 4.2: without a picture id F is ignored
        is_flexible = first & (_FLEXIBLE | _HAS_PICTURE_ID) == _FLEXIBLE | _HAS_PICTURE_ID
        picture_id, is_long = _picture_id(reader) if first & _HAS_PICTURE_ID else (None, False)
        layer = reader.uint8() if first & _HAS_LAYER else 0
        descriptor = cls(
            starts_frame=bool(first & _START),
            ends_frame=bool(first & _END),
            is_inter_picture_predicted=bool(first & _INTER_PICTURE),
            is_flexible=is_flexible,
            is_upper_reference=not first & _NOT_UPPER_REFERENCE,
            picture_id=picture_id,
            is_long_picture_id=is_long,
            temporal_id=layer >> 5 if first & _HAS_LAYER else None,
            is_switching_up_point=bool(layer & _SWITCHING_UP),
            spatial_id=layer >> 1 & 0x07,
            is_inter_layer_predicted=bool(layer & _INTER_LAYER),
            tl0_picture_index=reader.uint8() if first & _HAS_LAYER and not is_flexible else None,
            reference_differences=_references(reader) if is_flexible and first & _INTER_PICTURE else (),
            structure=Vp9ScalabilityStructure.read(reader) if first & _HAS_STRUCTURE else None,
        )
        part = reader.rest()
        if not part:
            raise MalformedPacketError("a VP9 descriptor with nothing behind it")
        return descriptor, part


def _picture_id(reader: Reader) -> tuple[int, bool]:
    head = reader.uint8()
    return ((head & 0x7F) << 8 | reader.uint8(), True) if head & _LONG_PICTURE_ID else (head, False)


def _references(reader: Reader) -> tuple[int, ...]:
    differences = []
    for _ in range(_MAX_REFERENCES):
        octet = reader.uint8()
        differences.append(octet >> 1)
        if not octet & _MORE_REFERENCES:
            return tuple(differences)
    raise MalformedPacketError(f"a VP9 frame that refers to more than {_MAX_REFERENCES} pictures")
