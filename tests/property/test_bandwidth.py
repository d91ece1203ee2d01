"""Whatever feedback says, nothing raises, the target keeps to its bounds, and time goes on."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.rtp.bandwidth import BandwidthEstimator, BandwidthSettings, SentPackets

SETTINGS = BandwidthSettings()
times = st.one_of(st.none(), st.floats(), st.floats(-10, 10), st.just(0.0))
reports = st.lists(st.tuples(st.integers(0, 0xFFFF) | st.integers(0, 60), times), max_size=40)


@given(st.lists(st.tuples(st.integers(0, 20), reports, st.floats(0, 5), st.integers(-10, 1 << 64)), max_size=20))
@settings(max_examples=60, deadline=None)
def test_mutated_feedback_never_raises(steps: list[tuple[int, list[tuple[int, float | None]], float, int]]) -> None:
    estimator, sent, now, probe_id = BandwidthEstimator(SETTINGS), SentPackets(), 0.0, None
    estimator.start(now)
    for count, report, wait, remote in steps:
        for _ in range(count):
            sent.add(1200, now, probe_id)
            estimator.note_sent(now)
            now += 0.001
        now += wait
        estimator.receive_feedback(sent.resolve(report), now)
        estimator.handle_timeout(now)
        if not remote % 5:
            estimator.receive_remote_bitrate(remote, now)
        for event in estimator.poll_events():
            probe_id = getattr(event, "probe_id", probe_id)
        assert SETTINGS.min_bitrate <= estimator.target <= SETTINGS.max_bitrate
        due = estimator.next_timeout()
        assert due is None or due > now
        assert math.isfinite(estimator.statistics().queue_delay)
