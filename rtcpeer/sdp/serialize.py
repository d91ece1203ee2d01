"""From a description to its text (RFC 8866 section 9), lines ending in CRLF."""

from collections.abc import Iterator

from rtcpeer.sdp.model import MediaSection, SessionDescription

__all__ = ["serialize"]


def serialize(description: SessionDescription) -> str:
    """The text of a description."""
    lines = [*_session_lines(description)]
    for section in description.media:
        lines += _media_lines(section)
    return "".join(f"{line}\r\n" for line in lines)


def _session_lines(description: SessionDescription) -> Iterator[str]:
    yield "v=0"
    yield f"o={description.origin}"
    yield f"s={description.name}"
    yield from _optional("i", description.information)
    yield from _optional("u", description.uri)
    yield from (f"e={email}" for email in description.emails)
    yield from (f"p={phone}" for phone in description.phones)
    if description.connection is not None:
        yield f"c={description.connection}"
    yield from (f"b={bandwidth}" for bandwidth in description.bandwidths)
    for timing in description.timings:
        yield f"t={timing.value}"
        yield from (f"r={repeat}" for repeat in timing.repeats)
    yield from _optional("z", description.time_zones)
    yield from _optional("k", description.key)
    yield from (f"a={attribute}" for attribute in description.attributes)


def _media_lines(section: MediaSection) -> Iterator[str]:
    port = str(section.port) if section.port_count is None else f"{section.port}/{section.port_count}"
    yield f"m={section.kind} {port} {section.protocol} {' '.join(section.formats)}"
    yield from _optional("i", section.information)
    yield from (f"c={connection}" for connection in section.connections)
    yield from (f"b={bandwidth}" for bandwidth in section.bandwidths)
    yield from _optional("k", section.key)
    yield from (f"a={attribute}" for attribute in section.attributes)


def _optional(letter: str, value: str | None) -> Iterator[str]:
    if value is not None:
        yield f"{letter}={value}"
