"""Quotas: exact in a burst, never more within any window, remembered for a limited number."""

import random

import pytest

from services.gateway import rate_limit
from services.gateway.rate_limit import Quota, RateLimiter, address_key


def test_a_burst_gets_its_quota_exactly_and_is_told_what_is_left() -> None:
    limiter = RateLimiter("party", Quota(3, 60))
    taken = [limiter.take("anna", 1_000_000) for _ in range(5)]
    assert [standing.allowed for standing in taken] == [True, True, True, False, False]
    assert [standing.left for standing in taken] == [2, 1, 0, 0, 0]
    assert taken[0].headers() == {
        "RateLimit-Policy": '"party";q=3;w=60',
        "RateLimit": '"party";r=2;t=65',
    }
    assert taken[4].headers()["Retry-After"] == "65"


def test_one_caller_takes_nothing_from_another() -> None:
    limiter = RateLimiter("party", Quota(1, 60))
    assert limiter.take("anna", 0).allowed
    assert not limiter.take("anna", 0).allowed
    assert limiter.take("bole", 0).allowed


def test_after_the_time_that_was_told_there_is_more() -> None:
    limiter = RateLimiter("party", Quota(1, 60))
    limiter.take("anna", 7)
    wait_s = limiter.take("anna", 7).more_in_s
    assert not limiter.take("anna", 7 + 59_999).allowed
    assert limiter.take("anna", 7 + wait_s * 1_000).allowed


@pytest.mark.parametrize("seed", range(20))
def test_never_more_than_the_quota_within_any_window(seed: int) -> None:
    rng = random.Random(seed)
    quota = Quota(rng.randint(1, 20), rng.randint(1, 10))
    limiter = RateLimiter("party", quota)
    now_ms, allowed = 0, []
    for _ in range(500):
        now_ms += rng.choice([0, 1, rng.randint(0, 2_000)])
        if limiter.take("anna", now_ms).allowed:
            allowed.append(now_ms)
    assert len(allowed) > quota.calls
    for at_ms in allowed:
        within = [other for other in allowed if at_ms <= other < at_ms + quota.window_s * 1_000]
        assert len(within) <= quota.calls


def test_a_limited_number_of_callers_is_remembered() -> None:
    limiter = RateLimiter("address", Quota(1, 60))
    for number in range(rate_limit.CALLERS_MAX + 500):
        limiter.take(str(number), 0)
    assert len(limiter) == rate_limit.CALLERS_MAX
    assert limiter.take("0", 0).allowed, "forgotten, and so allowed again"
    assert not limiter.take(str(rate_limit.CALLERS_MAX), 0).allowed


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_of_ipv6_counts_with_its_network(address: str, key: str) -> None:
    assert address_key(address) == key


@pytest.mark.parametrize(
    "text", ["", "5", "5/", "/5", "0/5", "5/0", "5/5/5", "-1/5", "a/b", "5 /5"]
)
def test_a_quota_is_calls_per_seconds(text: str) -> None:
    assert Quota.parse("600/60") == Quota(600, 60)
    with pytest.raises(ValueError, match="such as 600/60"):
        Quota.parse(text)
