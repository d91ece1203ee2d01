"""What our side can do with audio and video, before any negotiation; handed in, so that only the truth is announced."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from rtcpeer.rtp.parameters import Kind
from rtcpeer.sdp.transport import Direction

__all__ = ["CodecCapability", "ExtensionCapability", "MediaCapabilities"]


@dataclass(frozen=True, slots=True)
class CodecCapability:
    """A codec without its payload type.

    RTX (RFC 4588) is listed once for its kind: each codec whose feedback has "nack" is offered with a payload type of
    RTX of its own.
    """

    kind: Kind
    name: str  # as registered; compared without regard to case
    clock_rate: int  # Hz
    channels: int = 1
    parameters: tuple[tuple[str, str], ...] = ()  # of a=fmtp, about what we take; see `CodecParameters`
    feedback: frozenset[str] = frozenset()  # values of a=rtcp-fb
    payload_type: int | None = None  # offered under this number unless it is taken; None: any that is free
    repair_payload_type: int | None = None  # likewise, that of its RTX
    can_send: bool = True
    can_receive: bool = True

    @property
    def mime_type(self) -> str:
        """Such as ``"video/VP8"``."""
        return f"{self.kind}/{self.name}"

    @property
    def is_rtx(self) -> bool:
        """Whether it repairs other codecs (RFC 4588)."""
        return self.name.lower() == "rtx"


@dataclass(frozen=True, slots=True)
class ExtensionCapability:
    """A header extension without its number (RFC 8285)."""

    uri: str
    id: int  # offered under this number unless it is taken
    kinds: frozenset[Kind] = frozenset({"audio", "video"})
    direction: Direction = Direction.SENDRECV  # whether we send it, understand it, or both


@dataclass(frozen=True, slots=True)
class MediaCapabilities:
    """All codecs and header extensions, the best first; without any, sections of audio and video are rejected."""

    codecs: tuple[CodecCapability, ...] = ()
    extensions: tuple[ExtensionCapability, ...] = ()

    def codecs_of(self, kind: Kind) -> tuple[CodecCapability, ...]:
        """The codecs of audio or video."""
        return tuple(codec for codec in self.codecs if codec.kind == kind)

    def extensions_of(self, kind: Kind) -> tuple[ExtensionCapability, ...]:
        """The header extensions that audio or video uses."""
        return tuple(extension for extension in self.extensions if kind in extension.kinds)

    def limited(
        self, can_send: Callable[[CodecCapability], bool], can_receive: Callable[[CodecCapability], bool]
    ) -> Self:
        """Without what there is no encoder or decoder for; RTX and events need neither and are not asked about."""
        codecs = (
            codec
            if codec.name.lower() in {"rtx", "telephone-event"}
            else replace(
                codec,
                can_send=codec.can_send and can_send(codec),
                can_receive=codec.can_receive and can_receive(codec),
            )
            for codec in self.codecs
        )
        return replace(self, codecs=tuple(codec for codec in codecs if codec.can_send or codec.can_receive))
