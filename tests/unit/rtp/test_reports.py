import pytest

from rtcpeer.rtp.reports import (
    NtpMapping,
    ReceptionStatistics,
    SenderStatistics,
    compact_ntp,
    ntp_seconds,
    ntp_timestamp,
    round_trip_time,
)


def test_the_example_of_the_rfc():
    """RFC 3550 section 6.4.1, figure 2: a round trip of 6.125 s."""
    ntp = 0xB44DB705 << 32 | 0x20000000
    assert compact_ntp(ntp) == 0xB7052000
    assert round_trip_time(0xB710_8000 << 16, 0xB705_2000, 0x0005_4000) == 6.125


def test_no_round_trip_without_a_report_or_against_time():
    now = ntp_timestamp(1_700_000_000.0)
    assert round_trip_time(now, 0, 0) is None
    assert round_trip_time(now, compact_ntp(now), 65536) is None
    assert round_trip_time(5 << 16, 0xFFFFFFFF, 0) == 6 / 65536


def test_ntp_begins_in_1900():
    assert ntp_timestamp(0) == 2_208_988_800 << 32
    assert ntp_seconds(ntp_timestamp(10.5)) == 2_208_988_810.5


def test_fraction_and_total_of_losses():
    statistics = ReceptionStatistics(90_000)
    assert statistics.report(0.0) is None
    for number in (65_534, 65_535, 0, 2, 3, 5):
        statistics.receive(number & 0xFFFF, 0, 0.0)
    report = statistics.report(1.0)
    assert report.packets_lost == 2
    assert report.fraction_lost == 2 * 256 // 8
    assert report.highest_sequence_number == 1 << 16 | 5
    assert report.last_sender_report == report.delay_since_last_sender_report == 0
    statistics.receive(6, 0, 1.0)
    report = statistics.report(2.0)
    assert (report.fraction_lost, report.packets_lost) == (0, 2)


def test_duplicates_make_the_loss_negative():
    statistics = ReceptionStatistics(8000)
    for _ in range(5):
        statistics.receive(7, 0, 0.0)
    assert statistics.report(0.0)[:2] == (0, -4)


def test_jitter_is_a_sixteenth_of_each_difference():
    statistics = ReceptionStatistics(8000)
    statistics.receive(0, 0xFFFFFF60, 0.0)
    statistics.receive(1, 0, 0.02)
    assert statistics.jitter == 0
    statistics.receive(2, 160, 0.05)
    assert statistics.jitter_units == pytest.approx(80 / 16)
    assert statistics.jitter == pytest.approx(0.01 / 16)


def test_a_jump_is_believed_at_the_second_packet():
    statistics = ReceptionStatistics(8000)
    for number in (1, 2, 3, 30_000, 4, 50_000, 50_001):
        statistics.receive(number, 0, 0.0)
    assert statistics.report(0.0).highest_sequence_number == 50_001
    assert statistics.packets_received == 1
    assert statistics.packets_lost == 0


def test_our_report_answers_the_senders():
    statistics = ReceptionStatistics(8000)
    statistics.receive(1, 0, 0.0)
    statistics.receive_sender_report(0x1234_56789ABC_DEF0, 1.0)
    report = statistics.report(1.5)
    assert report.last_sender_report == 0x56789ABC
    assert report.delay_since_last_sender_report == 32768


def test_a_sender_report_is_about_now():
    statistics = SenderStatistics(90_000)
    assert statistics.info(0.0, 0.0) is None
    statistics.note_sent(0xFFFFFFFF, 1000, 5.0)
    info = statistics.info(5.1, 1_000_000.0)
    assert info.rtp_timestamp == 8999
    assert info.ntp == ntp_timestamp(1_000_000.0)
    assert (info.packet_count, info.octet_count) == (1, 1000)


def test_two_clocks_meet_at_the_senders():
    audio, video = NtpMapping(48_000), NtpMapping(90_000)
    assert audio.ntp_time(0) is None
    assert audio.rtp_timestamp(0.0) is None
    audio.receive_sender_report(ntp_timestamp(100.0), 0xFFFFFFFF)
    video.receive_sender_report(ntp_timestamp(101.0), 90_000)
    video.receive_sender_report(0, 5)
    assert audio.ntp_time(47_999) == pytest.approx(video.ntp_time(90_000))
    assert audio.rtp_timestamp(video.ntp_time(90_000)) == 47_999
