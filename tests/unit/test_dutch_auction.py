"""The Dutch clock, and who buys at it."""

import pytest

from market.clearing import clock_price
from schemas.commands import OpenAuction
from schemas.events import AuctionClosedUnsold, BidLost, BidPlaced, TradeExecuted
from tests.builders.auctions import HOUR_MS, House, dutch, only, refusal
from tests.builders.market import AT_AUCTION, NONCE, T0, Market, kinds

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("after_ms", "price"),
    [
        (-5_000, 1_000),
        (0, 1_000),
        (MINUTE_MS - 1, 1_000),
        (MINUTE_MS, 900),
        (2 * MINUTE_MS, 800),
        (5 * MINUTE_MS + 59_999, 500),
        (6 * MINUTE_MS, 400),
        (7 * MINUTE_MS, 400),
        (100 * HOUR_MS, 400),
    ],
)
def test_the_clock_falls_a_step_at_each_interval_down_to_the_floor(
    after_ms: int, price: int
) -> None:
    assert clock_price(dutch(), T0 + after_ms) == price


def test_a_last_step_is_cut_at_the_floor() -> None:
    assert clock_price(dutch(step_minor=350), T0 + 2 * MINUTE_MS) == 400


def test_the_first_to_accept_buys_at_once_at_the_price_of_their_own_time() -> None:
    house = House(dutch())
    happened = house.offer(house.anna, 950, T0 + 3 * MINUTE_MS)
    assert only(happened, BidPlaced).price_minor == 700
    trade = only(happened, TradeExecuted)
    assert (trade.buyer_id, trade.price_minor, trade.at_ms) == (
        house.anna,
        700,
        T0 + 3 * MINUTE_MS,
    )
    assert kinds(happened) == [
        "FundsReserved",
        "BidPlaced",
        "TradeExecuted",
        "TransferPosted",
        "FundsReleased",
        "GrantIssued",
    ]
    assert house.balance(f"{house.anna}/CNY/available") == 10_000_000 - 700
    assert house.venue.settlement.ledger.holds == {}


def test_who_accepts_after_the_first_comes_too_late() -> None:
    house = House(dutch())
    house.offer(house.anna, 1_000, T0 + MINUTE_MS)
    assert refusal(house.offer(house.bo, 1_000, T0 + MINUTE_MS)) == "auction_not_open"
    assert house.balance(f"{house.bo}/CNY/available") == 10_000_000
    assert kinds(house.until(T0 + HOUR_MS)) == ["TimeAdvanced", "ClockAdvanced"]


def test_a_limit_below_the_clock_is_rejected_and_one_at_it_is_not() -> None:
    house = House(dutch())
    assert refusal(house.offer(house.anna, 899, T0 + MINUTE_MS)) == "bid_below_minimum"
    assert only(house.offer(house.anna, 900, T0 + MINUTE_MS), TradeExecuted).price_minor == 900


def test_the_floor_holds_until_the_end_and_then_it_is_unsold() -> None:
    house = House(dutch())
    last = only(house.offer(house.anna, 400, T0 + HOUR_MS - 1), TradeExecuted)
    assert last.price_minor == 400
    empty = House(dutch())
    assert refusal(empty.offer(empty.anna, 400, T0 + HOUR_MS)) == "auction_not_open"
    assert only(empty.close(), AuctionClosedUnsold).reason == "no_bids"


def test_extended_the_clock_stays_at_the_floor() -> None:
    house = House(dutch(interval_ms=20 * MINUTE_MS))
    assert house.venue.next_deadline() == T0 + HOUR_MS
    house.extend(T0 + 10 * HOUR_MS)
    assert only(house.offer(house.anna, 1_000, T0 + 9 * HOUR_MS), TradeExecuted).price_minor == 400


def test_cancelled_it_sells_nothing() -> None:
    house = House(dutch())
    assert kinds(house.cancel()) == ["AuctionCancelled"]
    assert refusal(house.offer(house.anna, 1_000)) == "auction_not_open"


def test_a_bid_for_more_than_one_licence_is_rejected() -> None:
    house = House(dutch())
    assert refusal(house.units(house.anna, 1_000, 1_000)) == "bid_does_not_fit_the_format"


def test_nobody_else_loses_by_it() -> None:
    house = House(dutch())
    assert BidLost not in {type(event) for event in house.offer(house.anna, 1_000)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"floor_price_minor": 1_001},
        {"reserve_price_minor": 1},
        {"reserve_hidden": True},
        {"priority_ids": ("pty_anna",)},
    ],
)
def test_terms_that_contradict_the_clock_are_refused(wrong: dict) -> None:
    market = Market()
    seller = market.supplier()
    command = OpenAuction(
        id="auc_wrong1",
        at_ms=T0,
        listing_id=market.listing(seller, AT_AUCTION),
        supplier_id=seller,
        terms=dutch(**wrong),
        nonce=NONCE,
    )
    assert market.say(command)[0].reason == "auction_terms_invalid"
