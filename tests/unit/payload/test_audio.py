import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import AudioDepacketizer, AudioPacketizer, Frame, g711, g722


def test_a_frame_is_a_payload_and_back():
    payloads = AudioPacketizer().packetize(b"sound", 5)
    assert payloads == [b"sound"]
    depacketizer = AudioDepacketizer()
    assert depacketizer.is_first_of_frame(b"sound")
    assert depacketizer.starts_keyframe(b"sound")
    assert depacketizer.depacketize(payloads) == Frame(b"sound", is_keyframe=True)


def test_frames_are_not_cut():
    for frame in (b"", b"sound!"):
        with pytest.raises(ValueError, match="1 to 5 bytes"):
            AudioPacketizer().packetize(frame, 5)


def test_payloads_come_alone_and_are_not_empty():
    depacketizer = AudioDepacketizer()
    for payloads in ([], [b""], [b"a", b"b"]):
        with pytest.raises(MalformedPacketError):
            depacketizer.depacketize(payloads)
    for look in (depacketizer.is_first_of_frame, depacketizer.starts_keyframe):
        with pytest.raises(MalformedPacketError):
            look(b"")


def test_g711_has_an_octet_a_tick():
    assert g711.duration_ticks(bytes([g711.PCMU_SILENCE]) * 160) == 20 * g711.CLOCK_RATE_HZ // 1000
    assert 20 * g711.BYTES_PER_MS == 160


# RFC 3551 section 4.5.2: 20 ms are 320 samples, and yet 160 ticks.
def test_g722_counts_half_its_samples():
    payload = bytes(20 * g722.BYTES_PER_MS)
    assert g722.duration_ticks(payload) == 20 * g722.CLOCK_RATE_HZ // 1000 == 160
    assert g722.sample_count(payload) == 20 * g722.SAMPLE_RATE_HZ // 1000 == 320
