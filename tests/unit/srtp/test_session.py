import pytest

from rtcpeer.dtls import DtlsSettings
from rtcpeer.rtp.header import RtpHeader, RtpPacket
from rtcpeer.rtp.rtcp import ReceiverReport
from rtcpeer.srtp import (
    MAX_PLAIN_RTCP,
    MAX_PLAIN_RTP,
    DropReason,
    SrtpProfile,
    SrtpSession,
    SrtpSettings,
)
from tests.unit.dtls.link import Link

PROFILES = list(SrtpProfile)
LENGTHS = {
    SrtpProfile.AES128_CM_SHA1_80: (16, 14),
    SrtpProfile.AEAD_AES_128_GCM: (16, 12),
    SrtpProfile.AEAD_AES_256_GCM: (32, 12),
}


def keys(profile, byte):
    key, salt = LENGTHS[profile]
    return bytes([byte]) * key, bytes([byte + 1]) * salt


def pair(profile=SrtpProfile.AEAD_AES_128_GCM, **settings):
    """Two ends of a transport."""
    left, right = keys(profile, 1), keys(profile, 3)
    return (
        SrtpSession(profile, *left, *right, SrtpSettings(**settings)),
        SrtpSession(profile, *right, *left, SrtpSettings(**settings)),
    )


def rtp(sequence_number=0, ssrc=1, payload=b"payload"):
    return RtpPacket(RtpHeader(96, sequence_number & 0xFFFF, 0, ssrc), payload).serialize()


def rtcp(ssrc=1):
    return ReceiverReport(ssrc).serialize()


