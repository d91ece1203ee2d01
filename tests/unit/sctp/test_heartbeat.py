from collections.abc import Callable

from rtcpeer.sctp.heartbeat import Heartbeat


def entropy(byte: int) -> Callable[[int], bytes]:
    return lambda count: bytes([byte]) * count


def test_probes_come_after_the_interval_with_jitter() -> None:
    for byte, expected in ((0, 100 + 15 + 1), (255, 100 + 45 + 1)):
        heartbeat = Heartbeat(30.0, entropy(byte))
        heartbeat.restart(100.0, 1.0)
        assert heartbeat.timer.deadline == expected
    off = Heartbeat(0.0, entropy(0))
    off.restart(100.0, 1.0)
    assert off.timer.deadline is None


def test_an_answer_measures_and_only_once() -> None:
    heartbeat = Heartbeat(30.0, entropy(0))
    heartbeat.restart(0.0, 0.0)
    assert not heartbeat.handle_timeout(15.0, 0.0, is_idle=True)
    assert heartbeat.is_due
    chunk = heartbeat.chunk_due()
    assert (chunk[0], heartbeat.chunk_due()) == (4, b"")
    assert heartbeat.take_ack(chunk[4:-1] + b"\xff") is None
    assert heartbeat.take_ack(chunk[4:]) == 15.0
    assert heartbeat.take_ack(chunk[4:]) is None
    assert not heartbeat.handle_timeout(30.0, 0.0, is_idle=True)  # the last one was answered


def test_silence_counts_only_when_idle() -> None:
    heartbeat = Heartbeat(30.0, entropy(0))
    heartbeat.restart(0.0, 0.0)
    assert not heartbeat.handle_timeout(15.0, 0.0, is_idle=True)
    assert heartbeat.handle_timeout(30.0, 0.0, is_idle=True)
    assert not heartbeat.handle_timeout(45.0, 0.0, is_idle=False)  # data in flight finds out by itself
    assert not heartbeat.handle_timeout(60.0, 0.0, is_idle=True)
