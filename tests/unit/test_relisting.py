"""Priority rights in an English auction, and what ends unsold and is opened again."""

import pytest

from schemas import commands as c
from schemas.auctions import Relist
from schemas.events import (
    AuctionClosedUnsold,
    AuctionOpened,
    BidPlaced,
    DeadlineScheduled,
    TradeExecuted,
)
from tests.builders.auctions import (
    HOUR_MS,
    House,
    dutch,
    only,
    refusal,
    sealed_first,
    sealed_second,
)
from tests.builders.market import AT_AUCTION, NONCE, OPERATOR, T0, Market, english, kinds

END = T0 + HOUR_MS
TWICE = Relist(times_max=2, after_ms=60_000, lasts_ms=1_800_000, price_bps=8_000)


# --- priority ---------------------------------------------------------------------------------


def with_right() -> House:
    """Anna holds a priority right, Bo leads with 50.00, Chen was outbid at 30.00."""
    house = House(start_price_minor=100, priority_ids=("pty_anna",))
    house.offer(house.bo, 5_000)
    house.offer(house.chen, 3_000)
    assert house.price == 3_100
    return house


def test_a_holder_may_match_the_price_where_others_must_bid_above_it() -> None:
    house = with_right()
    assert refusal(house.offer(house.chen, 3_199)) == "bid_below_minimum"
    assert refusal(house.offer(house.anna, 3_099)) == "bid_below_minimum"
    assert "BidPlaced" in kinds(house.offer(house.anna, 3_100))


def test_a_holder_leads_on_equal_maxima_and_wins_at_them() -> None:
    house = with_right()
    happened = house.offer(house.anna, 5_000)
    assert kinds(happened) == ["FundsReserved", "BidPlaced", "BidOutbid", "FundsReleased"]
    trade = only(house.close(), TradeExecuted)
    assert (trade.buyer_id, trade.price_minor) == (house.anna, 5_000)


def test_a_holder_below_the_leaders_maximum_does_not_lead() -> None:
    house = with_right()
    house.offer(house.anna, 4_999)
    trade = only(house.close(), TradeExecuted)
    assert (trade.buyer_id, trade.price_minor) == (house.bo, 5_000)


def test_others_outbid_a_holder_only_with_more() -> None:
    house = with_right()
    house.offer(house.anna, 5_000)
    assert refusal(house.offer(house.bo, 5_000)) == "bid_below_minimum"
    assert "BidPlaced" in kinds(house.offer(house.bo, 5_100))
    assert only(house.close(), TradeExecuted).buyer_id == house.bo


def test_of_two_holders_with_equal_maxima_the_earlier_leads() -> None:
    house = House(priority_ids=("pty_anna", "pty_bole"))
    house.offer(house.bo, 5_000)
    house.offer(house.anna, 5_000)
    assert only(house.close(), TradeExecuted).buyer_id == house.bo


# --- opened again -----------------------------------------------------------------------------


def test_the_unsold_is_opened_again_at_the_reduced_price() -> None:
    house = House(start_price_minor=1_000, relist=TWICE)
    happened = house.until(END)
    again = f"{house.auction_id}-2"
    assert only(happened, AuctionClosedUnsold).relisted_as == again
    opened = only(happened, AuctionOpened)
    assert (opened.id, opened.follows, opened.at_ms) == (again, house.auction_id, END)
    assert opened.terms == english(
        start_price_minor=800,
        starts_at_ms=END + 60_000,
        ends_at_ms=END + 60_000 + 1_800_000,
        relist=Relist(times_max=1, after_ms=60_000, lasts_ms=1_800_000, price_bps=8_000),
    )
    assert only(happened, DeadlineScheduled).due_ms == opened.terms.ends_at_ms
    assert house.venue.matching.catalogue.listings[house.listing_id].auction_id == again


def test_rounds_go_on_until_none_is_left() -> None:
    house = House(start_price_minor=1_000, relist=TWICE)
    happened = house.until(END + 10 * HOUR_MS)
    opened = [event for event in happened if isinstance(event, AuctionOpened)]
    assert [event.id.removeprefix(house.auction_id) for event in opened] == ["-2", "-3"]
    assert [event.terms.start_price_minor for event in opened] == [800, 640]
    assert opened[1].terms.relist is None
    closed = [event for event in happened if isinstance(event, AuctionClosedUnsold)]
    assert [event.relisted_as for event in closed] == [opened[0].id, opened[1].id, None]
    assert not house.venue.matching.auctions
    assert house.venue.matching.deadlines.due == []


def test_a_later_round_waits_for_its_start_and_sells_as_any_other() -> None:
    house = House(start_price_minor=1_000, relist=TWICE)
    house.until(END)
    house.auction_id += "-2"
    assert refusal(house.offer(house.anna, 900, END + 59_999)) == "auction_not_started"
    assert refusal(house.offer(house.anna, 799, END + 60_000)) == "bid_below_minimum"
    house.offer(house.anna, 900, END + 60_000)
    happened = house.until(END + 10 * HOUR_MS)
    assert only(happened, TradeExecuted).price_minor == 800
    assert AuctionOpened not in {type(event) for event in happened}


