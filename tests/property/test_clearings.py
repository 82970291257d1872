"""Clearings of copies, books and packages: published numbers, and what must hold for all inputs."""

from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.call_market import Cleared, Crossing, Level, crossing, k_double_auction, mcafee
from market.digital_goods import best_single_price, coin, random_sampling
from market.exclusivity import Options, compare
from market.packages import (
    BIDS_MAX,
    ITEMS_MAX,
    PackageBid,
    vickrey_clarke_groves,
    winners,
)

amounts = st.lists(st.integers(1, 30), max_size=8)
levels = st.lists(st.builds(Level, st.integers(1, 12), st.integers(1, 9)), max_size=8)
BIDS = "13000:45 12900:95 12800:25 12700:35 12600:25 12500:55 12400:200 12300:80 12200:60"
ASKS = "12200:10 12300:125 12400:155 12500:90 12600:20 12700:10 12800:15 12900:10 13000:50 13100:35"


def book(text: str) -> list[Level]:
    return [Level(*map(int, level.split(":"))) for level in text.split()]


def expected(bids: list[int]) -> Fraction:
    """The mean revenue over every outcome of the coins."""
    named = {f"bid_{place}": bid for place, bid in enumerate(bids)}
    flips = list(product([False, True], repeat=len(bids)))
    earned = [random_sampling(named, dict(zip(named, flip, strict=True))) for flip in flips]
    return Fraction(sum(sum(paid.values()) for paid in earned), len(flips))


# --- unlimited copies -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bids", "revenue"),
    [([1, 2], Fraction(1, 2)), ([1, 1], 1), ([6, 5, 4, 3, 2, 1], Fraction(207, 32)), ([9], 0)],
)
def test_random_sampling_earns_the_published_mean(bids: list[int], revenue: Fraction) -> None:
    assert expected(bids) == revenue


def test_the_highest_of_equally_earning_prices_is_taken() -> None:
    assert best_single_price([2, 1]) == 2
    assert best_single_price([10] * 10 + [1] * 90) == 10 == best_single_price([10] * 10 + [1] * 89)
    assert best_single_price([4, 9], least_minor=10) is None


@given(amounts, st.data(), st.integers(1, 8))
def test_no_winner_pays_more_than_the_bid_and_no_loser_would_have_won(
    bids: list[int], data: st.DataObject, least: int
) -> None:
    named = {f"bid_{place}": bid for place, bid in enumerate(bids)}
    coins = {id: data.draw(st.booleans()) for id in named}
    paid = random_sampling(named, coins, least)
    for id, bid in named.items():
        assert least <= paid.get(id, least) <= max(bid, least)
        if id in paid:  # whatever else it bids, it pays the same price or nothing
            raised = random_sampling({**named, id: bid + 5}, coins, least)
            assert raised[id] == paid[id]


def test_coins_are_of_the_seed_and_the_bid_alone() -> None:
    flips = [coin("seed", f"bid_{number}") for number in range(2_000)]
    assert flips == [coin("seed", f"bid_{number}") for number in range(2_000)]
    assert 900 < sum(flips) < 1_100
    assert flips != [coin("other", f"bid_{number}") for number in range(2_000)]


# --- call market ------------------------------------------------------------------------------


def test_the_published_book_clears_at_12400() -> None:
    found = crossing(book(BIDS), book(ASKS), reference_minor=12_500)
    assert found == Crossing(12_400, 290, 190)


@pytest.mark.parametrize(
    ("bids", "asks", "reference", "price"),
    [
        ("20:5", "10:5", 14, 10),  # no surplus at either: the nearer to the reference
        ("20:5", "10:5", 16, 20),
        ("20:5", "10:5", 15, 10),  # as near: the lower
        ("20:9", "10:5", 0, 20),  # demand is left at both: the highest
        ("20:5", "10:9", 99, 10),  # supply is left at both: the lowest
        ("20:5 15:4", "10:5", 0, 20),  # the smaller surplus first
    ],
)
def test_a_tie_of_volume_goes_by_surplus_pressure_and_reference(
    bids: str, asks: str, reference: int, price: int
) -> None:
    found = crossing(book(bids), book(asks), reference)
    assert found is not None
    assert (found.price_minor, found.volume) == (price, 5)


@given(levels, levels, st.integers(0, 12))
def test_no_price_trades_more_than_the_one_found(
    bids: list[Level], asks: list[Level], reference: int
) -> None:
    found = crossing(bids, asks, reference)
    volumes = [0]
    for price in range(14):
        demand = sum(level.quantity for level in bids if level.price_minor >= price)
        supply = sum(level.quantity for level in asks if level.price_minor <= price)
        volumes.append(min(demand, supply))
    assert max(volumes) == (0 if found is None else found.volume)


