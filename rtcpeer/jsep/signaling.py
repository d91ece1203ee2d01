"""The signalling state machine (RFC 9429 section 3.2, W3C webrtc-pc section 4.3.1)."""

from enum import Enum

from rtcpeer.errors import InvalidStateError

__all__ = ["DescriptionType", "Side", "SignalingState", "TRANSITIONS", "next_state"]


class SignalingState(Enum):
    """Where an offer/answer exchange stands; the values are the W3C's."""

    STABLE = "stable"
    HAVE_LOCAL_OFFER = "have-local-offer"
    HAVE_REMOTE_OFFER = "have-remote-offer"
    HAVE_LOCAL_PRANSWER = "have-local-pranswer"
    HAVE_REMOTE_PRANSWER = "have-remote-pranswer"
    CLOSED = "closed"


class Side(Enum):
    """Whose description it is."""

    LOCAL = "local"
    REMOTE = "remote"


class DescriptionType(Enum):
    """What a description is for; the values are the W3C's RTCSdpType."""

    OFFER = "offer"
    PRANSWER = "pranswer"
    ANSWER = "answer"
    ROLLBACK = "rollback"


# What is not in this table is an error; CLOSED has no way out.
TRANSITIONS: dict[tuple[SignalingState, Side, DescriptionType], SignalingState] = {
    (SignalingState.STABLE, Side.LOCAL, DescriptionType.OFFER): SignalingState.HAVE_LOCAL_OFFER,
    (SignalingState.STABLE, Side.REMOTE, DescriptionType.OFFER): SignalingState.HAVE_REMOTE_OFFER,
    (SignalingState.HAVE_LOCAL_OFFER, Side.LOCAL, DescriptionType.OFFER): SignalingState.HAVE_LOCAL_OFFER,
    (SignalingState.HAVE_LOCAL_OFFER, Side.REMOTE, DescriptionType.ANSWER): SignalingState.STABLE,
    (SignalingState.HAVE_LOCAL_OFFER, Side.REMOTE, DescriptionType.PRANSWER): SignalingState.HAVE_REMOTE_PRANSWER,
    # Glare: a remote offer rolls ours back by itself (W3C webrtc-pc section 4.4.1.5); perfect negotiation needs it.
    (SignalingState.HAVE_LOCAL_OFFER, Side.REMOTE, DescriptionType.OFFER): SignalingState.HAVE_REMOTE_OFFER,
    (SignalingState.HAVE_REMOTE_OFFER, Side.REMOTE, DescriptionType.OFFER): SignalingState.HAVE_REMOTE_OFFER,
    (SignalingState.HAVE_REMOTE_OFFER, Side.LOCAL, DescriptionType.ANSWER): SignalingState.STABLE,
    (SignalingState.HAVE_REMOTE_OFFER, Side.LOCAL, DescriptionType.PRANSWER): SignalingState.HAVE_LOCAL_PRANSWER,
    (SignalingState.HAVE_LOCAL_PRANSWER, Side.LOCAL, DescriptionType.PRANSWER): SignalingState.HAVE_LOCAL_PRANSWER,
    (SignalingState.HAVE_LOCAL_PRANSWER, Side.LOCAL, DescriptionType.ANSWER): SignalingState.STABLE,
    (SignalingState.HAVE_REMOTE_PRANSWER, Side.REMOTE, DescriptionType.PRANSWER): SignalingState.HAVE_REMOTE_PRANSWER,
    (SignalingState.HAVE_REMOTE_PRANSWER, Side.REMOTE, DescriptionType.ANSWER): SignalingState.STABLE,
    # The W3C lets either call take either offer back.
    (SignalingState.HAVE_LOCAL_OFFER, Side.LOCAL, DescriptionType.ROLLBACK): SignalingState.STABLE,
    (SignalingState.HAVE_LOCAL_OFFER, Side.REMOTE, DescriptionType.ROLLBACK): SignalingState.STABLE,
    (SignalingState.HAVE_REMOTE_OFFER, Side.LOCAL, DescriptionType.ROLLBACK): SignalingState.STABLE,
    (SignalingState.HAVE_REMOTE_OFFER, Side.REMOTE, DescriptionType.ROLLBACK): SignalingState.STABLE,
}


def next_state(state: SignalingState, side: Side, kind: DescriptionType) -> SignalingState:
    """Where a description leads.

    Raises:
        InvalidStateError: it must not be set in this state.
    """
    following = TRANSITIONS.get((state, side, kind))
    if following is None:
        raise InvalidStateError(f"a {side.value} {kind.value} can not be set in signaling state {state.value!r}")
    return following