def test_a_reserve_stays_and_bids_below_it_lead_to_another_round() -> None:
    house = House(sealed_second(reserve_price_minor=900, reserve_hidden=True, relist=TWICE))
    house.offer(house.anna, 899)
    happened = house.until(END)
    assert only(happened, AuctionClosedUnsold).reason == "reserve_not_met"
    assert only(happened, AuctionOpened).terms.reserve_price_minor == 900
    assert house.venue.settlement.ledger.holds == {}


def test_without_a_length_of_its_own_a_round_lasts_as_long_as_the_first() -> None:
    rule = Relist(times_max=2, after_ms=0, price_bps=10_000)
    house = House(sealed_first(relist=rule))
    house.extend(END + HOUR_MS)
    opened = [
        event.terms for event in house.until(END + 9 * HOUR_MS) if isinstance(event, AuctionOpened)
    ]
    lengths = [terms.ends_at_ms - terms.starts_at_ms for terms in opened]
    assert lengths == [HOUR_MS, HOUR_MS]


def test_a_dutch_round_starts_no_lower_than_its_floor() -> None:
    house = House(dutch(floor_price_minor=900, relist=TWICE))
    assert only(house.until(END), AuctionOpened).terms.start_price_minor == 900


def test_a_start_price_never_falls_to_nothing() -> None:
    rule = Relist(times_max=1, after_ms=0, price_bps=1)
    house = House(sealed_first(start_price_minor=10, relist=rule))
    assert only(house.until(END), AuctionOpened).terms.start_price_minor == 1


def test_what_is_sold_or_cancelled_is_not_opened_again() -> None:
    sold = House(relist=TWICE)
    sold.offer(sold.anna, 5_000)
    cancelled = House(relist=TWICE)
    assert kinds(cancelled.cancel()) == ["AuctionCancelled"]
    for house in (sold, cancelled):
        assert AuctionOpened not in {type(event) for event in house.until(END + 9 * HOUR_MS)}


@pytest.mark.parametrize("how", [c.SuspendListing, c.WithdrawListing])
def test_a_listing_that_is_no_longer_listed_is_not_opened_again(how: type) -> None:
    house = House(relist=TWICE)
    owner = {"operator_id": OPERATOR} if how is c.SuspendListing else {"supplier_id": house.seller}
    about = {"id": house.id(), "at_ms": T0, "listing_id": house.listing_id, "reason": "check"}
    house.say(how(**about, **owner))
    assert AuctionOpened not in {type(event) for event in house.until(END + 9 * HOUR_MS)}


def test_a_late_closing_leaves_the_next_round_its_full_length() -> None:
    house = House(relist=TWICE)
    late = END + HOUR_MS
    happened = house.say(c.TimePassed(id="tick_late", at_ms=late, due_ms=late))
    opened = only(happened, AuctionOpened)
    assert opened.at_ms == END
    assert opened.terms.starts_at_ms == late + 60_000


def test_an_id_in_use_is_not_taken_for_the_next_round() -> None:
    house = House(relist=TWICE)
    other = house.listing(house.seller, AT_AUCTION)
    taken = f"{house.auction_id}-2"
    house.say(opening(taken, other, house.seller, english(ends_at_ms=END + HOUR_MS)))
    assert only(house.until(END), AuctionClosedUnsold).relisted_as is None
    assert "BidPlaced" in kinds(house.bid(taken, house.anna, 5_000, END + 1))


@pytest.mark.parametrize(
    ("auction_id", "rule"),
    [
        ("auc_" + "x" * 60, {}),
        ("auc_later", {"lasts_ms": 400 * 24 * HOUR_MS}),
        ("auc_later", {"after_ms": 2**53 - 1}),
    ],
)
def test_rounds_that_could_not_be_are_refused_at_the_opening(auction_id: str, rule: dict) -> None:
    market = Market()
    seller = market.supplier()
    relist = Relist(**{"times_max": 2, "after_ms": 0, "price_bps": 8_000, **rule})
    listing_id = market.listing(seller, AT_AUCTION)
    command = opening(auction_id, listing_id, seller, english(relist=relist))
    assert market.say(command)[0].reason == "auction_terms_invalid"


def test_the_longest_id_that_fits_its_rounds_is_taken() -> None:
    market = Market()
    seller = market.supplier()
    relist = Relist(times_max=2, after_ms=0, price_bps=8_000)
    command = opening(
        "auc_" + "x" * 58, market.listing(seller, AT_AUCTION), seller, english(relist=relist)
    )
    market.say(command)
    last = [e for e in market.until(END + 9 * HOUR_MS) if isinstance(e, AuctionOpened)][-1]
    assert len(last.id) == 64


def test_the_round_opened_again_takes_bids_under_the_same_rules() -> None:
    house = House(start_price_minor=1_000, relist=TWICE, priority_ids=("pty_anna",))
    house.until(END)
    house.auction_id += "-2"
    house.offer(house.bo, 5_000, END + 60_000)
    assert only(house.offer(house.anna, 5_000, END + 60_000), BidPlaced).price_minor == 5_000


def opening(auction_id: str, listing_id: str, seller: str, terms: object) -> c.OpenAuction:
    return c.OpenAuction(
        id=auction_id,
        at_ms=T0,
        listing_id=listing_id,
        supplier_id=seller,
        terms=terms,
        nonce=NONCE,
    )
