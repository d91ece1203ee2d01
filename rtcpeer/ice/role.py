"""Who nominates: the role of this side and how conflicts about it end (RFC 8445 section 7.3.1.1)."""

from rtcpeer.core import Entropy
from rtcpeer.stun import AttributeType, StunMessage

__all__ = ["Role"]


class Role:
    """The role and the tie-breaker."""

    def __init__(self, is_controlling: bool, entropy: Entropy) -> None:
        self.is_controlling = is_controlling
        self._entropy = entropy
        self.tie_breaker = int.from_bytes(entropy(8), "big")

    def write(self, request: StunMessage) -> None:
        """Tell the peer our role (section 7.1.3)."""
        attribute = AttributeType.ICE_CONTROLLING if self.is_controlling else AttributeType.ICE_CONTROLLED
        request.add_uint64(attribute, self.tie_breaker)

    def yields_to(self, request: StunMessage) -> bool | None:
        """What a peer's request means for our role: None without a conflict, else whether it is we who switch."""
        attribute = AttributeType.ICE_CONTROLLING if self.is_controlling else AttributeType.ICE_CONTROLLED
        theirs = request.uint64(attribute)
        if theirs is None:
            return None
        we_win = self.tie_breaker >= theirs
        # The winner is controlling: it stays so, or becomes so.
        return we_win is not self.is_controlling

    def renew_tie_breaker(self) -> None:
        """Demanded of the side that lost by a 487 (section 7.2.5.1)."""
        self.tie_breaker = int.from_bytes(self._entropy(8), "big")
