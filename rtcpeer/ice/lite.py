"""What is different for a side that never checks (RFC 8445 sections 2.5, 7.3.2 and 8)."""

from rtcpeer.core import Entropy
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.pair import CandidatePair
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stun import Method, StunMessage

__all__ = ["keepalive", "unchecked_pair"]


def unchecked_pair(
    generation: Generation, settings: IceSettings, selected: CandidatePair | None
) -> CandidatePair | None:
    """Both sides are lite: the best pair, which nobody will check, where it is not selected yet (section 6.1.1)."""
    remote = generation.remote
    if not settings.lite or remote is None or not remote.is_lite:
        return None
    best = next((pair for pair in generation.checklist if pair.failure is None), None)
    return None if best is selected else best


def keepalive(entropy: Entropy) -> bytes:
    """A Binding indication, which nobody answers (section 11)."""
    return StunMessage.indication(Method.BINDING, entropy).serialize(fingerprint=True)
