"""Several licences at one price, or each at its bid, with the published numbers."""

import pytest

from schemas.auctions import UniformPricing
from schemas.events import AuctionClosedUnsold, BidLost, GrantIssued, TradeExecuted
from tests.builders.auctions import House, discriminatory, only, refusal, uniform
from tests.builders.market import T0

LOWEST = UniformPricing.LOWEST_WINNING
# Six units, Krishna, Auction Theory, chapter 12.
KRISHNA = {
    "anna": (50, 47, 40, 32, 15, 5),
    "bole": (42, 28, 20, 12, 7, 3),
    "chen": (45, 35, 24, 14, 9, 6),
}


def awards(house: House) -> dict[str, tuple[int, int]]:
    """Return, by bidder, how many licences were won and what they cost together."""
    happened = house.close()
    trades = [event for event in happened if isinstance(event, TradeExecuted)]
    grants = {e.trade_id: e.licences for e in happened if isinstance(e, GrantIssued)}
    assert grants == {trade.id: trade.quantity for trade in trades}
    assert house.venue.settlement.ledger.holds == {}
    assert not house.venue.matching.auctions
    return {trade.buyer_id[4:]: (trade.quantity, trade.price_minor) for trade in trades}


def krishna(**terms: object) -> House:
    return tendered(House(uniform(6, **terms)))


def tendered(house: House) -> House:
    for name, units in KRISHNA.items():
        house.units(f"pty_{name}", *units)
    return house


def test_krishnas_six_units_go_at_the_highest_losing_bid() -> None:
    won = awards(krishna())
    assert won == {"anna": (3, 96), "bole": (1, 32), "chen": (2, 64)}
    assert sum(cost for _, cost in won.values()) == 192


def test_krishnas_six_units_go_at_the_lowest_winning_bid() -> None:
    won = awards(krishna(pricing=LOWEST))
    assert won == {"anna": (3, 105), "bole": (1, 35), "chen": (2, 70)}
    assert sum(cost for _, cost in won.values()) == 210


def test_krishnas_six_units_go_at_their_own_bids() -> None:
    won = awards(tendered(House(discriminatory(6))))
    assert won == {"anna": (3, 137), "bole": (1, 42), "chen": (2, 80)}
    assert sum(cost for _, cost in won.values()) == 259


def test_a_discriminatory_unit_below_the_reserve_wins_nothing() -> None:
    house = House(discriminatory(3, reserve_price_minor=50))
    house.units(house.anna, 90, 49)
    house.units(house.bo, 50)
    assert awards(house) == {"anna": (1, 90), "bole": (1, 50)}


def test_what_is_not_paid_is_released() -> None:
    house = krishna()
    assert house.balance("pty_anna/CNY/reserved") == 189
    awards(house)
    assert house.balance("pty_anna/CNY/available") == 10_000_000 - 96
    assert house.balance("pty_anna/CNY/reserved") == 0


@pytest.mark.parametrize(("pricing", "price"), [("highest_losing", 60), ("lowest_winning", 70)])
def test_single_licences_go_to_the_highest_bidders(pricing: str, price: int) -> None:
    house = House(uniform(2, pricing=UniformPricing(pricing)))
    house.units(house.anna, 60)
    house.units(house.bo, 90)
    house.units(house.chen, 70)
    happened = house.close()
    assert only(happened, BidLost).bidder_id == house.anna
    trades = [event for event in happened if isinstance(event, TradeExecuted)]
    assert {t.buyer_id: t.price_minor for t in trades} == {house.bo: price, house.chen: price}


@pytest.mark.parametrize("pricing", list(UniformPricing))
@pytest.mark.parametrize(("reserve", "price"), [(0, 20), (35, 35)])
def test_demand_below_supply_pays_the_reserve_or_the_start_price(
    pricing: UniformPricing, reserve: int, price: int
) -> None:
    terms = uniform(5, start_price_minor=20, reserve_price_minor=reserve, pricing=pricing)
    house = House(terms)
    house.units(house.anna, 90, 80)
    house.units(house.bo, 70)
    assert awards(house) == {"anna": (2, 2 * price), "bole": (1, price)}


@pytest.mark.parametrize(("pricing", "price"), [(UniformPricing.HIGHEST_LOSING, 20), (LOWEST, 70)])
def test_demand_equal_to_supply_has_no_losing_bid(pricing: UniformPricing, price: int) -> None:
    house = House(uniform(3, start_price_minor=20, pricing=pricing))
    house.units(house.anna, 90, 80)
    house.units(house.bo, 70)
    assert awards(house) == {"anna": (2, 2 * price), "bole": (1, price)}


@pytest.mark.parametrize("pricing", list(UniformPricing))
def test_units_below_the_reserve_win_nothing_and_set_no_price(pricing: UniformPricing) -> None:
    house = House(uniform(3, reserve_price_minor=50, reserve_hidden=True, pricing=pricing))
    house.units(house.anna, 90, 49)
    house.units(house.bo, 48)
    assert awards(house) == {"anna": (1, 50)}


def test_when_no_unit_meets_the_reserve_it_is_unsold() -> None:
    house = House(uniform(3, reserve_price_minor=50))
    house.units(house.anna, 49, 49)
    assert only(house.close(), AuctionClosedUnsold).reason == "reserve_not_met"
    assert house.venue.settlement.ledger.holds == {}


def test_a_tie_at_the_margin_goes_to_the_earlier_bid() -> None:
    house = House(uniform(2))
    house.units(house.bo, 70)
    house.units(house.anna, 90, 70)
    assert awards(house) == {"anna": (1, 70), "bole": (1, 70)}


def test_a_tie_at_the_margin_goes_to_a_holder_of_a_priority_right() -> None:
    house = House(uniform(2, priority_ids=("pty_anna",)))
    house.units(house.bo, 70)
    house.units(house.anna, 90, 70)
    assert awards(house) == {"anna": (2, 140)}


def test_a_bid_is_replaced_as_a_whole() -> None:
    house = House(uniform(2))
    house.units(house.anna, 90, 80)
    house.units(house.anna, 50)
    assert house.balance("pty_anna/CNY/reserved") == 50
    house.units(house.bo, 60)
    assert awards(house) == {"anna": (1, 1), "bole": (1, 1)}


@pytest.mark.parametrize("units", [(50, 51), (50, 40, 41), (50, 50, 50, 50)])
def test_rising_units_and_more_than_are_sold_are_rejected(units: tuple[int, ...]) -> None:
    house = House(uniform(3))
    assert refusal(house.units(house.anna, *units)) == "bid_does_not_fit_the_format"
    assert house.balance("pty_anna/CNY/available") == 10_000_000


def test_each_unit_is_worth_at_least_the_start_price() -> None:
    house = House(uniform(3, start_price_minor=30))
    assert refusal(house.units(house.anna, 50, 29)) == "bid_below_minimum"


def test_all_units_must_be_funded() -> None:
    house = House(uniform(3))
    poor = house.buyer("poor", money=149)
    assert refusal(house.units(poor, 50, 50, 50)) == "insufficient_funds"
    assert "BidPlaced" in {type(e).__name__ for e in house.units(poor, 50, 50, 49)}


def test_no_price_moves_while_it_runs() -> None:
    house = House(uniform(2, start_price_minor=5))
    house.units(house.anna, 90, 80)
    house.units(house.bo, 70)
    assert house.price == 5


def test_bids_are_late_at_the_end() -> None:
    house = House(uniform(2))
    late = house.units(house.anna, 90, at_ms=T0 + 3_600_000)
    assert refusal(late) == "auction_not_open"
