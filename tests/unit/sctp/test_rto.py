import pytest

from rtcpeer.sctp.rto import RetransmissionTimeout
from rtcpeer.sctp.settings import SctpSettings


def test_first_sample_and_smoothing() -> None:
    rto = RetransmissionTimeout(SctpSettings())
    assert rto.timeout == 1.0
    rto.sample(0.2)
    assert (rto.smoothed, rto.variation) == (0.2, 0.1)
    assert rto.timeout == pytest.approx(0.6)
    rto.sample(0.4)
    assert rto.smoothed == pytest.approx(0.225)
    assert rto.variation == pytest.approx(0.125)


def test_bounds_and_back_off() -> None:
    """Deviation: section 16 has 1 s and 60 s."""
    rto = RetransmissionTimeout(SctpSettings())
    for _ in range(50):
        rto.sample(0.001)
    assert rto.timeout == 0.25
    for _ in range(10):
        rto.back_off()
    assert rto.timeout == 10.0
    rto.recover()
    assert rto.timeout == 0.25
