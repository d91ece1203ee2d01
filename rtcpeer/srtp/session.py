"""SRTP and SRTCP over libsrtp: one session for both directions of a transport (RFC 3711, RFC 7714, RFC 5764).

The only module that knows pylibsrtp. Packets that can not be protected or opened are dropped and counted by reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pylibsrtp import Error, Policy, Session

from rtcpeer.srtp.settings import SrtpSettings

__all__ = [
    "MAX_PACKET",
    "MAX_PLAIN_RTCP",
    "MAX_PLAIN_RTP",
    "DropReason",
    "SrtpProfile",
    "SrtpSession",
    "SrtpStatistics",
]

# pylibsrtp works in a buffer of 1500 bytes, of which it reserves the longest trailer that there is.
MAX_PACKET: Final = 1500
MAX_PLAIN_RTP: Final = 1356
MAX_PLAIN_RTCP: Final = 1352

RTP_SSRC: Final = slice(8, 12)
RTCP_SSRC: Final = slice(4, 8)


class SrtpProfile(Enum):
    """Protection profiles by the names that DTLS has for them (RFC 5764 section 4.1.2, RFC 7714 section 14.2)."""

    AES128_CM_SHA1_80 = "SRTP_AES128_CM_SHA1_80"
    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"


class DropReason(Enum):
    """Why a packet was dropped."""

    MALFORMED = "malformed"  # too short, or no RTP or RTCP
    TOO_LONG = "too-long"
    UNAUTHENTICATED = "unauthenticated"
    REPLAYED = "replayed"  # seen before; when protecting: its number was used before
    TOO_OLD = "too-old"  # before the replay window
    TOO_MANY_SSRCS = "too-many-ssrcs"
    KEY_EXHAUSTED = "key-exhausted"  # RFC 3711 section 9.2: 2^48 RTP packets, 2^31 of RTCP
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class SrtpStatistics:
    """Packets that passed; those that did not by reason, reasons that occurred only."""

    rtp_protected: int
    rtcp_protected: int
    rtp_unprotected: int
    rtcp_unprotected: int
    incoming_ssrcs: int
    not_protected: dict[DropReason, int]
    not_unprotected: dict[DropReason, int]

    @property
    def unauthenticated(self) -> int:
        """Packets that came under other keys, or were changed."""
        return self.not_unprotected.get(DropReason.UNAUTHENTICATED, 0)


class SrtpSession:
    """Protects what we send and opens what the peer sends, under the keys that DTLS has exported for each direction.

    Which side was DTLS client is settled with the order of the keys: `dtls.SrtpKeys` has them as ours and the peer's.

    A sequence number is protected once: under one key a second packet with it would give away both (RFC 3711 section
    9.1; worse with GCM). To send a packet again, send what `protect_rtp` gave, or wrap it for RTX.
    """

    def __init__(
        self,
        profile: SrtpProfile,
        local_key: bytes,
        local_salt: bytes,
        remote_key: bytes,
        remote_salt: bytes,
        settings: SrtpSettings = SrtpSettings(),  # noqa: B008  (frozen)
    ) -> None:
        """`ValueError` when a key or a salt has not the length of the profile."""
        for key, salt in ((local_key, local_salt), (remote_key, remote_salt)):
            if (len(key), len(salt)) != LENGTHS[profile]:
                raise ValueError(f"{profile.value} has keys and salts of {LENGTHS[profile]} bytes")
        window = settings.replay_window
        outgoing = Session(_policy(profile, local_key + local_salt, Policy.SSRC_ANY_OUTBOUND, window))
        self._incoming = Session(_policy(profile, remote_key + remote_salt, Policy.SSRC_ANY_INBOUND, window))
        self._protect_rtp = outgoing.protect
        self._protect_rtcp = outgoing.protect_rtcp
        self._unprotect_rtp = self._incoming.unprotect
        self._unprotect_rtcp = self._incoming.unprotect_rtcp
        self._max_ssrcs = settings.max_incoming_ssrcs
        self._ssrcs: set[bytes] = set()  # of which authentic packets came, as they stand in the packets
        self._passed = [0, 0, 0, 0]
        self._not_protected: dict[DropReason, int] = {}
        self._not_unprotected: dict[DropReason, int] = {}
        self.profile = profile

    def protect_rtp(self, packet: bytes) -> bytes | None:
        """The SRTP packet for a packet of at most `MAX_PLAIN_RTP` bytes; None when it was dropped (hot path)."""
        try:
            protected: bytes = self._protect_rtp(packet)
        except (Error, ValueError) as error:
            _count(self._not_protected, error)
            return None
        self._passed[0] += 1
        return protected

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """The SRTCP packet for a compound of at most `MAX_PLAIN_RTCP` bytes; None when it was dropped."""
        try:
            protected: bytes = self._protect_rtcp(packet)
        except (Error, ValueError) as error:
            _count(self._not_protected, error)
            return None
        self._passed[1] += 1
        return protected

    def unprotect_rtp(self, packet: bytes) -> bytes | None:
        """The RTP packet in an SRTP packet; None when it was dropped (hot path)."""
        return self._unprotect(packet, packet[RTP_SSRC], self._unprotect_rtp, 2)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The compound in an SRTCP packet; None when it was dropped."""
        return self._unprotect(packet, packet[RTCP_SSRC], self._unprotect_rtcp, 3)

    def forget(self, ssrc: int) -> None:
        """Make room for another source: one that has left, after its BYE or when its section was removed.

        Its replay window goes with it, so that who has recorded its packets could play them again.
        """
        key = ssrc.to_bytes(4, "big")
        if key in self._ssrcs:
            self._ssrcs.remove(key)
            self._incoming.remove_stream(ssrc)

    def statistics(self) -> SrtpStatistics:
        """A snapshot."""
        rtp_out, rtcp_out, rtp_in, rtcp_in = self._passed
        return SrtpStatistics(
            rtp_protected=rtp_out,
            rtcp_protected=rtcp_out,
            rtp_unprotected=rtp_in,
            rtcp_unprotected=rtcp_in,
            incoming_ssrcs=len(self._ssrcs),
            not_protected=dict(self._not_protected),
            not_unprotected=dict(self._not_unprotected),
        )

    def _unprotect(self, packet: bytes, ssrc: bytes, unprotect: Callable[[bytes], bytes], counter: int) -> bytes | None:
        known = ssrc in self._ssrcs
        if not known and len(self._ssrcs) >= self._max_ssrcs:
            _add(self._not_unprotected, DropReason.TOO_MANY_SSRCS)
            return None
        try:
            plain = unprotect(packet)
        except (Error, ValueError) as error:
            _count(self._not_unprotected, error)
            return None
        if not known:
            self._ssrcs.add(ssrc)
        self._passed[counter] += 1
        return plain


