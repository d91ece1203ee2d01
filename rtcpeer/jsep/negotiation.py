"""The state of an offer/answer negotiation (RFC 9429 sections 3 to 5), without transports, sockets or time.

The owner hands in its `LocalTransport`, gets descriptions, and is told in `Applied` what each set description means. A
call that raises has changed nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from rtcpeer.errors import InvalidModificationError, InvalidStateError, OperationError
from rtcpeer.jsep import apply, remote_sections
from rtcpeer.jsep.answer import answer_setup, answered_sections, build_answer
from rtcpeer.jsep.association import associated
from rtcpeer.jsep.bundling import tagged
from rtcpeer.jsep.candidates import bare, with_candidates
from rtcpeer.jsep.facts import Applied, Description, LocalTransport, Section, Session, TransportFacts, Wanted
from rtcpeer.jsep.need import is_needed
from rtcpeer.jsep.offer import build_offer, offered_sections
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.jsep.signaling import DescriptionType, Side, SignalingState, next_state
from rtcpeer.sdp import transport as sdp
from rtcpeer.sdp.model import Origin, SessionDescription
from rtcpeer.sdp.parse import parse
from rtcpeer.sdp.serialize import serialize

__all__ = ["LocalTransports", "Negotiation", "Which"]

Which = Literal["effective", "current", "pending"]
"""Which description: the pending one if there is one, else the current one; or that one precisely."""

LocalTransports = LocalTransport | Callable[[int], LocalTransport]
"""Our side of each transport by its key, made when it is asked for; or of the only one."""

_ANSWERS = frozenset({DescriptionType.ANSWER, DescriptionType.PRANSWER})


class Negotiation:
    """Who offered what, who answered what, and what follows from it.

    Args:
        session_id: decimal digits, unique to this session; 62 random bits are usual (RFC 9429 section 5.2.1).
        settings: what this side says about itself.
    """

    def __init__(self, session_id: str, settings: NegotiationSettings | None = None) -> None:
        self.settings = settings or NegotiationSettings()
        self.state = SignalingState.STABLE
        self.current_local: Description | None = None
        self.pending_local: Description | None = None
        self.current_remote: Description | None = None
        self.pending_remote: Description | None = None
        self._session_id = session_id
        self._version = -1
        self._versioned: SessionDescription | None = None  # what bears that version
        self._stable = Session()  # what the current descriptions settled
        self._session = self._stable  # the same, with what is pending
        self._last_key = 0  # of the transceivers that remote offers have made; they count downwards
        self._last_offer: _Created | None = None
        self._last_answer: _Created | None = None

    def create_offer(self, wanted: Wanted, local: LocalTransports) -> SessionDescription:
        """An offer that goes on from what is negotiated; it changes nothing until it is set.

        Raises:
            InvalidStateError: a remote offer waits for its answer, or the negotiation is closed.
        """
        if self.state not in {SignalingState.STABLE, SignalingState.HAVE_LOCAL_OFFER}:
            raise InvalidStateError(f"an offer can not be created in signaling state {self.state.value!r}")
        sections = offered_sections(self._session, self._stable, wanted, self.settings)
        transports = _used(local, sections, self._session)
        bare_offer = self._numbered(build_offer(sections, transports, self.settings))
        following = apply.after_local_offer(self._session, self._stable, sections, _own_credentials(transports))
        self._last_offer = _Created(bare_offer, following)
        return with_candidates(bare_offer, transports.values(), tagged(sections))

    def create_answer(self, local: LocalTransports, wanted: Wanted | None = None) -> SessionDescription:
        """An answer to the pending remote offer; it changes nothing until it is set.

        A transceiver that the offer has made and that ``wanted`` does not list only receives.

        Raises:
            InvalidStateError: there is no remote offer to answer.
        """
        if self.state not in {SignalingState.HAVE_REMOTE_OFFER, SignalingState.HAVE_LOCAL_PRANSWER}:
            raise InvalidStateError(f"an answer can not be created in signaling state {self.state.value!r}")
        assert self.pending_remote is not None  # the state says so
        sections = answered_sections(self._session, wanted or Wanted(), self.settings)
        transports = _used(local, sections, self._session)
        setups = {key: answer_setup(self._session.transport(key), self.settings.answer_setup) for key in transports}
        bare_answer = self._numbered(build_answer(sections, transports, setups, self.settings))
        answered = replace(self._session, sections=sections)
        credentials = _own_credentials(transports)
        following = apply.after_local_answer(answered, self.pending_remote.sdp, setups, credentials)
        if any(each.is_lite for each in transports.values()) and self._stable.is_controlling is None:
            following = replace(following, is_controlling=False)  # both lite: the offerer controls
        self._last_answer = _Created(bare_answer, following)
        return with_candidates(bare_answer, transports.values(), tagged(sections))

    def set_local(self, kind: DescriptionType, description: str | SessionDescription | None = None) -> Applied:
        """Apply what `create_offer` or `create_answer` gave last; None or empty means exactly that.

        Raises:
            InvalidStateError: the type does not fit the signalling state.
            InvalidModificationError: the description is not the one created last (candidates aside).
            SdpSyntaxError: the text is no description.
        """
        state = next_state(self.state, Side.LOCAL, kind)
        if kind is DescriptionType.ROLLBACK:
            return self._roll_back(Side.LOCAL)
        created = self._created(kind, description)
        self._versioned = created.description
        self._version = int(created.description.origin.session_version)
        self.pending_local = Description(kind, created.description)
        return self._enter(state, Side.LOCAL, kind, created.session)

    def set_remote(
        self,
        kind: DescriptionType,
        description: str | SessionDescription | None = None,
        wanted: Wanted | None = None,
    ) -> Applied:
        """Apply the peer's description; an offer takes a pending offer of ours back first.

        Sections of an offer go to those transceivers of ``wanted`` that addTrack has made, or to new ones.

        Raises:
            InvalidStateError: the type does not fit the signalling state.
            InvalidAccessError: the description breaks the rules or does not fit what it answers.
            SdpSyntaxError: the text is no description.
        """
        state = next_state(self.state, Side.REMOTE, kind)
        if kind is DescriptionType.ROLLBACK:
            return self._roll_back(Side.REMOTE)
        remote = description if isinstance(description, SessionDescription) else parse(description or "")
        is_rolled_back = False
        if kind is DescriptionType.OFFER:
            # Whatever was pending is superseded, ours by the implicit rollback of W3C webrtc-pc section 4.4.1.5.
            following = self._after_remote_offer(remote, wanted or Wanted())
            is_rolled_back = self.pending_local is not None
            self.pending_local = None
        else:
            following = apply.after_remote_answer(
                self._session, remote, self.settings, before=self._stable, is_local_lite=self._is_local_lite()
            )
        self.pending_remote = Description(kind, remote)
        self._last_offer = self._last_answer = None
        return self._enter(state, Side.REMOTE, kind, following, is_rolled_back=is_rolled_back)

    def close(self) -> None:
        """End the negotiation; every later call but the queries raises `InvalidStateError`."""
        self.state = SignalingState.CLOSED

    def local_description(self, which: Which = "effective") -> Description | None:
        """Our description as it was set, without candidates."""
        if which == "current":
            return self.current_local
        return self.pending_local or (self.current_local if which == "effective" else None)

    def remote_description(self, which: Which = "effective") -> Description | None:
        """The peer's description as it was set."""
        if which == "current":
            return self.current_remote
        return self.pending_remote or (self.current_remote if which == "effective" else None)

    def local_description_text(self, which: Which, *transports: LocalTransport) -> str | None:
        """Our description with the candidates gathered up to now, those of the generation whose ufrag it announces.

        Hand in the transports of the current generation and, during an ICE restart, of the one before.
        """
        description = self.local_description(which)
        if description is None:
            return None
        session = self._stable if description is self.current_local else self._session
        return serialize(with_candidates(description.sdp, transports, tagged(session.sections)))

    def implied_local_type(self) -> DescriptionType:
        """What `setLocalDescription()` without an argument creates (W3C webrtc-pc section 4.4.2)."""
        match self.state:
            case SignalingState.STABLE | SignalingState.HAVE_LOCAL_OFFER | SignalingState.HAVE_REMOTE_PRANSWER:
                return DescriptionType.OFFER
            case SignalingState.HAVE_REMOTE_OFFER | SignalingState.HAVE_LOCAL_PRANSWER:
                return DescriptionType.ANSWER
            case SignalingState.CLOSED:
                raise InvalidStateError("the negotiation is closed")

    def is_negotiation_needed(self, wanted: Wanted) -> bool:
        """Whether an offer would ask for more than the current descriptions settled (W3C webrtc-pc section 4.7.3)."""
        return is_needed(wanted, self._stable, self.current_local, self.settings.capabilities)

    def find_section(self, sdp_mid: str | None, sdp_m_line_index: int | None) -> Section:
        """The remote section that a candidate belongs to (W3C webrtc-pc section 4.4.2, addIceCandidate).

        Raises:
            TypeError: neither is given.
            InvalidStateError: there is no remote description yet; keep the candidate until there is.
            OperationError: the remote description has no such section.
        """
        remote = self.remote_description()
        if remote is None:
            raise InvalidStateError("a candidate can not be matched before there is a remote description")
        if sdp_mid:
            for section in self.remote_sections:
                if section.mid == sdp_mid:
                    return section
            raise OperationError(f"the remote description has no m-section with mid {sdp_mid!r}")
        # Pion sends an empty sdpMid, GStreamer null: the index alone says where.
        if sdp_m_line_index is None:
            raise TypeError("a candidate needs sdpMid or sdpMLineIndex")
        if not 0 <= sdp_m_line_index < len(remote.sdp.media):
            raise OperationError(f"the remote description has no m-section {sdp_m_line_index}")
        return self.remote_sections[sdp_m_line_index]

    @property
    def sections(self) -> tuple[Section, ...]:
        """All m-sections in their order, with what is pending."""
        return self._session.sections

    @property
    def remote_sections(self) -> tuple[Section, ...]:
        """Those m-sections that the remote description has."""
        remote = self.remote_description()
        return () if remote is None else self._session.sections[: len(remote.sdp.media)]

    @property
    def session(self) -> Session:
        """All facts, with what is pending."""
        return self._session

    @property
    def settled(self) -> Session:
        """All facts without what is pending."""
        return self._stable

    @property
    def restarts_offered(self) -> frozenset[int]:
        """The transports that the pending remote offer restarts, so that the answer needs new credentials too."""
        return _restarted(self._stable, self._session, _remote_credentials)

    def _after_remote_offer(self, offer: SessionDescription, wanted: Wanted) -> Session:
        pending = self._session if self.state is SignalingState.HAVE_REMOTE_OFFER else self._stable
        sections, made = associated(
            remote_sections.offered_sections(self._stable, offer, self.settings),
            self._stable,
            pending,
            wanted.transceivers,
            self._last_key,
        )
        following = apply.after_remote_offer(self._stable, sections, offer, is_local_lite=self._is_local_lite())
        self._last_key = min(made, default=self._last_key)
        return replace(following, made=made)

    def _created(self, kind: DescriptionType, description: str | SessionDescription | None) -> "_Created":
        created = self._last_answer if kind in _ANSWERS else self._last_offer
        if created is None:
            raise InvalidModificationError(f"no {kind.value} was created to be set")
        if not description:
            return created
        given = description if isinstance(description, SessionDescription) else parse(description)
        if bare(given) != created.description:
            raise InvalidModificationError(
                f"the {kind.value} is not the one that was created last; it must not be modified"
            )
        return created

    def _roll_back(self, side: Side) -> Applied:
        self.pending_local = self.pending_remote = None
        self._last_offer = self._last_answer = None
        return self._enter(SignalingState.STABLE, side, DescriptionType.ROLLBACK, self._stable, is_rolled_back=True)

    def _enter(
        self,
        state: SignalingState,
        side: Side,
        kind: DescriptionType,
        session: Session,
        *,
        is_rolled_back: bool = False,
    ) -> Applied:
        """Make ``session`` what holds, and for good when an answer completed the exchange."""
        credentials = _local_credentials if side is Side.LOCAL else _remote_credentials
        ice_restarts = _restarted(self._stable, session, credentials)
        dtls_restarts = frozenset(
            each.key
            for each in session.transports
            if not apply.is_same_certificate(self._stable.transport(each.key).remote, each.remote)
        )
        had_data_section = self._session.data_section is not None or self._stable.data_channel is not None
        removed = self._session.made - session.transceivers
        stopped: frozenset[int] = frozenset()
        if kind is DescriptionType.ANSWER:
            stopped = (self._session.transceivers | self._stable.transceivers) - session.transceivers
            removed = frozenset()
        self._session = session
        self.state = state
        if kind is DescriptionType.ANSWER:
            self._stable = session
            self.current_local, self.pending_local = self.pending_local, None
            self.current_remote, self.pending_remote = self.pending_remote, None
            self._last_offer = self._last_answer = None
        return Applied(
            side=side,
            type=kind,
            state=state,
            sections=session.sections,
            is_controlling=session.is_controlling,
            transports=session.transports,
            data_channel=session.data_channel,
            is_data_channel_refused=kind is DescriptionType.ANSWER
            and had_data_section
            and session.data_channel is None,
            ice_restarts=ice_restarts,
            dtls_restarts=dtls_restarts,
            is_rolled_back=is_rolled_back,
            stopped=tuple(sorted(stopped)),
            removed=tuple(sorted(removed)),
        )

    def _numbered(self, description: SessionDescription) -> SessionDescription:
        """Give the description its o= line; the version grows when the content changes (RFC 9429 section 5.2.2)."""
        version = self._version
        if self._versioned is None or replace(self._versioned, origin=description.origin) != description:
            version += 1
        # RFC 9429 section 5.2.1 wants no real address here.
        return replace(description, origin=Origin("-", self._session_id, str(version), "IN", "IP4", "127.0.0.1"))

    def _is_local_lite(self) -> bool:
        local = self.local_description()
        return local is not None and sdp.is_ice_lite(local.sdp)


