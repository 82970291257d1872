"""What each strategy is defined by, and that what it does changes nobody's values."""

from random import Random

import pytest

from schemas.auctions import (
    AuctionTerms,
    EnglishTerms,
    IncrementStep,
    SealedFirstPriceTerms,
)
from simulation.agents.crowd import chosen
from simulation.agents.registry import BIDDING
from simulation.chance import Chance
from simulation.lot import Lot
from simulation.scenario.schema import check
from simulation.scenario.world import build

HOUR_MS = 3_600_000
COMMON = {"currency": "CNY", "starts_at_ms": 0, "ends_at_ms": HOUR_MS, "start_price_minor": 100}
STEPS = (IncrementStep(below_minor=None, increment_minor=10),)
ENGLISH = EnglishTerms(**COMMON, increments=STEPS)
FIRST_PRICE = SealedFirstPriceTerms(**COMMON)


def lot_at(terms: AuctionTerms, price_minor: int = 0) -> Lot:
    lot = Lot("auc_1", terms)
    lot.price_minor = price_minor
    return lot


@pytest.mark.parametrize("terms", [ENGLISH, FIRST_PRICE])
@pytest.mark.parametrize("price_minor", [0, 100, 400, 480, 495, 600])
def test_a_constrained_trader_never_bids_above_its_value(
    terms: AuctionTerms, price_minor: int
) -> None:
    trader, draw, lot = BIDDING["zi_c"]({}), Random(1), lot_at(terms, price_minor)
    for value_minor in (0, 1, 99, 100, 101, 500):
        for _ in range(200):
            for wish in (
                trader.begin(lot, value_minor, 0, draw),
                trader.outbid(lot, value_minor, 0, draw),
            ):
                assert wish is None or 100 <= wish.max_price_minor <= value_minor


def test_an_unconstrained_trader_bids_above_its_value_too() -> None:
    trader, draw = BIDDING["zi_u"]({"ceiling": 2}), Random(1)
    wishes = [trader.begin(lot_at(ENGLISH), 500, 0, draw) for _ in range(100)]
    assert any(wish and wish.max_price_minor > 500 for wish in wishes)


def test_an_incremental_bidder_goes_up_step_by_step_to_its_value() -> None:
    bidder, draw = BIDDING["incremental"]({"step": 0.1}), Random(1)
    prices = []
    for price_minor in (0, 200, 480, 491):
        wish = bidder.outbid(lot_at(ENGLISH, price_minor), 500, 0, draw)
        prices.append(wish and wish.max_price_minor)
    assert prices == [100, 250, 500, None]


def test_more_members_leave_the_first_ones_choice_as_it_was() -> None:
    for seed in range(20):
        few = list(chosen(50, 0.1, Random(seed)))
        many = list(chosen(500, 0.1, Random(seed)))
        assert [number for number in many if number < 50] == few
    assert list(chosen(3, 1, Random(1))) == [0, 1, 2]
    assert list(chosen(3, 0, Random(1))) == []


def market_values(strategy: str, buyers: int = 20, money: int = 10**9) -> dict[str, dict[str, int]]:
    """Run twelve days of two listings, and return what each auction was worth to whom."""
    auction = {
        "format": "english",
        "every_days": 3,
        "interest": 0.4,
        "value": {"private": {"distribution": "uniform", "low": 100, "high": 9000}},
    }
    listing = {"name_zh": "甲", "name_en": "A", "field": "ocean", "count": 2, "auction": auction}
    fixed = {"distribution": "fixed", "value": money}
    scenario = check(
        {
            "title": "small",
            "days": 12,
            "agents": {"buyers": buyers},
            "money": {"buyers": fixed, "users": fixed},
            "listings": [listing],
            "bidding": [{"strategy": strategy}],
        }
    )
    kernel = build(scenario, Chance(7), BIDDING)
    for _ in kernel.run(scenario.end_ms):
        pass
    return kernel.values


def test_other_strategies_meet_the_same_values() -> None:
    values = market_values("truthful")
    assert len(values) >= 6
    assert market_values("incremental") == values
    assert market_values("zi_c") == values


def test_one_more_buyer_leaves_the_others_values_as_they_were() -> None:
    more = {
        auction_id: {name: value for name, value in worth.items() if name != "pty_buyer00020"}
        for auction_id, worth in market_values("truthful", buyers=21).items()
    }
    assert more == market_values("truthful")


def test_buyers_without_money_give_up_and_the_market_goes_on() -> None:
    assert market_values("truthful", money=200) == market_values("truthful")
