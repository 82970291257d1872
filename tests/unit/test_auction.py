"""What happens to a bid in an English auction with proxy maxima."""

import pytest

from schemas import commands as c
from schemas.auctions import IncrementStep, SoftClose
from schemas.catalogue import FreeOffer
from schemas.events import (
    AuctionCancelled,
    AuctionClosedUnsold,
    AuctionExtended,
    BidLost,
    BidPlaced,
    TradeExecuted,
)
from schemas.parties import Role
from tests.builders.auctions import HOUR_MS, House, only, refusal
from tests.builders.market import AT_AUCTION, NONCE, OPERATOR, T0, Market, english, kinds


def test_first_bid_leads_at_the_start_price() -> None:
    house = House(start_price_minor=1_000)
    assert kinds(house.offer(house.anna, 5_000)) == ["FundsReserved", "BidPlaced"]
    assert house.price == 1_000


@pytest.mark.parametrize(
    ("first", "second", "price"),
    [  # published examples, in cents
        (4_502, 1_999, 2_049),
        (5_000, 4_975, 5_000),
        (30_000, 20_000, 20_250),
        (12_000, 12_000, 12_000),
    ],
)
def test_leader_pays_one_increment_above_the_second_maximum(
    first: int, second: int, price: int
) -> None:
    house = House(start_price_minor=100)
    house.offer(house.anna, first)
    house.offer(house.bo, second)
    assert house.price == price
    trade = only(house.until(T0 + HOUR_MS), TradeExecuted)
    assert (trade.buyer_id, trade.price_minor) == (house.anna, price)


def test_higher_newcomer_takes_the_lead_and_the_old_leader_is_outbid() -> None:
    house = House()
    house.offer(house.anna, 2_000)
    happened = house.offer(house.bo, 5_000)
    assert kinds(happened) == ["FundsReserved", "BidPlaced", "BidOutbid", "FundsReleased"]
    assert house.price == 2_050


def test_a_tie_goes_to_the_earlier_bid() -> None:
    house = House()
    house.offer(house.anna, 5_000)
    house.offer(house.bo, 5_000)
    assert only(house.until(T0 + HOUR_MS), TradeExecuted).buyer_id == house.anna


def test_bid_below_the_start_price_is_rejected() -> None:
    house = House(start_price_minor=1_000)
    assert refusal(house.offer(house.anna, 999)) == "bid_below_minimum"


def test_the_next_minimum_is_the_price_plus_its_increment() -> None:
    house = House(start_price_minor=1_600)
    house.offer(house.anna, 9_000)
    assert refusal(house.offer(house.bo, 1_649)) == "bid_below_minimum"
    assert only(house.offer(house.bo, 1_650), BidPlaced).price_minor == 1_700


def test_leader_raising_their_own_maximum_does_not_move_the_price() -> None:
    house = House()
    house.offer(house.anna, 5_000)
    house.offer(house.bo, 3_000)
    before = house.price
    assert "BidSuperseded" in kinds(house.offer(house.anna, 9_000))
    assert house.price == before == 3_100


def test_leaders_raise_moves_a_price_their_old_maximum_was_capping() -> None:
    house = House()
    house.offer(house.anna, 5_000)
    house.offer(house.bo, 4_990)
    assert house.price == 5_000
    house.offer(house.anna, 9_000)
    assert house.price == 5_090


def test_leader_must_bid_above_their_own_maximum() -> None:
    house = House()
    house.offer(house.anna, 5_000)
    assert refusal(house.offer(house.anna, 5_000)) == "bid_not_above_own_maximum"


def test_without_bids_it_closes_unsold() -> None:
    house = House()
    assert only(house.until(T0 + HOUR_MS), AuctionClosedUnsold).reason == "no_bids"


def test_below_the_reserve_it_closes_unsold_and_the_bid_is_lost() -> None:
    house = House(reserve_price_minor=6_000, reserve_hidden=True)
    house.offer(house.anna, 5_999)
    happened = house.until(T0 + HOUR_MS)
    assert only(happened, AuctionClosedUnsold).reason == "reserve_not_met"
    assert only(happened, BidLost).reason == "reserve_not_met"
    assert house.venue.settlement.ledger.holds == {}


def test_a_met_reserve_is_the_least_the_winner_pays() -> None:
    house = House(reserve_price_minor=6_000, reserve_hidden=True)
    house.offer(house.anna, 8_000)
    assert only(house.until(T0 + HOUR_MS), TradeExecuted).price_minor == 6_000


def test_bid_in_the_closing_window_extends_the_auction_up_to_the_cap() -> None:
    rule = SoftClose(window_ms=60_000, extend_by_ms=60_000, extensions_max=2)
    house = House(soft_close=rule)
    end = T0 + HOUR_MS
    assert "AuctionExtended" not in kinds(house.offer(house.anna, 2_000, end - 60_001))
    first = only(house.offer(house.bo, 3_000, end - 1_000), AuctionExtended)
    assert (first.ends_at_ms, first.extensions) == (end + 59_000, 1)
    second = only(house.offer(house.anna, 4_000, end + 58_000), AuctionExtended)
    assert (second.ends_at_ms, second.extensions) == (end + 118_000, 2)
    assert "AuctionExtended" not in kinds(house.offer(house.bo, 5_000, end + 117_000))
    assert "TradeExecuted" not in kinds(house.until(end + 117_999))
    assert only(house.until(end + 118_000), TradeExecuted).at_ms == end + 118_000


def test_bid_at_the_end_is_late_and_one_before_it_is_not() -> None:
    house = House()
    end = T0 + HOUR_MS
    assert refusal(house.offer(house.anna, 5_000, at_ms=end)) == "auction_not_open"
    assert "BidPlaced" in kinds(house.offer(house.anna, 5_000, at_ms=end - 1))


