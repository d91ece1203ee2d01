"""Our own checks on their way: building requests, repeating them, finding what an answer belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass

from rtcpeer.core import Entropy
from rtcpeer.ice.candidate import reflexive_priority
from rtcpeer.ice.pair import CandidatePair
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.role import Role
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stun import AttributeType, Method, StunMessage, Transaction

__all__ = ["Check", "Checks"]


@dataclass(slots=True, eq=False)
class Check:
    """One binding request of ours."""

    pair: CandidatePair
    transaction: Transaction
    was_controlling: bool
    use_candidate: bool
    is_consent: bool
    last_sent_at: float = 0.0
    refusals: int = 0  # that were not signed


class Checks:
    """The transactions that an answer may still come for."""

    def __init__(self, settings: IceSettings, entropy: Entropy) -> None:
        self.nomination = 0  # the number that USE-CANDIDATE goes with; 0 for none
        self._settings = settings
        self._entropy = entropy
        self._checks: dict[bytes, Check] = {}

    def __len__(self) -> int:
        return len(self._checks)

    def start(
        self,
        pair: CandidatePair,
        role: Role,
        local: IceParameters,
        remote: IceParameters,
        *,
        use_candidate: bool = False,
        is_consent: bool = False,
    ) -> Check:
        """Prepare a check; `transmissions` sends it."""
        request = StunMessage.request(Method.BINDING, self._entropy)
        request.add_text(AttributeType.USERNAME, f"{remote.username_fragment}:{local.username_fragment}")
        request.add_uint32(AttributeType.PRIORITY, reflexive_priority(pair.local))
        role.write(request)
        if use_candidate:
            request.add(AttributeType.USE_CANDIDATE)
            if self.nomination:
                request.add_uint32(self._settings.nomination_attribute, self.nomination)
        data = request.serialize(remote.integrity_key, fingerprint=True)
        settings = self._settings
        if is_consent:
            # RFC 7675 section 5.1: never retransmitted; an answer counts for as long as consent lasts.
            wait = round(settings.consent_timeout / settings.rto)
            transaction = Transaction(data, rto=settings.rto, max_requests=1, last_wait_factor=wait)
        elif pair.is_reliable:
            # RFC 8489 section 6.2.2: TCP repeats it, we only wait; for the connection, too (RFC 6544 section 7.1).
            transaction = Transaction(data, rto=settings.tcp_check_timeout, max_requests=1, last_wait_factor=1)
        else:
            transaction = Transaction(data, rto=settings.rto, max_requests=settings.max_requests)
        check = Check(pair, transaction, role.is_controlling, use_candidate, is_consent)
        self._checks[transaction.transaction_id] = check
        return check

    def transmissions(self, now: float) -> Iterator[tuple[CandidatePair, bytes]]:
        """What is due to be sent, or sent again."""
        for check in self._checks.values():
            data = check.transaction.poll(now)
            if data is not None:
                check.last_sent_at = now
                check.pair.requests_sent += 1
                check.pair.retransmissions_sent += check.transaction.requests_sent > 1
                yield check.pair, data

    def find(self, transaction_id: bytes) -> Check | None:
        """The check that a response is for."""
        return self._checks.get(transaction_id)

    def finish(self, check: Check) -> None:
        """Forget a check that got its answer."""
        self._checks.pop(check.transaction.transaction_id, None)

    def expire(self, now: float) -> list[Check]:
        """Take out those that no answer will come for."""
        expired = [check for check in self._checks.values() if check.transaction.is_expired(now)]
        for check in expired:
            self.finish(check)
        return expired

    def hasten(self, pair: CandidatePair) -> None:
        """The peer got through to us on a pair that we are checking: it is likely that our check gets through now."""
        # Deviation: RFC 8445 section 7.3.1.4 cancels the transaction and queues a new one. To repeat the one that runs
        # does the same for the path, and one transaction per pair is all there is to keep.
        for check in self._checks.values():
            if check.pair is pair and not (check.is_consent or pair.is_reliable) and check.transaction.requests_sent:
                # Two sides that start together cross each other's checks; the answer is then a moment away.
                check.transaction.restart(check.last_sent_at + self._settings.check_interval)

    def stop_repeating(self, spared: CandidatePair) -> None:
        """A pair was selected: other checks are not repeated, but may still be answered (section 8.1.2)."""
        for check in self._checks.values():
            if check.pair is not spared:
                check.transaction.stop_sending()

    def withdraw_nominations(self) -> None:
        """Another pair is nominated now: what still says otherwise is neither repeated nor waited for."""
        for check in [check for check in self._checks.values() if check.use_candidate]:
            self.finish(check)

    def drop(self, pair: CandidatePair) -> None:
        """Forget what was sent on a pair that is given up."""
        for check in [check for check in self._checks.values() if check.pair is pair]:
            self.finish(check)

    def clear(self) -> None:
        """Forget everything."""
        self._checks.clear()

    def postpone(self, seconds: float) -> None:
        """We did not run for so long; the peer gets that time back."""
        for check in self._checks.values():
            check.transaction.postpone(seconds)

    def is_checking(self, pair: CandidatePair) -> bool:
        """Whether a check (other than for consent) is on its way on the pair."""
        return any(check.pair is pair and not check.is_consent for check in self._checks.values())

    def next_timeout(self) -> float | None:
        """When something has to be repeated or given up."""
        return min([check.transaction.next_timeout() for check in self._checks.values()]) if self._checks else None