# Bytes of master key and master salt (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
LENGTHS: Final = {
    SrtpProfile.AES128_CM_SHA1_80: (16, 14),
    SrtpProfile.AEAD_AES_128_GCM: (16, 12),
    SrtpProfile.AEAD_AES_256_GCM: (32, 12),
}
PROFILES: Final = {
    SrtpProfile.AES128_CM_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpProfile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
# pylibsrtp tells its errors apart by their texts alone.
REASONS: Final = {
    "unsupported parameter": DropReason.MALFORMED,
    "error parsing data": DropReason.MALFORMED,
    "cipher failure": DropReason.MALFORMED,  # GCM: no room for the tag
    "authentication failure": DropReason.UNAUTHENTICATED,
    "replay check failed (bad index)": DropReason.REPLAYED,
    "replay check failed (index too old)": DropReason.TOO_OLD,
    "can't use key any more": DropReason.KEY_EXHAUSTED,
}


def _policy(profile: SrtpProfile, key: bytes, ssrc_type: int, replay_window: int) -> Policy:
    policy = Policy(key, ssrc_type, 0, PROFILES[profile])
    policy.window_size = replay_window
    return policy


def _count(counts: dict[DropReason, int], error: Exception) -> None:
    # ValueError: longer than its buffer.
    known = REASONS.get(str(error), DropReason.OTHER)
    _add(counts, known if isinstance(error, Error) else DropReason.TOO_LONG)


def _add(counts: dict[DropReason, int], reason: DropReason) -> None:
    counts[reason] = counts.get(reason, 0) + 1
