"""STUN that comes in: sorting out what is no concern of ICE, answering the peer's checks, remembering early ones."""

from collections import deque
from collections.abc import Callable, Sequence

from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice.checking import Checking
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.pair import Path
from rtcpeer.ice.responder import PeerCheck, accept_request, answer, refuse
from rtcpeer.ice.role import Role
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stun import AttributeType, ErrorCode, MessageClass, Method, StunMessage

__all__ = ["Intake"]

_MAX_UNSENT = 512  # answers that nobody has pulled yet


class Intake:
    """Takes datagrams, keeps the answers until they are pulled, and counts what was dropped.

    The owner takes ``answers`` out and sends them, oldest first.

    Args:
        checkings: of each generation, the newest last; the owner's list, which changes with ICE restarts.
    """

    def __init__(
        self, checkings: Sequence[Checking], role: Role, settings: IceSettings, admits_remote: Callable[[str], bool]
    ) -> None:
        self.malformed_packets = 0
        self.ignored_packets = 0
        self.requests_refused = 0
        self.responses_unmatched = 0
        self._checkings = checkings
        self._role = role
        self._settings = settings
        self.admits_remote = admits_remote
        self.answers: deque[tuple[Path, bytes]] = deque(maxlen=_MAX_UNSENT)

    def take(self, payload: bytes, path: Path, now: float) -> None:
        """Take one datagram, whatever it holds."""
        try:
            self._take(StunMessage.parse(payload), path, now)
        except MalformedPacketError:
            self.malformed_packets += 1

    def clear(self) -> None:
        """Send nothing more."""
        self.answers.clear()

    def _take(self, message: StunMessage, path: Path, now: float) -> None:
        if message.method != Method.BINDING:
            self.ignored_packets += 1
            return
        match message.message_class:
            case MessageClass.REQUEST:
                self._take_request(message, path, now)
            case MessageClass.INDICATION:
                # Section 11: a keepalive. It is not authenticated, and so no more than a sign of life.
                for checking in self._checkings:
                    pair = checking.generation.checklist.find(path)
                    if pair is not None:
                        pair.last_received_at = now
            case MessageClass.SUCCESS | MessageClass.ERROR:
                self._take_response(message, path, now)

    def _take_response(self, message: StunMessage, path: Path, now: float) -> None:
        for checking in self._checkings:
            if checking.is_awaiting(message):
                checking.response(message, path, now)
                return
        self.responses_unmatched += 1

    def _take_request(self, message: StunMessage, path: Path, now: float) -> None:
        if not self._is_welcome(path):
            self.requests_refused += 1
            return
        checking = self._addressed(message)
        generation = checking.generation
        verdict = accept_request(message, path, generation.local)
        if isinstance(verdict, bytes):
            self.requests_refused += 1
            self.answers.append((path, verdict))
            return
        remote = generation.remote
        if remote is not None and verdict.username_fragment not in {"", remote.username_fragment}:
            # Deviation: RFC 8445 section 7.3 looks at our half of the user name alone. Chromium pairs its candidates of
            # a restart with ours from before; an answer would make it send data there, from addresses unknown to us.
            self.requests_refused += 1
            self.answers.append((path, refuse(message, ErrorCode.UNAUTHENTICATED)))
            return
        we_switch = self._role.yields_to(message)
        if we_switch and self._settings.lite:
            we_switch = False  # section 6.1.1: nobody but the full side nominates
        if we_switch is False:
            refusal = refuse(message, ErrorCode.ROLE_CONFLICT, generation.local.integrity_key)
            self.answers.append((path, refusal))
            return
        if we_switch:
            checking.change_role(not self._role.is_controlling)
        self.answers.append((path, answer(verdict, generation.local)))
        if remote is None:
            self._remember(generation, verdict)
        else:
            checking.peer_check(verdict, now)

    def _is_welcome(self, path: Path) -> bool:
        """Whether a check is answered at all: not where it would tell of an address that is nobody's candidate.

        After a restart the peer may be faster than our gathering, on the bases of the generation before.
        """
        local, remote = path
        is_base = is_known = False
        for checking in self._checkings:
            is_base |= checking.generation.knows_base(local)
            is_known |= checking.generation.knows_remote(remote)
        return is_base and (is_known or self.admits_remote(remote.host))

    def _addressed(self, message: StunMessage) -> Checking:
        """Those of the generation whose fragment stands first in the user name (section 7.2.2); else the newest."""
        if len(self._checkings) == 1:
            return self._checkings[0]
        ours, _, _ = (message.text(AttributeType.USERNAME) or "").partition(":")
        for checking in self._checkings:
            if checking.generation.local.username_fragment == ours:
                return checking
        return self._checkings[-1]

    def _remember(self, generation: Generation, check: PeerCheck) -> None:
        """The peer was faster than its description: its check counts once that has come (section 7.3)."""
        early = generation.early_checks
        early[:] = [known for known in early if known.path != check.path or known.use_candidate > check.use_candidate]
        if len(early) < self._settings.max_early_checks:
            early.append(check)
