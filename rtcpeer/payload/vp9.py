"""VP9 in RTP (RFC 9628): frames of spatial layers in parts, those of one time together as a picture."""

from collections.abc import Sequence

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload.contract import DEFAULT_MAX_FRAME_SIZE, Frame, join_bounded, split_evenly
from rtcpeer.payload.picture_ids import PICTURE_ID_BITS, CounterMap, PictureIdMap
from rtcpeer.payload.vp9_descriptor import Vp9Descriptor

__all__ = ["Vp9Depacketizer", "Vp9Packetizer", "Vp9Rewriter"]

_FRAME_MARKER = 0b10  # the two highest bits of a frame (VP9 bitstream specification section 6.2)


class Vp9Packetizer:
    """Numbers the pictures of one encoder without layers; the first number should be random (RFC 9628 section 4.2).

    The encoder makes no superframes: what it does not show must be a picture of its own, which encoders for real time
    (libvpx with lag_in_frames 0) do not make at all.

    In flexible mode each picture says that it depends on the one before it, which holds also where the encoder has
    referred to an older one. In the other mode it says nothing of what it depends on.
    """

    def __init__(self, picture_id: int, *, is_flexible: bool = False) -> None:
        self._picture_id = picture_id & 0x7FFF
        self._is_flexible = is_flexible

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """The frame in parts of about equal size, each behind a descriptor."""
        if not frame or frame[0] >> 6 != _FRAME_MARKER:
            raise ValueError("a VP9 frame begins with the bits 10")
        is_inter = not _is_keyframe(frame)
        descriptor = Vp9Descriptor(
            starts_frame=False,
            ends_frame=False,
            is_inter_picture_predicted=is_inter,
            is_flexible=self._is_flexible,
            picture_id=self._picture_id,
            reference_differences=(1,) if is_inter and self._is_flexible else (),
        )
        middle = descriptor.serialize()
        parts = split_evenly(frame, max_size - len(middle))
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        headers = [middle] * len(parts)
        headers[0] = descriptor._replace(starts_frame=True, ends_frame=len(parts) == 1).serialize()
        if len(parts) > 1:
            headers[-1] = descriptor._replace(ends_frame=True).serialize()
        return [header + part for header, part in zip(headers, parts, strict=True)]


class Vp9Depacketizer:
    """Reads the payloads of a picture; its layer frames come out one behind the other, the lowest first.

    A picture that is not shown is one of its own, and may have the timestamp of the next (section 4.1); when both are
    handed over together they come out so.
    """

    def __init__(self, max_frame_size: int = DEFAULT_MAX_FRAME_SIZE) -> None:
        self._max_frame_size = max_frame_size

    def is_first_of_frame(self, payload: bytes) -> bool | None:
        """A picture begins with its lowest layer; None where that may have been left out by a forwarder."""
        descriptor, _ = Vp9Descriptor.parse(payload)
        if descriptor.starts_frame and descriptor.spatial_id:
            return None
        return descriptor.starts_frame

    def starts_keyframe(self, payload: bytes) -> bool:
        """Whether a picture that needs no other begins here."""
        return Vp9Descriptor.parse(payload)[0].starts_keyframe

    def depacketize(self, payloads: Sequence[bytes]) -> Frame:
        """One picture from its payloads."""
        parsed = [Vp9Descriptor.parse(payload) for payload in payloads]
        if not parsed or not parsed[0][0].starts_frame:
            raise MalformedPacketError("the payloads are not one VP9 picture: it begins with the start of a frame")
        data = join_bounded([part for _, part in parsed], self._max_frame_size)
        return Frame(data, parsed[0][0].starts_keyframe)


class Vp9Rewriter:
    """What a forwarder changes in descriptors, so that a receiver sees one stream when it switches the source.

    Pictures that are left out leave their gap: what P_DIFF and the picture group say counts picture ids.
    """

    def __init__(self) -> None:
        self._pictures = PictureIdMap()
        self._tl0_pictures = CounterMap(8)

    def switch(self) -> None:
        """What comes next is from another source, beginning with a key frame; the former's packets come no more."""
        self._pictures.switch()
        self._tl0_pictures.switch()

    def rewrite(self, payload: bytes) -> bytes:
        """The payload as it is sent on, at most a byte longer; `MalformedPacketError` when it is none."""
        old, part = Vp9Descriptor.parse(payload)
        picture_id, tl0_picture_index = old.picture_id, old.tl0_picture_index
        if picture_id is not None:
            picture_id = self._pictures.forward(picture_id, PICTURE_ID_BITS if old.is_long_picture_id else 7)
        if tl0_picture_index is not None:
            tl0_picture_index = self._tl0_pictures.forward(tl0_picture_index)
        new = old._replace(picture_id=picture_id, is_long_picture_id=True, tl0_picture_index=tl0_picture_index)
        return new.serialize() + part


def _is_keyframe(frame: bytes) -> bool:
    """Whether a frame that begins so is a key frame (VP9 bitstream specification section 6.2).

    frame_marker (2) | profile (2) | one reserved bit in profile 3 | show_existing_frame | frame_type, 0 for a key frame
    """
    profile_3 = frame[0] & 0x30 == 0x30
    show_existing_frame, frame_type = (0x04, 0x02) if profile_3 else (0x08, 0x04)
    return not frame[0] & (show_existing_frame | frame_type)