def test_bid_before_the_start_is_rejected() -> None:
    house = House(starts_at_ms=T0 + 5_000)
    assert refusal(house.offer(house.anna, 5_000, T0 + 4_999)) == "auction_not_started"


def test_bid_on_an_auction_that_never_was_is_rejected_and_its_money_released() -> None:
    house = House()
    happened = house.bid("auc_nowhere", house.anna, 5_000)
    assert refusal(happened) == "auction_not_open"
    assert house.balance(f"{house.anna}/CNY/available") == 10_000_000


def test_supplier_and_bodies_under_one_control_may_not_bid() -> None:
    house = House()
    daughter = house.controlled("daughter", house.seller, money=100_000)
    sister_of = house.controlled("sister", OPERATOR, Role.OPERATOR, Role.BUYER, money=100_000)
    assert refusal(house.offer(house.seller, 5_000)) in ("insufficient_funds", "role_missing")
    assert refusal(house.offer(daughter, 5_000)) == "controlled_body"
    assert refusal(house.offer(sister_of, 5_000)) == "operator_may_not_trade"


def test_supplier_that_is_also_a_buyer_may_not_bid_on_its_own_listing() -> None:
    house = Market()
    both = house.controlled("both", "pty_nobody", Role.SUPPLIER, Role.BUYER, money=100_000)
    auction_id = house.auction(both, house.listing(both, AT_AUCTION))
    assert refusal(house.bid(auction_id, both, 5_000)) == "own_listing"


def test_bid_in_another_currency_is_rejected() -> None:
    house = House()
    dora = house.buyer("dora", money=100_000, currency="USD")
    assert refusal(house.offer(dora, 5_000, currency="USD")) == "currency_mismatch"


def test_suspended_listing_takes_no_bids_until_it_is_resumed() -> None:
    house = House()
    suspend = c.SuspendListing(
        id=house.id(), at_ms=T0, listing_id=house.listing_id, operator_id=OPERATOR, reason="check"
    )
    house.say(suspend)
    assert refusal(house.offer(house.anna, 5_000)) == "listing_not_listed"
    house.say(
        c.ResumeListing(id=house.id(), at_ms=T0, listing_id=house.listing_id, operator_id=OPERATOR)
    )
    assert "BidPlaced" in kinds(house.offer(house.anna, 5_000))


def test_supplier_withdraws_before_the_first_bid_and_only_the_operator_cancels_after() -> None:
    house = House()
    withdraw = c.WithdrawAuction(
        id=house.id(),
        at_ms=T0,
        auction_id=house.auction_id,
        supplier_id=house.seller,
        reason="changed plans",
    )
    house.offer(house.anna, 5_000)
    assert house.say(withdraw)[0].reason == "auction_has_bids"
    cancel = c.CancelAuction(
        id=house.id(),
        at_ms=T0,
        auction_id=house.auction_id,
        operator_id=OPERATOR,
        reason="outage",
    )
    happened = house.say(cancel)
    assert only(happened, BidLost).reason == "auction_cancelled"
    assert only(happened, AuctionCancelled).reason == "outage"
    assert house.venue.settlement.ledger.holds == {}
    fresh = House()
    free = c.WithdrawAuction(
        id=fresh.id(),
        at_ms=T0,
        auction_id=fresh.auction_id,
        supplier_id=fresh.seller,
        reason="changed plans",
    )
    assert kinds(fresh.say(free)) == ["AuctionCancelled"]


def test_operator_extends_after_an_outage() -> None:
    house = House()
    later = T0 + 2 * HOUR_MS
    house.say(
        c.ExtendAuction(
            id=house.id(),
            at_ms=T0,
            auction_id=house.auction_id,
            operator_id=OPERATOR,
            ends_at_ms=later,
            reason="outage",
        )
    )
    house.offer(house.anna, 5_000, at_ms=later - 1)
    assert "TradeExecuted" not in kinds(house.until(later - 1))
    assert only(house.until(later), TradeExecuted).at_ms == later


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"ends_at_ms": T0}, "auction_times_invalid"),
        ({"ends_at_ms": T0 + 400 * 24 * HOUR_MS}, "auction_times_invalid"),
        ({"currency": "USD"}, "currency_mismatch"),
        (
            {"increments": (IncrementStep(below_minor=100, increment_minor=5),)},
            "auction_terms_invalid",
        ),
    ],
)
def test_terms_that_cannot_work_are_refused(terms: dict, reason: str) -> None:
    market = Market()
    seller = market.supplier()
    listing_id = market.listing(seller, AT_AUCTION)
    command = c.OpenAuction(
        id="auc_wrong1",
        at_ms=T0,
        listing_id=listing_id,
        supplier_id=seller,
        terms=english(**terms),
        nonce=NONCE,
    )
    assert market.say(command)[0].reason == reason


def test_one_auction_at_a_time_and_only_of_a_listing_offered_so() -> None:
    house = House()
    again = c.OpenAuction(
        id="auc_again1",
        at_ms=T0,
        listing_id=house.listing_id,
        supplier_id=house.seller,
        terms=english(),
        nonce=NONCE,
    )
    assert house.say(again)[0].reason == "auction_already_running"
    free = house.listing(house.seller, FreeOffer())
    wrong = c.OpenAuction(
        id="auc_wrong1",
        at_ms=T0,
        listing_id=free,
        supplier_id=house.seller,
        terms=english(),
        nonce=NONCE,
    )
    assert house.say(wrong)[0].reason == "offer_wrong_mode"
