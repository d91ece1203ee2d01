from rtcpeer.rtp.lip_sync import synchronize


class Stream:
    """What `synchronize` knows of a stream."""

    def __init__(self, cname, arrival, delay):
        self.cname, self.arrival, self.delay = cname, arrival, delay
        self.synchronized_delay = 0.0

    def playout_offset(self):
        return None if self.arrival is None else (self.arrival, self.arrival + self.delay)

    @property
    def playout(self):
        return round(self.arrival + max(self.delay, self.synchronized_delay), 6)


def test_who_comes_sooner_waits_step_by_step():
    sound, picture = Stream("a", 100.0, 0.02), Stream("a", 100.1, 0.12)
    steps = []
    for _ in range(5):
        synchronize([sound, picture])
        steps.append(round(sound.synchronized_delay, 6))
    assert steps == [0.08, 0.16, 0.22, 0.22, 0.22]
    assert sound.playout == picture.playout
    assert picture.synchronized_delay == 0.0


def test_the_wait_ends_with_its_reason():
    sound, picture = Stream("a", 100.0, 0.02), Stream("a", 100.1, 0.02)
    synchronize([sound, picture])
    assert sound.synchronized_delay > 0
    picture.arrival = 100.0
    for _ in range(3):
        synchronize([sound, picture])
    assert sound.synchronized_delay == 0.0


def test_strangers_and_clocks_that_do_not_fit_are_left_alone():
    for other in (Stream("b", 100.5, 0.1), Stream(None, 100.5, 0.1), Stream("a", None, 0.1), Stream("a", 500.0, 0.1)):
        stream = Stream("a", 100.0, 0.02)
        synchronize([stream, other])
        assert stream.synchronized_delay == 0.0
