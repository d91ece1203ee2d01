"""Offer and answer of one connection: the operations on its negotiation, and what they change."""

import asyncio
import copy
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from rtcpeer.api.configuration import Settings
from rtcpeer.api.description import RTCSessionDescription
from rtcpeer.api.ice_candidate import RTCIceCandidate
from rtcpeer.api.negotiation_need import NegotiationNeed
from rtcpeer.api.remote_candidates import RemoteCandidates
from rtcpeer.api.restarts import RestartRequests
from rtcpeer.api.transports import Transports
from rtcpeer.core import Entropy
from rtcpeer.jsep.capabilities import MediaCapabilities
from rtcpeer.jsep.facts import Applied, Wanted
from rtcpeer.jsep.negotiation import Negotiation, Which
from rtcpeer.jsep.settings import BundlePolicy, NegotiationSettings
from rtcpeer.jsep.signaling import DescriptionType, SignalingState
from rtcpeer.sdp.serialize import serialize

if TYPE_CHECKING:
    from rtcpeer.api.transceivers import Transceivers

__all__ = ["Exchange"]

_MEDIA_SECTION = re.compile("^m=(audio|video)", re.MULTILINE)


class Exchange:
    """What is wanted, what is negotiated, and whether the one asks for more than the other.

    Args:
        transports: what descriptions describe, and bring about.
        settings: the program's.
        bundle_policy: likewise.
        entropy: for the session's id, and what media needs.
        tell: fires an event of the connection.
    """

    def __init__(
        self,
        transports: Transports,
        settings: Settings,
        bundle_policy: BundlePolicy,
        entropy: Entropy,
        tell: Callable[..., object],
    ) -> None:
        self.negotiation = Negotiation(
            str(int.from_bytes(entropy(8), "big") >> 2),  # RFC 9429 section 5.2.1: 62 random bits
            NegotiationSettings(
                sctp_port=settings.sctp.local_port,
                max_message_size=settings.sctp.max_message_size,
                capabilities=MediaCapabilities(),  # until media is wanted
                accepts_simulcast=settings.media is None or settings.media.accepts_simulcast,
                bundle_policy=bundle_policy,
                # A mux tells connections apart by fragments, and the parted sections of our offer have the same.
                can_part_transports=settings.udp_mux is None and settings.tcp_mux is None,
            ),
        )
        self.media: Transceivers | None = None
        self.leftovers: set[asyncio.Task[None]] = set()  # threads of codecs, after `close`
        self.need = NegotiationNeed(self._is_negotiation_needed, lambda: tell("negotiationneeded"))
        self.run = self.need.operations.run
        self.wants_data_channel = False
        self._restarts = RestartRequests()
        self._remote_candidates = RemoteCandidates(self._use_candidate)
        self._transports = transports
        self._settings = settings
        self._entropy = entropy
        self._tell = tell

    # Operations, which run one after the other

    async def create_offer(self, *, is_restart: bool = False) -> RTCSessionDescription:
        """An offer of all that is wanted."""
        # Without a description there is nothing to replace.
        is_restart = (is_restart or self._restarts.is_due) and self.negotiation.local_description() is not None
        local = partial(self._transports.local, self.negotiation, is_restart=is_restart)
        sdp = self.negotiation.create_offer(self._wanted(), local)
        return RTCSessionDescription(sdp=serialize(sdp), type="offer")

    async def create_answer(self) -> RTCSessionDescription:
        """An answer to the pending offer."""
        local = partial(self._transports.answering, self.negotiation)
        sdp = self.negotiation.create_answer(local, self._wanted())
        return RTCSessionDescription(sdp=serialize(sdp), type="answer")

    async def set_local(self, description: RTCSessionDescription | None) -> None:
        """Apply our description, or that which fits now."""
        kind = DescriptionType(description.type) if description else self.negotiation.implied_local_type()
        sdp = description.sdp if description else ""
        if not sdp and kind is DescriptionType.OFFER:
            await self.create_offer()
        elif not sdp and kind is not DescriptionType.ROLLBACK:
            await self.create_answer()
        before = self.negotiation.state
        applied = self.negotiation.set_local(kind, sdp or None)
        self._apply(applied, before)
        if kind is DescriptionType.OFFER:
            self._restarts.offer_set()
        if kind is not DescriptionType.ROLLBACK:
            self._transports.gather(applied)

    async def set_remote(self, description: RTCSessionDescription) -> None:
        """Apply the peer's description."""
        if _MEDIA_SECTION.search(description.sdp):
            self.require_media()
        before = self.negotiation.state
        # On a copy: what the transports can not do is refused before anything has changed.
        following = copy.copy(self.negotiation)
        applied = following.set_remote(DescriptionType(description.type), description.sdp, self._wanted())
        self._transports.check(applied, description.sdp)
        self.negotiation = following
        self._apply(applied, before)
        if applied.type is not DescriptionType.ROLLBACK and applied.type is not DescriptionType.OFFER:
            self._transports.gather(applied)  # for what the answer has taken out of a group
        self._remote_candidates.description_set(following)

    async def add_candidate(self, candidate: RTCIceCandidate) -> None:
        """Take a candidate of the peer's."""
        self._remote_candidates.add(candidate, self.negotiation)

    # What asks for another exchange

    def require_media(self) -> "Transceivers":
        """The transceivers, which come to be when they are first asked for: a connection for data needs no PyAV."""
        if self.media is None:
            from rtcpeer.api.transceivers import Transceivers  # noqa: PLC0415 imports PyAV

            self.media = Transceivers(self._transports, self._settings, self._entropy, self.need.update)
            negotiation = self.negotiation
            negotiation.settings = replace(negotiation.settings, capabilities=self.media.capabilities)
        return self.media

    def want_data_channel(self) -> None:
        """There is one that is to be negotiated."""
        self.wants_data_channel = True
        self.need.update()

    def request_restart(self) -> None:
        """The next offer is to find a new path, and is needed."""
        self._restarts.request(self.negotiation)
        self.need.update()

    def configuration_changed(self) -> None:
        """The next offer is to gather anew."""
        self._restarts.configuration_changed(self.negotiation)

    # Queries, and the end

    def local_description(self, which: Which) -> RTCSessionDescription | None:
        """Our description, with the candidates gathered so far."""
        description = self.negotiation.local_description(which)
        transports = self._transports.described(self.negotiation)
        sdp = self.negotiation.local_description_text(which, *transports)
        return RTCSessionDescription(sdp, description.type.value) if description and sdp else None

    def remote_description(self, which: Which) -> RTCSessionDescription | None:
        """The peer's description, with the candidates that were added to it."""
        description = self.negotiation.remote_description(which)
        sdp = self._remote_candidates.described(self.negotiation, which)
        return RTCSessionDescription(serialize(sdp), description.type.value) if description and sdp else None

    def close(self) -> None:
        """Let no operation begin, and tell nothing any more."""
        self.need.close()
        self.negotiation.close()
        self._remote_candidates.clear()
        self._tell = _nothing
        if self.media is not None:
            self.leftovers = self.media.close()

    def _apply(self, applied: Applied, before: SignalingState) -> None:
        self._transports.apply(applied)
        if applied.is_data_channel_refused:
            # Otherwise the same offer would be needed again, and be refused again, for ever.
            self.wants_data_channel = False
            self._transports.sctp._refuse()  # noqa: SLF001
        tracks = self.media.apply(applied) if self.media is not None else []
        if applied.state is not before:
            self._tell("signalingstatechange")
        for track in tracks:
            self._tell("track", track)
        self._transports.release(applied)
        if applied.state is SignalingState.STABLE:
            self._restarts.settle(self.negotiation)
            self.need.forget()
            self.need.update()

    def _use_candidate(self, candidate: RTCIceCandidate, key: int) -> None:
        self._transports.of(key).ice.addRemoteCandidate(candidate)

    def _wanted(self) -> Wanted:
        if self.media is None:
            return Wanted(data_channel=self.wants_data_channel)
        return Wanted(self.wants_data_channel, self.media.wishes(), self.media.cname)

    def _is_negotiation_needed(self) -> bool | None:
        """None while an exchange is under way."""
        if self.negotiation.state is not SignalingState.STABLE:
            return None
        return self._restarts.is_wanted or self.negotiation.is_negotiation_needed(self._wanted())


def _nothing(*event: object) -> None:
    pass
