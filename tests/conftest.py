"""Applies to every test."""

import os

from hypothesis import HealthCheck, settings

# No test says how long something may take: a busy machine is slow, not wrong. The gate plays the same examples each
# time, so that it judges the change and not the dice; developers and fuzzers search on.
settings.register_profile(
    "rtcpeer", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("rtcpeer")
