"""What an auction puts on record, whole: every field of its events, and the edges of its times."""

import pytest

from market.auction import DURATION_MS_MAX
from schemas import commands as c
from schemas.auctions import SoftClose
from schemas.events import (
    AuctionCancelled,
    AuctionClosedUnsold,
    AuctionExtended,
    AuctionOpened,
    BidLost,
    DeadlineScheduled,
    RequestRefused,
    TradeExecuted,
)
from tests.builders.auctions import HOUR_MS, House, only, refusal, sealed_first, uniform
from tests.builders.market import AT_AUCTION, CONTENT, NONCE, T0, Market, english

END = T0 + HOUR_MS
RULE = SoftClose(window_ms=60_000, extend_by_ms=90_000, extensions_max=2)


def open_for(lasts_ms: int) -> list:
    market = Market()
    listing_id = market.listing(market.supplier(), AT_AUCTION)
    terms = english(ends_at_ms=T0 + lasts_ms)
    return market.say(
        c.OpenAuction(
            id="auc_first1",
            at_ms=T0 + 5,
            listing_id=listing_id,
            supplier_id="pty_supplier",
            terms=terms,
            nonce="7" * 32,
        )
    )


def test_opening_is_on_record_with_its_deadline() -> None:
    opened, deadline, *_ = open_for(HOUR_MS)
    assert isinstance(opened, AuctionOpened)
    assert (opened.at_ms, opened.id, opened.supplier_id) == (T0 + 5, "auc_first1", "pty_supplier")
    assert (opened.nonce, opened.terms.ends_at_ms) == ("7" * 32, END)
    assert deadline == DeadlineScheduled(at_ms=T0 + 5, id="auc_first1", due_ms=END)


def test_an_auction_may_last_as_long_as_the_limit_and_no_longer() -> None:
    assert only(open_for(DURATION_MS_MAX), AuctionOpened).terms.ends_at_ms == T0 + DURATION_MS_MAX
    assert only(open_for(DURATION_MS_MAX + 1), RequestRefused).reason == "auction_times_invalid"


def test_a_soft_close_is_on_record_with_the_bids_time_and_its_reason() -> None:
    house = House(soft_close=RULE)
    events = house.offer(house.anna, 2_000, at_ms=END - 60_000)
    assert only(events, AuctionExtended) == AuctionExtended(
        at_ms=END - 60_000,
        auction_id=house.auction_id,
        ends_at_ms=END + 30_000,
        extensions=1,
        reason="soft_close",
    )
    deadline = DeadlineScheduled(at_ms=END - 60_000, id=house.auction_id, due_ms=END + 30_000)
    assert only(events, DeadlineScheduled) == deadline


@pytest.mark.parametrize(
    ("window_ms", "extend_by_ms", "before_end_ms", "extended"),
    [
        (60_000, 90_000, 60_001, False),  # before the window
        (60_000, 90_000, 60_000, True),  # its first moment
        (60_000, 30_000, 30_000, False),  # an end that would not move
        (60_000, 30_000, 30_001, False),  # or would come sooner
        (60_000, 30_000, 29_999, True),
    ],
)
def test_only_a_bid_in_the_window_extends_and_only_to_a_later_end(
    window_ms: int, extend_by_ms: int, before_end_ms: int, extended: bool
) -> None:
    rule = SoftClose(window_ms=window_ms, extend_by_ms=extend_by_ms, extensions_max=1)
    house = House(soft_close=rule)
    events = house.offer(house.anna, 2_000, at_ms=END - before_end_ms)
    assert any(isinstance(event, AuctionExtended) for event in events) is extended


def test_the_operators_extension_is_on_record_and_is_none_of_the_soft_ones() -> None:
    house = House(soft_close=RULE)
    events = house.extend(END + 1)
    extended = only(events, AuctionExtended)
    assert extended == AuctionExtended(
        at_ms=T0,
        auction_id=house.auction_id,
        ends_at_ms=END + 1,
        extensions=0,
        reason="outage",
        id=extended.id,
    )
    assert extended.id is not None
    assert only(events, DeadlineScheduled).at_ms == T0