def test_published_double_auctions() -> None:
    buyers, sellers = [10_000, 9_000, 8_000, 7_000, 6_000], [8_000, 8_500, 9_500, 10_000, 11_000]
    assert k_double_auction(buyers, sellers) == Cleared(2, 8_750, 8_750)
    assert k_double_auction(buyers, sellers, k_bps=0) == Cleared(2, 8_500, 8_500)
    assert k_double_auction(buyers, sellers, k_bps=10_000) == Cleared(2, 9_000, 9_000)
    assert mcafee(buyers, sellers) == Cleared(2, 8_750, 8_750)
    assert mcafee([90, 80, 70, 40], [20, 30, 40, 50]) == Cleared(3, 45, 45)
    assert mcafee([10, 9, 8, 1], [1, 2, 7, 8]) == Cleared(2, 8, 7)


@given(amounts, amounts, st.integers(0, 10_000))
def test_a_double_auction_is_efficient_and_everyone_gains(
    values: list[int], costs: list[int], k_bps: int
) -> None:
    cleared = k_double_auction(values, costs, k_bps)
    high, low = sorted(values, reverse=True), sorted(costs)
    trades = 0 if cleared is None else cleared.trades
    assert trades == sum(value >= cost for value, cost in zip(high, low, strict=False))
    if cleared is not None:
        assert low[trades - 1] <= cleared.sellers_get_minor <= high[trades - 1]


@given(amounts, amounts)
def test_mcafee_gives_up_one_trade_at_most_and_has_no_deficit(
    values: list[int], costs: list[int]
) -> None:
    cleared, efficient = mcafee(values, costs), k_double_auction(values, costs)
    possible = 0 if efficient is None else efficient.trades
    trades = 0 if cleared is None else cleared.trades
    assert possible - 1 <= trades <= possible
    if cleared is not None:
        assert cleared.buyers_pay_minor >= cleared.sellers_get_minor
        assert cleared.buyers_pay_minor <= sorted(values, reverse=True)[trades - 1]
        assert cleared.sellers_get_minor >= sorted(costs)[trades - 1]


# --- packages ---------------------------------------------------------------------------------


def package(bidder: str, items: str, value: int) -> PackageBid:
    return PackageBid(bidder, frozenset(items), value)


def test_two_who_together_beat_the_package_pay_50_each() -> None:
    bids = [package("one", "A", 150), package("two", "B", 150), package("all", "AB", 200)]
    awards = vickrey_clarke_groves(bids)
    assert [(a.bid.bidder_id, a.price_minor) for a in awards] == [("one", 50), ("two", 50)]


def test_revenue_falls_to_nothing_when_a_bidder_joins() -> None:
    bids = [package("all", "AB", 2), package("one", "A", 2)]
    assert sum(award.price_minor for award in vickrey_clarke_groves(bids)) == 2
    joined = vickrey_clarke_groves([*bids, package("two", "B", 2)])
    assert [award.price_minor for award in joined] == [0, 0]


package_bids = st.lists(
    st.builds(
        package,
        st.sampled_from("pqrs"),
        st.text("ABCD", min_size=1, max_size=3),
        st.integers(1, 20),
    ),
    max_size=7,
)


@given(package_bids)
def test_no_other_choice_of_bids_is_worth_more(bids: list[PackageBid]) -> None:
    best = 0
    for size in range(len(bids) + 1):
        for chosen in combinations(bids, size):
            items = [item for bid in chosen for item in bid.items]
            owners = [bid.bidder_id for bid in chosen]
            if len(set(items)) == len(items) and len(set(owners)) == len(owners):
                best = max(best, sum(bid.value_minor for bid in chosen))
    assert sum(bid.value_minor for bid in winners(bids)) == best
    for award in vickrey_clarke_groves(bids):
        assert 0 <= award.price_minor <= award.bid.value_minor


def test_more_items_or_bids_than_the_limits_are_refused() -> None:
    many = [package(f"b{number}", "A", 1) for number in range(BIDS_MAX + 1)]
    assert len(vickrey_clarke_groves(many[1:])) == 1
    for bids in (many, [package("one", "ABCDEFGHI"[: ITEMS_MAX + 1], 1)]):
        with pytest.raises(ValueError, match="at most 8 items and 60 bids"):
            vickrey_clarke_groves(bids)


# --- exclusivity ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exclusive", "reserve", "options"),
    [
        ([80, 260], 0, Options(259, 259, 1)),
        ([259], 0, Options(259, 259, None)),
        ([300, 280], 0, Options(259, 280, 0)),
        ([300, 300], 0, Options(259, 300, 0)),
        ([300], 301, Options(259, 301, None)),
        ([], 0, Options(259, 259, None)),
    ],
)
def test_an_exclusive_bid_must_beat_the_sum_of_the_others(
    exclusive: list[int], reserve: int, options: Options
) -> None:
    assert compare(exclusive, [137, 42, 80], reserve) == options
