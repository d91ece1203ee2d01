import random

from rtcpeer.sctp.handshake import Init, parse_init
from rtcpeer.sctp.opening import CookieVerdict, Opening
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.state import AssociationState

PEER = Init(0xAAAA, 100_000, 16, 32, 77)


def opening(settings: SctpSettings | None = None) -> Opening:
    return Opening(settings or SctpSettings(), random.Random(1).randbytes)


def cookie_of(ours: Opening, known: tuple[int, int] | None = None, now: float = 10.0) -> bytes:
    packet = ours.answer(PEER, 5000, known, now)
    assert packet[4:8] == PEER.tag.to_bytes(4, "big")
    cookie = parse_init(packet[16:]).cookie
    assert cookie is not None
    return cookie


def judge(
    ours: Opening, sealed: bytes, state: AssociationState, peer_tag: int | None, now: float = 11
) -> CookieVerdict:
    cookie = ours.open_cookie(sealed)
    assert cookie is not None
    return ours.judge(cookie, state, peer_tag, now)


def test_the_answer_to_a_first_init_says_what_our_own_says() -> None:
    ours = opening()
    answer = parse_init(ours.answer(PEER, 5000, None, 0.0)[16:])
    assert (answer.tag, answer.initial_tsn) == (ours.local_tag, ours.local_initial_tsn)
    terms = ours.adopt(ours.open_cookie(cookie_of(ours)))  # type: ignore[arg-type]
    assert (terms.outbound_streams, terms.inbound_streams) == (32, 16)
    assert (terms.peer_tag, terms.peer_initial_tsn, terms.peer_window) == (0xAAAA, 77, 100_000)


def test_a_first_cookie_is_accepted_until_it_is_stale() -> None:
    ours = opening()
    sealed = cookie_of(ours)
    for state in (AssociationState.CLOSED, AssociationState.COOKIE_WAIT, AssociationState.COOKIE_ECHOED):
        assert judge(ours, sealed, state, None) is CookieVerdict.ACCEPT
    assert judge(ours, sealed, AssociationState.CLOSED, None, 70.0) is CookieVerdict.ACCEPT
    assert judge(ours, sealed, AssociationState.CLOSED, None, 70.1) is CookieVerdict.STALE


def test_both_tags_known_is_a_confirmation_even_when_stale() -> None:
    ours = opening()
    sealed = cookie_of(ours)
    assert judge(ours, sealed, AssociationState.COOKIE_ECHOED, 0xAAAA, 1000.0) is CookieVerdict.CONFIRM
    assert judge(ours, sealed, AssociationState.ESTABLISHED, 0xAAAA) is CookieVerdict.CONFIRM


def test_a_restart_needs_both_tie_tags() -> None:
    ours = opening()
    established = AssociationState.ESTABLISHED
    sealed = cookie_of(ours, (ours.local_tag, 0xBBBB))
    assert judge(ours, sealed, established, 0xBBBB) is CookieVerdict.RESTART
    assert judge(ours, sealed, established, 0xCCCC) is CookieVerdict.DISCARD
    assert judge(ours, cookie_of(ours), established, 0xBBBB) is CookieVerdict.DISCARD


def test_t1_doubles_and_ends() -> None:
    ours = opening(SctpSettings(max_init_retransmits=2, rto_max=3.0))
    ours.begin()
    now = 0.0
    waits = []
    while not ours.is_exhausted:
        assert ours.is_due
        ours.mark_sent(now)
        assert ours.timer.deadline is not None
        waits.append(ours.timer.deadline - now)
        now = ours.timer.deadline
        assert ours.handle_timeout(now)
    assert waits == [1.0, 2.0, 3.0]
    ours.finish()
    assert (ours.timer.deadline, ours.is_due, ours.cookie_echo) == (None, False, b"")
