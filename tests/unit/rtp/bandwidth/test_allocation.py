import pytest

from rtcpeer.rtp.bandwidth.allocation import Demand, share


@pytest.mark.parametrize(
    ("bitrate", "demands", "shares"),
    [
        (900, [Demand(1000)], [900]),
        (900, [Demand(500)], [500]),
        (900, [Demand(1000), Demand(1000)], [450, 450]),
        (900, [Demand(1000, 2.0), Demand(1000)], [600, 300]),
        (900, [Demand(100), Demand(1000)], [100, 800]),
        (900, [Demand(100), Demand(1000, 3.0), Demand(1000)], [100, 600, 200]),
        (900, [Demand(0), Demand(1000, 0.0), Demand(1000)], [0, 0, 900]),
        (0, [Demand(1000)], [0]),
        (-5, [Demand(1000)], [0]),
        (900, [], []),
    ],
)
def test_shares_follow_weights_and_go_no_further_than_what_is_of_use(bitrate, demands, shares):
    assert share(bitrate, demands) == shares
