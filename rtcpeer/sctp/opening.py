"""Our side of the opening handshake, collisions and restarts included (RFC 9260 sections 5.1 and 5.2)."""

from enum import Enum
from struct import Struct

from rtcpeer.core import Entropy
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.handshake import Capabilities, Cookie, CookieJar, Init, pack_init
from rtcpeer.sctp.link import Terms
from rtcpeer.sctp.packet import Envelope
from rtcpeer.sctp.parameters import CauseCode, pack_cause
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.state import AssociationState
from rtcpeer.sctp.timer import Timer

__all__ = ["CookieVerdict", "Opening"]

_U32 = Struct(">I")


class CookieVerdict(Enum):
    """What a returned cookie means (section 5.2.4, table 12)."""

    ACCEPT = "a first cookie, or the peer's side of a collision"  # action B
    CONFIRM = "both tags are those we have"  # action D
    RESTART = "the peer lost its state"  # action A
    DISCARD = "late, or not ours"  # action C and all else
    STALE = "ours, but too old"


class Opening:
    """Tag, initial TSN and cookies of our side, and the T1 timer."""

    def __init__(self, settings: SctpSettings, entropy: Entropy) -> None:
        self._settings = settings
        self._entropy = entropy
        self._jar = CookieJar(entropy(32))
        self.timer = Timer()  # T1-init and T1-cookie
        self.local_tag = self._draw_tag()
        self.local_initial_tsn = _U32.unpack(entropy(4))[0]
        self.timeout = settings.rto_initial
        self.cookie_echo = b""  # the chunk, while we wait for its COOKIE ACK
        self.is_due = False  # INIT or COOKIE ECHO is to be sent with the next pull

    def begin(self) -> None:
        """Send INIT with the next pull."""
        self.cookie_echo = b""
        self.is_due = True

    def echo(self, cookie: bytes) -> None:
        """Send COOKIE ECHO with the next pull."""
        self.timer.stop()
        self.timeout = self._settings.rto_initial
        self.cookie_echo = pack_chunk(ChunkType.COOKIE_ECHO, cookie)
        self.is_due = True

    def finish(self) -> None:
        """The handshake is over."""
        self.timer.stop()
        self.cookie_echo = b""
        self.is_due = False

    def handle_timeout(self, now: float) -> bool:
        """Repeat INIT or COOKIE ECHO; returns whether the timer had run out."""
        if not self.timer.expire(now):
            return False
        self.timeout = min(self.timeout * 2, self._settings.rto_max)
        self.is_due = True
        return True

    @property
    def is_exhausted(self) -> bool:
        """Whether the peer had its chances (Max.Init.Retransmits)."""
        return self.timer.expiries > self._settings.max_init_retransmits

    def mark_sent(self, now: float) -> None:
        """INIT or COOKIE ECHO went out."""
        self.is_due = False
        self.timer.start(now + self.timeout)

    def init_chunk(self) -> bytes:
        """Our INIT."""
        return pack_init(ChunkType.INIT, self._init(self.local_tag, self.local_initial_tsn))

    def answer(self, init: Init, remote_port: int, known: tuple[int, int] | None, now: float) -> bytes:
        """The packet with our INIT ACK.

        ``known`` are our tag and the peer's in an association that is up: the answer then offers a new tag and TSN, and
        its cookie carries the old tags (section 5.2.2). Otherwise the answer says what our own INIT says, because both
        may be under way (section 5.2.1).
        """
        tag, tsn = self.local_tag, self.local_initial_tsn
        if known is not None:
            tag, tsn = self._draw_tag(), _U32.unpack(self._entropy(4))[0]
        capabilities = init.capabilities.has_partial_reliability | init.capabilities.has_reconfiguration << 1
        cookie = Cookie(
            now,
            tag,
            init.tag,
            tsn,
            init.initial_tsn,
            init.receive_window,
            init.inbound_streams,
            init.outbound_streams,
            capabilities,
            *(known or (0, 0)),
        )
        chunk = pack_init(ChunkType.INIT_ACK, self._init(tag, tsn, self._jar.seal(cookie), init.unrecognized))
        return Envelope(self._settings.local_port, remote_port, init.tag).seal(chunk)

    def open_cookie(self, sealed: bytes) -> Cookie | None:
        """The cookie, if we made it."""
        return self._jar.open(sealed)

    def judge(self, cookie: Cookie, state: AssociationState, peer_tag: int | None, now: float) -> CookieVerdict:
        """What to do about a cookie of ours that came back."""
        is_local = cookie.local_tag == self.local_tag
        if is_local and cookie.peer_tag == peer_tag:
            return CookieVerdict.CONFIRM  # even when stale
        if not 0 <= now - cookie.created_at <= self._settings.cookie_lifetime:
            return CookieVerdict.STALE
        if is_local and state in (
            AssociationState.CLOSED,
            AssociationState.COOKIE_WAIT,
            AssociationState.COOKIE_ECHOED,
        ):
            return CookieVerdict.ACCEPT
        ties = (cookie.local_tie_tag, cookie.peer_tie_tag)
        if not is_local and peer_tag not in (None, cookie.peer_tag) and ties == (self.local_tag, peer_tag):
            return CookieVerdict.RESTART
        return CookieVerdict.DISCARD

    def adopt(self, cookie: Cookie) -> Terms:
        """What a cookie of ours says was agreed; its tag and TSN become ours."""
        self.local_tag = cookie.local_tag
        self.local_initial_tsn = cookie.local_initial_tsn
        settings = self._settings
        return Terms(
            peer_tag=cookie.peer_tag,
            local_initial_tsn=cookie.local_initial_tsn,
            peer_initial_tsn=cookie.peer_initial_tsn,
            peer_window=cookie.peer_window,
            outbound_streams=min(settings.outbound_streams, cookie.outbound_streams),
            inbound_streams=min(settings.inbound_streams, cookie.inbound_streams),
            capabilities=Capabilities(bool(cookie.capabilities & 1), bool(cookie.capabilities & 2)),
        )

    def agree(self, answer: Init) -> Terms:
        """What was agreed by an INIT ACK."""
        settings = self._settings
        return Terms(
            peer_tag=answer.tag,
            local_initial_tsn=self.local_initial_tsn,
            peer_initial_tsn=answer.initial_tsn,
            peer_window=answer.receive_window,
            outbound_streams=min(settings.outbound_streams, answer.inbound_streams),
            inbound_streams=min(settings.inbound_streams, answer.outbound_streams),
            capabilities=answer.capabilities,
        )

    def stale_cookie_packet(self, cookie: Cookie, remote_port: int, now: float) -> bytes:
        """The packet that tells the peer how much too late its cookie came, in microseconds."""
        staleness = now - cookie.created_at - self._settings.cookie_lifetime
        measure = _U32.pack(min(max(int(staleness * 1_000_000), 0), 0xFFFFFFFF))
        chunk = pack_chunk(ChunkType.ERROR, pack_cause(CauseCode.STALE_COOKIE, measure))
        return Envelope(self._settings.local_port, remote_port, cookie.peer_tag).seal(chunk)

    def _init(self, tag: int, tsn: int, cookie: bytes | None = None, unrecognized: tuple[bytes, ...] = ()) -> Init:
        settings = self._settings
        return Init(
            tag,
            settings.receive_window,
            settings.outbound_streams,
            settings.inbound_streams,
            tsn,
            cookie=cookie,
            unrecognized=unrecognized[:8],
        )

    def _draw_tag(self) -> int:
        while True:
            tag: int = _U32.unpack(self._entropy(4))[0]
            if tag:  # section 5.3.1: 0 is reserved for INIT
                return tag
