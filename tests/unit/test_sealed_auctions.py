"""Sealed bids: first price and second price."""

import pytest

from schemas.auctions import AuctionTerms
from schemas.events import (
    AuctionClosedUnsold,
    BidLost,
    BidPlaced,
    BidSuperseded,
    FundsReleased,
    TradeExecuted,
)
from tests.builders.auctions import House, only, refusal, sealed_first, sealed_second
from tests.builders.market import T0, kinds

BOTH = pytest.mark.parametrize("terms", [sealed_first, sealed_second], ids=["first", "second"])


def sold(house: House) -> tuple[str, int]:
    trade = only(house.close(), TradeExecuted)
    assert house.venue.settlement.ledger.holds == {}
    return trade.buyer_id, trade.price_minor


@pytest.mark.parametrize(
    ("terms", "price"), [(sealed_first(), 5_000), (sealed_second(), 3_000)], ids=["first", "second"]
)
def test_the_highest_bid_wins_and_pays_itself_or_the_second(
    terms: AuctionTerms, price: int
) -> None:
    house = House(terms)
    house.offer(house.bo, 3_000)
    house.offer(house.anna, 5_000)
    house.offer(house.chen, 2_000)
    assert sold(house) == (house.anna, price)


@pytest.mark.parametrize("reserve", [0, 2_500])
def test_a_sole_bidder_pays_the_reserve_or_the_start_price_in_second_price(reserve: int) -> None:
    house = House(sealed_second(start_price_minor=1_000, reserve_price_minor=reserve))
    house.offer(house.anna, 9_000)
    assert sold(house) == (house.anna, reserve or 1_000)


def test_the_second_price_is_at_least_the_reserve() -> None:
    house = House(sealed_second(reserve_price_minor=4_000, reserve_hidden=True))
    house.offer(house.anna, 9_000)
    house.offer(house.bo, 3_999)
    assert sold(house) == (house.anna, 4_000)


@BOTH
@pytest.mark.parametrize("hidden", [True, False])
def test_below_the_reserve_nothing_is_sold(terms: type, hidden: bool) -> None:
    house = House(terms(reserve_price_minor=6_000, reserve_hidden=hidden))
    house.offer(house.anna, 5_999)
    happened = house.close()
    assert only(happened, AuctionClosedUnsold).reason == "reserve_not_met"
    assert only(happened, BidLost).reason == "reserve_not_met"
    assert house.balance(f"{house.anna}/CNY/available") == 10_000_000


@BOTH
def test_a_bid_at_the_reserve_has_met_it(terms: type) -> None:
    house = House(terms(reserve_price_minor=6_000, reserve_hidden=True))
    house.offer(house.anna, 6_000)
    assert sold(house) == (house.anna, 6_000)


@BOTH
def test_of_equal_bids_the_earlier_wins_and_pays_it(terms: type) -> None:
    house = House(terms())
    house.offer(house.bo, 120)
    house.offer(house.anna, 120)
    assert sold(house) == (house.bo, 120)


@BOTH
def test_of_equal_bids_a_holder_of_a_priority_right_wins_over_an_earlier_one(terms: type) -> None:
    house = House(terms(priority_ids=("pty_anna",)))
    house.offer(house.bo, 120)
    house.offer(house.anna, 120)
    assert sold(house) == (house.anna, 120)


@BOTH
def test_a_priority_right_wins_nothing_over_a_higher_bid(terms: type) -> None:
    house = House(terms(priority_ids=("pty_anna",)))
    house.offer(house.anna, 120)
    house.offer(house.bo, 121)
    assert sold(house)[0] == house.bo


@BOTH
@pytest.mark.parametrize("second", [7_000, 2_000], ids=["up", "down"])
def test_a_bid_may_be_replaced_up_or_down_and_only_the_last_counts(
    terms: type, second: int
) -> None:
    house = House(terms())
    house.offer(house.anna, 5_000)
    happened = house.offer(house.anna, second)
    assert {"BidPlaced", "BidSuperseded"} < set(kinds(happened))
    assert house.balance(f"{house.anna}/CNY/reserved") == second
    house.offer(house.bo, 4_000)
    assert sold(house)[0] == (house.anna if second > 4_000 else house.bo)


def test_of_a_replaced_bid_the_time_of_the_last_counts() -> None:
    house = House(sealed_first())
    house.offer(house.anna, 120)
    house.offer(house.bo, 120)
    assert only(house.offer(house.anna, 120), BidSuperseded).bidder_id == house.anna
    assert sold(house) == (house.bo, 120)


@BOTH
def test_no_price_moves_and_nobody_is_outbid_while_it_runs(terms: type) -> None:
    house = House(terms(start_price_minor=50, reserve_price_minor=3_000, reserve_hidden=True))
    for bidder, amount in ((house.bo, 700), (house.anna, 9_000), (house.chen, 60)):
        happened = house.offer(bidder, amount)
        assert kinds(happened) == ["FundsReserved", "BidPlaced"]
        assert only(happened, BidPlaced).price_minor == 50
    assert house.price == 50


@BOTH
def test_a_bid_below_the_start_price_is_rejected(terms: type) -> None:
    house = House(terms(start_price_minor=500))
    assert refusal(house.offer(house.anna, 499)) == "bid_below_minimum"


@BOTH
def test_a_bid_for_more_than_one_licence_is_rejected(terms: type) -> None:
    house = House(terms())
    assert refusal(house.units(house.anna, 500, 400)) == "bid_does_not_fit_the_format"
    assert house.balance(f"{house.anna}/CNY/available") == 10_000_000


@BOTH
def test_without_bids_it_closes_unsold(terms: type) -> None:
    assert only(House(terms()).close(), AuctionClosedUnsold).reason == "no_bids"


@BOTH
def test_cancelled_it_releases_every_bid(terms: type) -> None:
    house = House(terms())
    house.offer(house.anna, 500)
    house.offer(house.bo, 600)
    happened = house.cancel()
    assert kinds(happened).count("BidLost") == kinds(happened).count("FundsReleased") == 2
    assert house.venue.settlement.ledger.holds == {}


@BOTH
def test_extended_it_takes_bids_until_the_new_end(terms: type) -> None:
    house = House(terms())
    later = T0 + 7_200_000
    house.extend(later)
    house.offer(house.bo, 400)
    assert "TradeExecuted" not in kinds(house.until(later - 1))
    house.offer(house.anna, 500, at_ms=later - 1)
    assert only(house.until(later), TradeExecuted).at_ms == later


def test_the_winner_gets_back_what_the_second_price_leaves() -> None:
    house = House(sealed_second())
    house.offer(house.anna, 9_000)
    house.offer(house.bo, 4_000)
    happened = house.close()
    released = [event for event in happened if isinstance(event, FundsReleased)]
    assert sorted(event.released_minor for event in released) == [4_000, 5_000]
    assert house.balance(f"{house.anna}/CNY/available") == 10_000_000 - 4_000
