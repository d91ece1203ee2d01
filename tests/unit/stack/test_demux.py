from rtcpeer.stack.demux import PacketKind, packet_kind


def test_every_first_byte_is_of_the_kind_that_rfc_7983_gives_it():
    ranges = {
        PacketKind.STUN: (0, 3),
        PacketKind.DTLS: (20, 63),
        PacketKind.TURN_CHANNEL: (64, 79),
        PacketKind.RTP: (128, 191),
    }
    for first in range(256):
        expected = [kind for kind, (low, high) in ranges.items() if low <= first <= high] or [PacketKind.UNKNOWN]
        assert [packet_kind(bytes([first, 1, 2]))] == expected
    assert packet_kind(b"") is PacketKind.UNKNOWN