@dataclass(frozen=True, slots=True)
class _Created:
    """A description that may be set, and what setting it would settle."""

    description: SessionDescription  # without candidates
    session: Session


def _used(local: LocalTransports, sections: Iterable[Section], session: Session) -> dict[int, LocalTransport]:
    """Our side of those transports that the sections need; where none lives, of the first all the same."""
    keys = list(tagged(sections)) or [each.key for each in session.transports[:1]] or [0]
    if isinstance(local, LocalTransport):
        return {key: replace(local, key=key) for key in keys}
    return {key: local(key) for key in keys}


def _own_credentials(transports: dict[int, LocalTransport]) -> dict[int, tuple[str, str]]:
    return {key: (each.username_fragment, each.password) for key, each in transports.items()}


def _local_credentials(transport: TransportFacts) -> tuple[str, str] | None:
    return transport.local_credentials


def _remote_credentials(transport: TransportFacts) -> tuple[str, str] | None:
    remote = transport.remote
    return None if remote is None else (remote.username_fragment, remote.password)


def _restarted(
    before: Session, after: Session, credentials: Callable[[TransportFacts], tuple[str, str] | None]
) -> frozenset[int]:
    """Changed credentials ask for an ICE restart (RFC 8839 section 4.4.1.1.1); first ones do not."""
    pairs = ((each.key, credentials(before.transport(each.key)), credentials(each)) for each in after.transports)
    return frozenset(key for key, old, new in pairs if old is not None and new is not None and old != new)
