"""Session descriptions as values (RFC 8866 section 5): every line kept, attributes in order, unknown ones included.

The classes are frozen; a changed description is a new one (`dataclasses.replace`). Line numbers ride along for error
messages and take no part in comparisons.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Attribute", "Attributes", "Connection", "MediaSection", "Origin", "SessionDescription", "Timing"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One ``a=`` line; ``value`` is None for a property such as ``a=rtcp-mux`` (RFC 8866 section 5.13)."""

    name: str
    value: str | None = None
    line_number: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value}"


class Attributes(tuple[Attribute, ...]):
    """The ``a=`` lines of one level, in order."""

    __slots__ = ()

    @classmethod
    def of(cls, *items: "str | Attribute | tuple[str, str | int]") -> "Attributes":
        """Attributes from names, from pairs of name and value, and from attributes."""
        return cls(_attribute(item) for item in items)

    def named(self, name: str) -> Iterator[Attribute]:
        """Every attribute of that name."""
        return (attribute for attribute in self if attribute.name == name)

    def first(self, name: str) -> Attribute | None:
        """The first attribute of that name."""
        return next(self.named(name), None)

    def has(self, name: str) -> bool:
        """Whether there is an attribute of that name."""
        return any(attribute.name == name for attribute in self)

    def without(self, *names: str) -> "Attributes":
        """All attributes but those."""
        return Attributes(attribute for attribute in self if attribute.name not in names)

    def plus(self, items: "Iterable[str | Attribute | tuple[str, str | int]]") -> "Attributes":
        """These attributes, followed by others."""
        return Attributes((*self, *Attributes.of(*items)))


class Origin(NamedTuple):
    """The ``o=`` line (section 5.2); ids are strings because peers send numbers of any length."""

    username: str = "-"
    session_id: str = "0"
    session_version: str = "0"
    network_type: str = "IN"
    address_type: str = "IP4"
    address: str = "127.0.0.1"

    def __str__(self) -> str:
        return " ".join(self)


class Connection(NamedTuple):
    """A ``c=`` line (section 5.7)."""

    network_type: str = "IN"
    address_type: str = "IP4"
    address: str = "0.0.0.0"  # noqa: S104  # "no address yet" (RFC 8839 section 4.3.1), nothing listens

    def __str__(self) -> str:
        return " ".join(self)


class Timing(NamedTuple):
    """A ``t=`` line with the ``r=`` lines that follow it (sections 5.9, 5.10)."""

    value: str = "0 0"
    repeats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaSection:
    """An ``m=`` line and what belongs to it (section 5.14)."""

    kind: str  # "audio", "video", "application", ...
    port: int
    protocol: str  # "UDP/DTLS/SCTP", "UDP/TLS/RTP/SAVPF", ...
    formats: tuple[str, ...]
    port_count: int | None = None  # "port/count"; no use in WebRTC
    information: str | None = None
    connections: tuple[Connection, ...] = ()
    bandwidths: tuple[str, ...] = ()
    key: str | None = None
    attributes: Attributes = field(default_factory=Attributes)
    line_number: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description; ``media`` in the order of its ``m=`` lines."""

    origin: Origin = field(default_factory=Origin)
    name: str = "-"
    information: str | None = None
    uri: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    connection: Connection | None = None
    bandwidths: tuple[str, ...] = ()
    timings: tuple[Timing, ...] = (Timing(),)
    time_zones: str | None = None
    key: str | None = None
    attributes: Attributes = field(default_factory=Attributes)
    media: tuple[MediaSection, ...] = ()

    def inherited(self, section: MediaSection, name: str) -> Attribute | None:
        """The section's attribute of that name, else the session's."""
        return section.attributes.first(name) or self.attributes.first(name)


def _attribute(item: str | Attribute | tuple[str, str | int]) -> Attribute:
    match item:
        case Attribute():
            return item
        case str():
            return Attribute(item)
        case (name, value):
            return Attribute(name, str(value))
