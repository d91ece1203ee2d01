"""The peer's transports: each in a section that lives, or in the tagged one of its BUNDLE group (RFC 9143)."""

from collections.abc import Sequence

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep.bundling import carried
from rtcpeer.jsep.facts import RemoteTransport, Section
from rtcpeer.sdp import transport as sdp
from rtcpeer.sdp.model import MediaSection, SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = ["read_transports"]


def read_transports(description: SessionDescription, sections: Sequence[Section]) -> dict[int, RemoteTransport]:
    """The peer's side of the transports of the sections that live, by their keys.

    Raises:
        InvalidAccessError: one lacks ICE credentials or a fingerprint, or they are impossible.
    """
    return {
        key: _read(description, sections, _tagged_index(description, sections, indices))
        for key, indices in carried(sections).items()
    }


def _tagged_index(description: SessionDescription, sections: Sequence[Section], indices: Sequence[int]) -> int:
    """The first of the group that lives, which need not be the first of the description."""
    places = {sections[index].mid: index for index in indices}
    for group in sdp.bundle_groups(description):
        for mid in group:
            if mid in places:
                return places[mid]
    return indices[0]


def _read(description: SessionDescription, sections: Sequence[Section], index: int) -> RemoteTransport:
    own, mid = description.media[index], sections[index].mid
    # A section may leave its transport to the tagged one (RFC 9143 section 7.1.3); its own words come first.
    places = [own]
    tagged = _tagged_media(description, sections[index])
    if tagged is not None and tagged is not own:
        places.append(tagged)
    ufrag, password = _credentials(description, places, mid)
    fingerprints = next((found for media in places if (found := sdp.fingerprints(description, media))), ())
    if not fingerprints:
        raise InvalidAccessError(f"m-section {mid!r} has no a=fingerprint; unencrypted media is not supported")
    candidates, is_end = _candidates(description, places, ufrag)
    return RemoteTransport(
        username_fragment=ufrag,
        password=password,
        fingerprints=tuple((fingerprint.algorithm, fingerprint.value) for fingerprint in fingerprints),
        options=sdp.ice_options(description, own),
        is_lite=sdp.is_ice_lite(description),
        setup=_setup(description, places, mid),
        candidates=candidates,
        is_end_of_candidates=is_end,
    )


def _tagged_media(description: SessionDescription, section: Section) -> MediaSection | None:
    for group in sdp.bundle_groups(description):
        if section.mid in group:
            return next((media for media in description.media if sdp.mid(media) == group[0]), None)
    return None


def _credentials(description: SessionDescription, places: Sequence[MediaSection], mid: str) -> tuple[str, str]:
    for media in places:
        ufrag = sdp.ice_username_fragment(description, media)
        password = sdp.ice_password(description, media)
        if ufrag is not None and password is not None:
            _check_ice_string("a=ice-ufrag", ufrag, 4, mid)
            _check_ice_string("a=ice-pwd", password, 22, mid)
            return ufrag, password
    raise InvalidAccessError(f"m-section {mid!r} lacks a=ice-ufrag or a=ice-pwd")


def _check_ice_string(name: str, value: str, minimum: int, mid: str) -> None:
    """RFC 8839 section 5.4; any visible character passes, since old peers use more than ice-char."""
    if not minimum <= len(value) <= 256:
        raise InvalidAccessError(
            f"{name} of m-section {mid!r} has {len(value)} characters; {minimum} to 256 are allowed"
        )
    if not all("!" <= character <= "~" for character in value):
        raise InvalidAccessError(f"{name} of m-section {mid!r} holds a character that is not allowed there")


def _setup(description: SessionDescription, places: Sequence[MediaSection], mid: str) -> Setup | None:
    setup = next((found for media in places if (found := sdp.setup(description, media)) is not None), None)
    if setup is Setup.HOLDCONN:
        raise InvalidAccessError(
            f"m-section {mid!r} has a=setup:holdconn, which DTLS does not allow (RFC 8842 section 5.1)"
        )
    return setup


def _candidates(
    description: SessionDescription, places: Sequence[MediaSection], ufrag: str
) -> tuple[tuple[str, ...], bool]:
    """The candidates of the section, or those of the tagged one when the section has none and shares its credentials.

    They are never mixed: before bundling is agreed, equal credentials at other ports lead to another transport.
    """
    for media in places:
        found = sdp.candidates(media)
        if found and sdp.ice_username_fragment(description, media) in {None, ufrag}:
            return found, sdp.has_end_of_candidates(description, media)
    return (), sdp.has_end_of_candidates(description, places[0])
