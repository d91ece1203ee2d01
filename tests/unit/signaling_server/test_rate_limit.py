import pytest

from signaling_server.rate_limit import RateLimitSettings, TokenBucket, cost


def test_burst_is_free_and_the_rest_waits() -> None:
    bucket = TokenBucket(RateLimitSettings(rate=10, burst=5), now=100.0)
    assert [bucket.take(1, 100.0) for _ in range(7)] == pytest.approx([0, 0, 0, 0, 0, 0.1, 0.2])
    assert bucket.take(1, 100.2) == pytest.approx(0.1)


def test_saves_no_more_than_the_burst() -> None:
    bucket = TokenBucket(RateLimitSettings(rate=10, burst=5), now=0.0)
    assert bucket.take(6, 1000.0) == pytest.approx(0.1)


@pytest.mark.parametrize(("size", "tokens"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (65536, 64)])
def test_large_messages_cost_more(size: int, tokens: int) -> None:
    assert cost(size) == tokens


@pytest.mark.parametrize("field", ["rate", "burst"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_settings_name_what_is_wrong(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        RateLimitSettings(**{field: value})