@pytest.mark.parametrize("profile", PROFILES)
class TestEachProfile:
    def test_both_kinds_in_both_directions(self, profile):
        left, right = pair(profile)
        for one, other in ((left, right), (right, left)):
            protected = one.protect_rtp(rtp())
            assert protected[:12] == rtp()[:12]
            assert protected[12:19] != b"payload"
            assert other.unprotect_rtp(protected) == rtp()
            assert other.unprotect_rtcp(one.protect_rtcp(rtcp())) == rtcp()
        statistics = left.statistics()
        assert (statistics.rtp_protected, statistics.rtcp_protected) == (1, 1)
        assert (statistics.rtp_unprotected, statistics.rtcp_unprotected) == (1, 1)
        assert (statistics.not_protected, statistics.not_unprotected) == ({}, {})

    def test_replays(self, profile):
        left, right = pair(profile)
        protected, report = left.protect_rtp(rtp()), left.protect_rtcp(rtcp())
        right.unprotect_rtp(protected)
        right.unprotect_rtcp(report)
        assert right.unprotect_rtp(protected) is None
        assert right.unprotect_rtcp(report) is None
        assert right.statistics().not_unprotected == {DropReason.REPLAYED: 2}

    def test_other_keys(self, profile):
        left, _ = pair(profile)
        assert left.unprotect_rtp(left.protect_rtp(rtp())) is None
        assert left.unprotect_rtcp(left.protect_rtcp(rtcp())) is None
        assert left.statistics().not_unprotected == {DropReason.UNAUTHENTICATED: 2}
        assert left.statistics().incoming_ssrcs == 0

    def test_every_prefix_and_every_flipped_byte(self, profile):
        left, right = pair(profile)
        for protected, unprotect in (
            (left.protect_rtp(rtp()), right.unprotect_rtp),
            (left.protect_rtcp(rtcp()), right.unprotect_rtcp),
        ):
            for place in range(len(protected)):
                flipped = bytearray(protected)
                flipped[place] ^= 0x10
                assert unprotect(protected[:place]) is None
                assert unprotect(bytes(flipped)) is None
            assert unprotect(protected) is not None
        assert set(right.statistics().not_unprotected) <= {DropReason.MALFORMED, DropReason.UNAUTHENTICATED}

    def test_the_rollover_counter(self, profile):
        left, right = pair(profile)
        for number in range(0xFFF0, 0x20010, 7):
            assert right.unprotect_rtp(left.protect_rtp(rtp(number))) == rtp(number)
        # One from before the wrap that comes late, and one that has wrapped in vain: the counter is in the tag.
        early = [left.protect_rtp(rtp(number)) for number in (0x2FFFE, 0x2FFFF, 0x30000)]
        assert [right.unprotect_rtp(packet) for packet in reversed(early)] == [rtp(0), rtp(0xFFFF), rtp(0xFFFE)]

    def test_lengths_of_keys(self, profile):
        key, salt = keys(profile, 1)
        for wrong in ((key[1:], salt), (key, salt[1:]), (salt, key)):
            with pytest.raises(ValueError, match="keys and salts"):
                SrtpSession(profile, *wrong, key, salt)
            with pytest.raises(ValueError, match="keys and salts"):
                SrtpSession(profile, key, salt, *wrong)

    def test_the_longest_packets(self, profile):
        left, right = pair(profile)
        packet = rtp(payload=bytes(MAX_PLAIN_RTP - 12))
        report = rtcp() * (MAX_PLAIN_RTCP // 8)
        assert right.unprotect_rtp(left.protect_rtp(packet)) == packet
        assert right.unprotect_rtcp(left.protect_rtcp(report)) == report

    def test_under_the_keys_of_a_handshake(self, profile):
        only = DtlsSettings(srtp_profiles=(profile.value,))
        link = Link(client_settings=only, server_settings=only).connect()
        client, server = (
            SrtpSession(SrtpProfile(one.profile), one.local_key, one.local_salt, one.remote_key, one.remote_salt)
            for one in (link.client.srtp_keys(), link.server.srtp_keys())
        )
        assert server.unprotect_rtp(client.protect_rtp(rtp())) == rtp()
        assert client.unprotect_rtcp(server.protect_rtcp(rtcp())) == rtcp()


class TestDrops:
    def test_packets_before_the_window(self):
        left, right = pair(replay_window=64)
        late = left.protect_rtp(rtp(0))
        for number in range(1, 100):
            right.unprotect_rtp(left.protect_rtp(rtp(number)))
        assert right.unprotect_rtp(late) is None
        assert right.statistics().not_unprotected == {DropReason.TOO_OLD: 1}

    def test_reordering_within_the_window(self):
        left, right = pair()
        packets = [left.protect_rtp(rtp(number)) for number in range(1000)]
        assert all(right.unprotect_rtp(packet) for packet in reversed(packets))

    def test_what_can_not_be_protected(self):
        left, _ = pair()
        left.protect_rtp(rtp(5))
        assert left.protect_rtp(rtp(5, payload=b"another")) is None
        assert left.protect_rtp(bytes(MAX_PLAIN_RTP + 1)) is None
        assert left.protect_rtcp(bytes(MAX_PLAIN_RTCP + 1)) is None
        assert left.protect_rtp(b"short") is None
        assert left.protect_rtcp(b"") is None
        assert left.statistics().not_protected == {
            DropReason.REPLAYED: 1,
            DropReason.TOO_LONG: 2,
            DropReason.MALFORMED: 2,
        }

    def test_longer_than_any_packet(self):
        _, right = pair()
        assert right.unprotect_rtp(bytes(1501)) is None
        assert right.unprotect_rtcp(bytes(1501)) is None
        assert right.statistics().not_unprotected == {DropReason.TOO_LONG: 2}

    def test_random_bytes(self):
        _, right = pair()
        for length in range(60):
            assert right.unprotect_rtp(b"\x80" * length) is None
            assert right.unprotect_rtcp(b"\x80" * length) is None
        assert sum(right.statistics().not_unprotected.values()) == 120


class TestSources:
    def test_any_source_is_taken(self):
        left, right = pair()
        for ssrc in (0, 1, 0xFFFFFFFF, 0x80000000):
            assert right.unprotect_rtp(left.protect_rtp(rtp(ssrc=ssrc))) == rtp(ssrc=ssrc)
            assert right.unprotect_rtcp(left.protect_rtcp(rtcp(ssrc))) == rtcp(ssrc)
        assert right.statistics().incoming_ssrcs == 4

    def test_no_more_than_so_many(self):
        left, right = pair(max_incoming_ssrcs=2)
        taken = [right.unprotect_rtp(left.protect_rtp(rtp(ssrc=ssrc))) is not None for ssrc in (1, 2, 3)]
        assert taken == [True, True, False]
        assert right.unprotect_rtcp(left.protect_rtcp(rtcp(4))) is None
        assert right.unprotect_rtp(left.protect_rtp(rtp(1, ssrc=1))) is not None
        assert right.statistics().not_unprotected == {DropReason.TOO_MANY_SSRCS: 2}

    def test_forgotten_ones_make_room(self):
        left, right = pair(max_incoming_ssrcs=1)
        right.unprotect_rtcp(left.protect_rtcp(rtcp(0x01020304)))
        right.forget(0x01020304)
        right.forget(0x01020304)
        right.forget(77)
        assert right.unprotect_rtp(left.protect_rtp(rtp(ssrc=2))) is not None
        assert right.statistics().incoming_ssrcs == 1

    def test_strangers_take_no_room(self):
        left, right = pair(max_incoming_ssrcs=1)
        for ssrc in range(10):
            right.unprotect_rtp(rtp(ssrc=ssrc) + bytes(16))
        assert right.unprotect_rtp(left.protect_rtp(rtp(ssrc=99))) is not None


def test_the_keys_of_each_direction_are_their_own():
    profile = SrtpProfile.AEAD_AES_128_GCM
    left, right = pair(profile)
    assert left.protect_rtp(rtp()) != right.protect_rtp(rtp())
    assert left.profile is profile
