"""The peer's candidates: those that come before their description, and those that come after it."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rtcpeer.api.ice_candidate import RTCIceCandidate
from rtcpeer.errors import OperationError
from rtcpeer.jsep.facts import TransportFacts
from rtcpeer.jsep.negotiation import Negotiation, Which
from rtcpeer.sdp.model import MediaSection, SessionDescription

__all__ = ["RemoteCandidates", "remote_candidate"]

# Of each: a peer that sends more is broken or hostile.
MAX_EARLY = 256
MAX_TRICKLED = 256


class RemoteCandidates:
    """Candidates wait here for their description, and are remembered for what `remoteDescription` shows.

    Args:
        use: takes a candidate whose m-section exists, with the key of its transport.
    """

    def __init__(self, use: Callable[[RTCIceCandidate, int], None]) -> None:
        self._use = use
        self._early: list[RTCIceCandidate] = []
        self._trickled: list[tuple[str, RTCIceCandidate]] = []  # with the mid of their m-section

    def add(self, candidate: RTCIceCandidate, negotiation: Negotiation) -> None:
        """Take a candidate, or keep it until there is a remote description.

        Raises:
            OperationError: the remote description has no such m-section, or too many candidates wait for one.
        """
        if negotiation.remote_description() is not None:
            self._take(candidate, negotiation)
        elif len(self._early) >= MAX_EARLY:
            raise OperationError(f"{MAX_EARLY} candidates wait for a remote description already")
        else:
            self._early.append(candidate)

    def description_set(self, negotiation: Negotiation) -> None:
        """There is another remote description, or none any more; what turns out not to belong to it is dropped."""
        if negotiation.remote_description() is None:
            self._trickled.clear()
            return
        sessions = (negotiation.settled, negotiation.session)
        fragments = {
            transport.remote.username_fragment
            for session in sessions
            for transport in session.transports
            if transport.remote is not None
        }
        self._trickled = [each for each in self._trickled if each[1].usernameFragment in fragments]
        early, self._early = self._early, []
        for candidate in early:
            with contextlib.suppress(OperationError, TypeError):
                self._take(candidate, negotiation)

    def clear(self) -> None:
        """Forget all."""
        self._early.clear()
        self._trickled.clear()

    def described(self, negotiation: Negotiation, which: Which) -> SessionDescription | None:
        """A remote description with the candidates that were added to it (W3C webrtc-pc section 4.4.2)."""
        description = negotiation.remote_description(which)
        if description is None:
            return None
        sdp = description.sdp
        mids = [section.mid for section in negotiation.sections]
        media = tuple(self._filled(section, mid) for section, mid in zip(sdp.media, mids, strict=False))
        return replace(sdp, media=media)

    def _take(self, candidate: RTCIceCandidate, negotiation: Negotiation) -> None:
        session = negotiation.session
        if candidate.sdpMid is None and candidate.sdpMLineIndex is None and not candidate.candidate:
            for transport in session.transports:  # the end of all
                self._use(_latest(candidate, transport), transport.key)
            return
        section = negotiation.find_section(candidate.sdpMid, candidate.sdpMLineIndex)
        candidate = _latest(candidate, session.transport(section.transport))
        if candidate.candidate and len(self._trickled) < MAX_TRICKLED:
            self._trickled.append((section.mid, candidate))
        self._use(candidate, section.transport)

    def _filled(self, section: MediaSection, mid: str) -> MediaSection:
        known = {attribute.value for attribute in section.attributes.named("candidate")}
        fragment = section.attributes.first("ice-ufrag")
        added: dict[str, None] = {}
        for place, candidate in self._trickled:
            value = candidate.candidate.removeprefix("candidate:")
            is_older = fragment is not None and candidate.usernameFragment not in {None, fragment.value}
            if place == mid and value not in known and not is_older:
                added[value] = None
        return replace(section, attributes=section.attributes.plus(("candidate", value) for value in added))


def _latest(candidate: RTCIceCandidate, transport: TransportFacts) -> RTCIceCandidate:
    """W3C webrtc-pc section 4.4.2: one that does not say it is meant for the latest description."""
    if candidate.usernameFragment is None and transport.remote is not None:
        return candidate._with_fragment(transport.remote.username_fragment)  # noqa: SLF001
    return candidate


def remote_candidate(candidate: RTCIceCandidate | Mapping[str, Any] | str | None) -> RTCIceCandidate:
    """What `addIceCandidate` was given, as an object; None is the end of candidates.

    Raises:
        TypeError: it is none of these, or a candidate with neither ``sdpMid`` nor ``sdpMLineIndex``.
        OperationError: the line is malformed.
    """
    if candidate is None:
        return RTCIceCandidate()
    if isinstance(candidate, str):
        # A bare line says nothing about its m-section; it is taken for the first one's.
        return RTCIceCandidate(candidate, sdpMLineIndex=0)
    made = candidate if isinstance(candidate, RTCIceCandidate) else RTCIceCandidate(candidate)
    if made.candidate and made.sdpMid is None and made.sdpMLineIndex is None:
        raise TypeError("a candidate needs sdpMid or sdpMLineIndex")
    return made
