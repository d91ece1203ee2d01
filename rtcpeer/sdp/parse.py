"""From text to a description (RFC 8866 section 9).

Strict where a mistake would change the meaning, lenient where real peers are careless: lines may end in LF alone, a
missing final line end or trailing empty lines are fine, and inside a media section lines may come in any order.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from rtcpeer.errors import SdpSyntaxError
from rtcpeer.sdp.model import Attribute, Attributes, Connection, MediaSection, Origin, SessionDescription, Timing

__all__ = ["MAX_LENGTH", "parse"]

MAX_LENGTH = 1 << 20
"""Longer texts are refused unread: hundreds of sections with every codec stay well below."""

# RFC 8866 section 5: the order of the session's lines; "t" and "r" alternate.
_SESSION_LINES = ("v", "o", "s", "i", "u", "e", "p", "c", "b", "tr", "z", "k", "a")
_SESSION_ORDER = {letter: rank for rank, letters in enumerate(_SESSION_LINES) for letter in letters}
_MEDIA_LETTERS = frozenset("icbka")
_ONCE = frozenset("vosiuczk")


class _Line(NamedTuple):
    number: int
    letter: str
    value: str


def parse(text: str) -> SessionDescription:
    """Read a description.

    Raises:
        SdpSyntaxError: the grammar is broken; the error names the line.
    """
    lines = _split(text)
    first_media = next((index for index, line in enumerate(lines) if line.letter == "m"), len(lines))
    session = _Session()
    for line in lines[:first_media]:
        session.take(line)
    session.finish(lines[first_media].number if first_media < len(lines) else lines[-1].number)
    media: list[_Media] = []
    for line in lines[first_media:]:
        if line.letter == "m":
            media.append(_Media(line))
        else:
            media[-1].take(line)
    return session.build(tuple(section.build() for section in media))


def _split(text: str) -> list[_Line]:
    if len(text) > MAX_LENGTH:
        raise SdpSyntaxError(f"the description is longer than {MAX_LENGTH} characters", 1)
    rows = text.split("\n")
    while rows and rows[-1] in {"", "\r"}:
        rows.pop()
    if not rows:
        raise SdpSyntaxError("the description is empty", 1)
    return [_line(number, row.removesuffix("\r")) for number, row in enumerate(rows, 1)]


def _line(number: int, row: str) -> _Line:
    letter, separator, value = row.partition("=")
    if not separator or len(letter) != 1:
        raise SdpSyntaxError(f"expected a letter and '=', found {row[:40]!r}", number)
    if "\r" in value or "\0" in value:
        raise SdpSyntaxError("a line holds neither CR nor NUL", number)
    if letter not in _SESSION_ORDER and letter != "m":
        raise SdpSyntaxError(f"unknown type {letter!r}", number)
    return _Line(number, letter, value)


@dataclass(slots=True)
class _Body:
    """The lines of one level, as far as the levels are alike."""

    values: dict[str, list[_Line]] = field(default_factory=dict)

    def add(self, line: _Line) -> None:
        kept = self.values.setdefault(line.letter, [])
        kept.append(line)

    def one(self, letter: str) -> str | None:
        lines = self.values.get(letter)
        return lines[0].value if lines else None

    def every(self, letter: str) -> tuple[str, ...]:
        return tuple(line.value for line in self.values.get(letter, ()))

    def connections(self) -> tuple[Connection, ...]:
        return tuple(_connection(line) for line in self.values.get("c", ()))

    def attributes(self) -> Attributes:
        return Attributes(_attribute(line) for line in self.values.get("a", ()))


class _Session(_Body):
    """The lines before the first ``m=``."""

    def __init__(self) -> None:
        super().__init__()
        self._rank = -1
        self._timings: list[tuple[str, list[str]]] = []

    def take(self, line: _Line) -> None:
        rank = _SESSION_ORDER[line.letter]
        if rank < self._rank:
            raise SdpSyntaxError(f"{line.letter}= stands too late", line.number)
        if rank > self._rank + 1 and self._rank < 2:
            raise SdpSyntaxError(f"expected {'vos'[self._rank + 1]}=, found {line.letter}=", line.number)
        if line.letter in _ONCE and line.letter in self.values:
            raise SdpSyntaxError(f"a second {line.letter}=", line.number)
        if line.letter == "v" and line.value != "0":
            raise SdpSyntaxError(f"version {line.value[:40]!r} is not 0", line.number)
        self._rank = rank
        self.add(line)
        if line.letter == "t":
            self._timings.append((line.value, []))
        elif line.letter == "r":
            self._repeat(line)

    def _repeat(self, line: _Line) -> None:
        if not self._timings:
            raise SdpSyntaxError("r= without t=", line.number)
        self._timings[-1][1].append(line.value)

    def finish(self, line_number: int) -> None:
        """Check that everything required was there; ``line_number`` is where it is missed."""
        for letter in "vost":
            if letter not in self.values:
                raise SdpSyntaxError(f"the session lacks {letter}=", line_number)

    def build(self, media: tuple[MediaSection, ...]) -> SessionDescription:
        return SessionDescription(
            origin=_origin(self.values["o"][0]),
            name=self.values["s"][0].value,
            information=self.one("i"),
            uri=self.one("u"),
            emails=self.every("e"),
            phones=self.every("p"),
            connection=next(iter(self.connections()), None),
            bandwidths=self.every("b"),
            timings=tuple(Timing(value, tuple(repeats)) for value, repeats in self._timings),
            time_zones=self.one("z"),
            key=self.one("k"),
            attributes=self.attributes(),
            media=media,
        )


class _Media(_Body):
    """An ``m=`` line and those up to the next."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def take(self, line: _Line) -> None:
        if line.letter not in _MEDIA_LETTERS:
            raise SdpSyntaxError(f"{line.letter}= does not belong into a media section", line.number)
        if line.letter in {"i", "k"} and line.letter in self.values:
            raise SdpSyntaxError(f"a second {line.letter}=", line.number)
        self.add(line)

    def build(self) -> MediaSection:
        fields = self._line.value.split(" ")
        if len(fields) < 4 or not all(fields):
            raise SdpSyntaxError("m= needs a media type, a port, a protocol and formats", self._line.number)
        kind, port_field, protocol, *formats = fields
        port, slash, count = port_field.partition("/")
        return MediaSection(
            kind=kind,
            port=_number(port, 65535, "port", self._line.number),
            port_count=_number(count, 65535, "number of ports", self._line.number) if slash else None,
            protocol=protocol,
            formats=tuple(formats),
            information=self.one("i"),
            connections=self.connections(),
            bandwidths=self.every("b"),
            key=self.one("k"),
            attributes=self.attributes(),
            line_number=self._line.number,
        )


def _attribute(line: _Line) -> Attribute:
    name, colon, value = line.value.partition(":")
    if not name or " " in name:
        raise SdpSyntaxError(f"{line.value[:40]!r} is not an attribute", line.number)
    return Attribute(name, value if colon else None, line.number)


def _origin(line: _Line) -> Origin:
    fields = line.value.split(" ")
    if len(fields) != 6 or not all(fields):
        raise SdpSyntaxError("o= needs six fields", line.number)
    for name, text in (("session id", fields[1]), ("session version", fields[2])):
        if not (text.isascii() and text.isdigit()):
            raise SdpSyntaxError(f"the {name} {text[:40]!r} is not a number", line.number)
    return Origin(*fields)


def _connection(line: _Line) -> Connection:
    fields = line.value.split(" ")
    if len(fields) != 3 or not all(fields):
        raise SdpSyntaxError("c= needs a network type, an address type and an address", line.number)
    return Connection(*fields)


def _number(text: str, maximum: int, what: str, line_number: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) > maximum:
        raise SdpSyntaxError(f"the {what} {text[:40]!r} is not a number up to {maximum}", line_number)
    return int(text)
