from rtcpeer.media.frame_rate import FrameRate
from tests.sim.clock import Clock


def test_frames_of_the_last_second():
    clock = Clock()
    rate = FrameRate(clock.time)
    assert rate.frames_per_second() == 0
    for _ in range(60):
        clock.run_for(1 / 16)
        rate.note()
    assert rate.frames_per_second() == 16
    clock.run_for(0.5)
    assert rate.frames_per_second() == 8
    clock.run_for(0.5)
    assert rate.frames_per_second() == 0


def test_memory_is_bounded():
    rate = FrameRate(lambda: 0.0)
    for _ in range(5000):
        rate.note()
    assert rate.frames_per_second() == 1000