@pytest.mark.parametrize(
    ("ends_at_ms", "allowed"),
    [
        (END - 1, False),
        (END, False),
        (END + 1, True),
        (T0 + DURATION_MS_MAX, True),
        (T0 + DURATION_MS_MAX + 1, False),
    ],
)
def test_an_extension_moves_the_end_later_and_within_the_longest_duration(
    ends_at_ms: int, allowed: bool
) -> None:
    events = House().extend(ends_at_ms)
    assert any(isinstance(event, AuctionExtended) for event in events) is allowed
    if not allowed:
        assert only(events, RequestRefused).reason == "auction_times_invalid"


def test_a_cancellation_is_on_record_with_its_command_and_ends_each_bid() -> None:
    house = House(sealed_first())
    for bidder in (house.anna, house.bo):
        house.offer(bidder, 2_000)
    events = house.cancel()
    cancelled = only(events, AuctionCancelled)
    assert (cancelled.at_ms, cancelled.auction_id) == (T0, house.auction_id)
    assert (cancelled.reason, cancelled.id is not None) == ("outage", True)
    lost = [event for event in events if isinstance(event, BidLost)]
    assert [(event.bidder_id, event.at_ms, event.reason) for event in lost] == [
        (house.anna, T0, "auction_cancelled"),
        (house.bo, T0, "auction_cancelled"),
    ]


def test_a_withdrawal_is_on_record_with_the_suppliers_reason() -> None:
    house = House()
    command = c.WithdrawAuction(
        id="cmd_withdraw",
        at_ms=T0 + 9,
        auction_id=house.auction_id,
        supplier_id=house.seller,
        reason="changed plans",
    )
    assert only(house.say(command), AuctionCancelled) == AuctionCancelled(
        at_ms=T0 + 9, auction_id=house.auction_id, reason="changed plans", id="cmd_withdraw"
    )


def test_a_trade_says_all_terms_by_value() -> None:
    house = House(uniform(2, start_price_minor=10))
    house.units(house.anna, 500, 400)
    house.offer(house.bo, 300)
    traded = only(house.close(), TradeExecuted)
    listing = house.venue.matching.catalogue.listings[house.listing_id]
    assert (traded.at_ms, traded.deal_id) == (END, house.auction_id)
    assert (traded.listing_id, traded.data_set_id) == (house.listing_id, listing.data_set_id)
    assert traded.content_sha256 == CONTENT.sha256
    assert (traded.supplier_id, traded.buyer_id) == (house.seller, house.anna)
    assert (traded.offer, traded.grant_terms) == (AT_AUCTION, listing.grant_terms)
    assert (traded.price_minor, traded.quantity, traded.currency) == (600, 2, "CNY")


def test_losers_learn_at_the_deadline_that_they_were_outbid() -> None:
    house = House(sealed_first())
    house.offer(house.anna, 500)
    house.offer(house.bo, 300)
    lost = only(house.close(), BidLost)
    assert (lost.bidder_id, lost.at_ms, lost.reason) == (house.bo, END, "outbid")


def test_unsold_is_on_record_at_the_deadline() -> None:
    house = House(sealed_first(reserve_price_minor=900))
    house.offer(house.anna, 500)
    events = house.close()
    assert only(events, AuctionClosedUnsold) == AuctionClosedUnsold(
        at_ms=END, auction_id=house.auction_id, reason="reserve_not_met"
    )
    lost = only(events, BidLost)
    assert (lost.at_ms, lost.reason) == (END, "reserve_not_met")


def test_the_state_keeps_what_was_opened_and_counts_what_was_placed() -> None:
    house = House(start_price_minor=700)
    auction = house.venue.matching.auctions[house.auction_id]
    assert (auction.price_minor, auction.nonce, auction.bid_count) == (700, NONCE, 0)
    house.offer(house.anna, 5_000, at_ms=T0 + 77)
    house.offer(house.bo, 900)
    auction = house.venue.matching.auctions[house.auction_id]
    assert auction.bid_count == 2
    (leading,) = auction.standing.values()
    assert (leading.bidder_id, leading.at_ms, leading.nonce) == (house.anna, T0 + 77, NONCE)
    assert auction.rival_minor == 900


def test_a_refused_bid_is_on_record_at_its_own_time() -> None:
    house = House()
    events = house.bid("auc_nobody", house.anna, 5_000, T0 + 3)
    assert refusal(events) == "auction_not_open"
    assert [event.at_ms for event in events] == [T0 + 3] * len(events)
