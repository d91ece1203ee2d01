"""What the chunks of the opening handshake do to an association (RFC 9260 sections 5.1 and 5.2)."""

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.endpoint import OPENING_STATES, Endpoint
from rtcpeer.sctp.events import PeerAnswered
from rtcpeer.sctp.handshake import parse_init
from rtcpeer.sctp.opening import CookieVerdict
from rtcpeer.sctp.parameters import CauseCode, pack_cause, parse_causes
from rtcpeer.sctp.shutdown import Shutdown
from rtcpeer.sctp.state import AssociationState

__all__ = ["HandshakeChunks"]


class HandshakeChunks:
    """Takes INIT, INIT ACK, COOKIE ECHO, COOKIE ACK and ERROR."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def take_init(self, value: bytes, now: float) -> None:
        """Answer an INIT; until its cookie comes back it costs us nothing."""
        endpoint = self._endpoint
        init = parse_init(value)
        if endpoint.is_ended or not init.tag:
            raise MalformedPacketError("INIT for an association that has ended, or without a tag")
        if not init.outbound_streams or not init.inbound_streams:
            abort = pack_chunk(ChunkType.ABORT, pack_cause(CauseCode.INVALID_MANDATORY_PARAMETER))
            endpoint.answer_with(endpoint.envelope_to_peer(init.tag).seal(abort))
            return
        if endpoint.state is AssociationState.SHUTDOWN_ACK_SENT:
            endpoint.shutdown.repeat()  # section 9.2
            return
        known = None
        if endpoint.link is not None and endpoint.state not in OPENING_STATES:
            known = (endpoint.opening.local_tag, endpoint.link.terms.peer_tag)
        endpoint.answer_with(endpoint.opening.answer(init, endpoint.remote_port, known, now))

    def take_init_ack(self, _flags: int, value: bytes, _now: float) -> None:
        """The peer's answer to our INIT: its cookie goes back, and what is queued may ride along."""
        endpoint = self._endpoint
        if endpoint.state is not AssociationState.COOKIE_WAIT:
            return  # section 5.2.3
        answer = parse_init(value)
        if not answer.tag or not answer.outbound_streams or not answer.inbound_streams or answer.cookie is None:
            raise MalformedPacketError("INIT ACK without a tag, a stream or a cookie")
        endpoint.adopt(endpoint.opening.agree(answer))
        endpoint.state = AssociationState.COOKIE_ECHOED
        endpoint.opening.echo(answer.cookie)
        endpoint.events.append(PeerAnswered(endpoint.inbound_streams, endpoint.outbound_streams))
        if answer.unrecognized:
            causes = pack_cause(CauseCode.UNRECOGNIZED_PARAMETERS, b"".join(answer.unrecognized)[:256])
            endpoint.answer(pack_chunk(ChunkType.ERROR, causes))

    def take_foreign_cookie(self, tag: int, flags: int, value: bytes, now: float) -> bool:
        """A COOKIE ECHO under another tag: of a peer that began anew. Returns whether the tag is now ours."""
        opening = self._endpoint.opening
        cookie = opening.open_cookie(value)
        if cookie is None or cookie.local_tag != tag:
            raise MalformedPacketError("not a cookie of ours")
        self.take_cookie_echo(flags, value, now)
        return opening.local_tag == tag

    def take_cookie_echo(self, _flags: int, value: bytes, now: float) -> None:
        """One of our cookies came back (section 5.2.4)."""
        endpoint = self._endpoint
        opening = endpoint.opening
        cookie = opening.open_cookie(value)
        if cookie is None:
            raise MalformedPacketError("not a cookie of ours")
        peer_tag = endpoint.link.terms.peer_tag if endpoint.link is not None else None
        verdict = opening.judge(cookie, endpoint.state, peer_tag, now)
        match verdict:
            case CookieVerdict.DISCARD:
                return
            case CookieVerdict.STALE:
                endpoint.answer_with(opening.stale_cookie_packet(cookie, endpoint.remote_port, now))
                return
            case CookieVerdict.RESTART if endpoint.state is AssociationState.SHUTDOWN_ACK_SENT:
                endpoint.shutdown.repeat()  # section 5.2.4 action A: finish the shutdown first
                cause = pack_cause(CauseCode.COOKIE_RECEIVED_WHILE_SHUTTING_DOWN)
                endpoint.answer(pack_chunk(ChunkType.ERROR, cause))
                return
            case CookieVerdict.RESTART:
                endpoint.queue.clear()
                endpoint.control.clear()
                endpoint.shutdown = Shutdown()
                endpoint.adopt(opening.adopt(cookie))
                endpoint.bind(endpoint.remote_port)
            case CookieVerdict.ACCEPT:
                endpoint.adopt(opening.adopt(cookie))
            case CookieVerdict.CONFIRM:
                pass
        endpoint.control.insert(0, pack_chunk(ChunkType.COOKIE_ACK))
        if verdict is CookieVerdict.RESTART or endpoint.state in OPENING_STATES:
            endpoint.establish(now, is_restart=verdict is CookieVerdict.RESTART)

    def take_cookie_ack(self, _flags: int, _value: bytes, now: float) -> None:
        """The peer has accepted our cookie."""
        if self._endpoint.state is AssociationState.COOKIE_ECHOED:
            self._endpoint.establish(now, is_restart=False)

    def take_error(self, _flags: int, value: bytes, _now: float) -> None:
        """Only a stale cookie changes anything; other reports are for people who read captures."""
        endpoint = self._endpoint
        codes = [cause.code for cause in parse_causes(value)]
        if CauseCode.STALE_COOKIE in codes and endpoint.state is AssociationState.COOKIE_ECHOED:
            # Section 5.2.6: begin again; expiries go on counting so that this has an end.
            endpoint.state = AssociationState.COOKIE_WAIT
            endpoint.opening.timer.deadline = None
            endpoint.opening.timer.expiries += 1
            endpoint.opening.begin()
