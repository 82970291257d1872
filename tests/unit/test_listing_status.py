"""What suspension, withdrawal and expiry of a listing do to deals, bids and grants."""

import pytest

from schemas import commands as c
from schemas.catalogue import GrantTerms
from tests.builders.market import (
    ANY_USE,
    AT_AUCTION,
    ENTRY,
    FREE,
    METERED,
    OPERATOR,
    T0,
    Market,
    kinds,
)

HOUR_MS = 3_600_000
EXPIRES_MS = T0 + 3_000_000
ENDS = ["suspended", "withdrawn", "expired"]


class Stall(Market):
    """A market with listings of each mode by one supplier, all of which expire in 50 minutes."""

    def __init__(self) -> None:
        super().__init__()
        self.seller = self.supplier()
        self.anna = self.buyer("anna", money=100_000)
        self.bole = self.buyer("bole", money=100_000)

    def passing(self, offer: object, expires_at_ms: int = EXPIRES_MS) -> str:
        listing_id = self.listing(self.seller, offer)
        self.say(
            c.AmendListing(
                id=self.id(),
                at_ms=T0,
                listing_id=listing_id,
                supplier_id=self.seller,
                entry=ENTRY,
                offer=offer,
                grant_terms=GrantTerms(policy=ANY_USE),
                expires_at_ms=expires_at_ms,
            )
        )
        self.step(c.SubmitListing, listing_id, supplier_id=self.seller)
        self.step(
            c.ReviewListing, listing_id, operator_id=OPERATOR, approved=True, reason="complete"
        )
        return listing_id

    def step(self, kind: type, listing_id: str, **fields: object) -> list:
        return self.say(kind(id=self.id(), at_ms=T0, listing_id=listing_id, **fields))

    def end(self, listing_id: str, how: str) -> None:
        if how == "suspended":
            self.step(c.SuspendListing, listing_id, operator_id=OPERATOR, reason="complaint")
        elif how == "withdrawn":
            self.step(c.WithdrawListing, listing_id, supplier_id=self.seller, reason="replaced")
        else:
            self.until(EXPIRES_MS)
        assert self.venue.matching.catalogue.listings[listing_id].status == how

    def cancel(self, auction_id: str) -> list:
        command = c.CancelAuction(
            id=self.id(), at_ms=T0, auction_id=auction_id, operator_id=OPERATOR, reason="outage"
        )
        return self.say(command)


@pytest.mark.parametrize("how", ENDS)
def test_nothing_new_is_dealt_in(how: str) -> None:
    stall = Stall()
    free, metered, auctioned = map(stall.passing, (FREE, METERED, AT_AUCTION))
    for listing_id in (free, metered, auctioned):
        stall.end(listing_id, how)
    assert stall.request(free, stall.anna)[0].reason == "listing_not_listed"
    rejected = [
        event
        for event in stall.subscribe(metered, stall.anna, 500)
        if type(event).__name__ == "SubscriptionRejected"
    ]
    assert [event.reason for event in rejected] == ["listing_not_listed"]
    assert stall.balance("pty_anna/CNY/reserved") == 0
    stall.auction(stall.seller, auctioned, ends_at_ms=T0 + 9 * HOUR_MS)
    assert stall.venue.matching.auctions == {}


@pytest.mark.parametrize("how", ENDS)
def test_issued_grants_stay(how: str) -> None:
    stall = Stall()
    free, metered = map(stall.passing, (FREE, METERED))
    grants = [
        stall.request(free, stall.anna)[-1],
        stall.subscribe(metered, stall.anna, 500)[-1],
    ]
    for listing_id in (free, metered):
        stall.end(listing_id, how)
    for grant in grants:
        used = stall.use(grant.id, stall.anna, at_ms=EXPIRES_MS)
        assert kinds(used)[0] == "UsageRecorded"


def test_suspension_refuses_new_bids_and_the_standing_ones_still_win() -> None:
    stall = Stall()
    listing_id = stall.passing(AT_AUCTION, T0 + 2 * HOUR_MS)
    auction_id = stall.auction(stall.seller, listing_id)
    stall.bid(auction_id, stall.anna, 5_000)
    stall.end(listing_id, "suspended")
    assert stall.bid(auction_id, stall.bole, 9_000)[1].reason == "listing_not_listed"
    assert stall.balance("pty_bole/CNY/reserved") == 0
    ended = stall.until(T0 + HOUR_MS)
    assert [event.buyer_id for event in ended if type(event).__name__ == "TradeExecuted"] == [
        stall.anna
    ]


def test_withdrawing_is_free_before_the_first_bid() -> None:
    stall = Stall()
    listing_id = stall.passing(AT_AUCTION)
    stall.auction(stall.seller, listing_id)
    stall.end(listing_id, "withdrawn")
    assert stall.venue.matching.auctions == {}


def test_after_the_first_bid_only_the_operator_cancels_which_releases_everything() -> None:
    stall = Stall()
    listing_id = stall.passing(AT_AUCTION)
    auction_id = stall.auction(stall.seller, listing_id)
    stall.bid(auction_id, stall.anna, 5_000)
    stall.bid(auction_id, stall.bole, 9_000)
    fields = {"supplier_id": stall.seller, "reason": "replaced"}
    assert stall.step(c.WithdrawListing, listing_id, **fields)[0].reason == "listing_has_bids"
    assert stall.balance("pty_bole/CNY/reserved") > 0
    stall.cancel(auction_id)
    for party in ("anna", "bole"):
        assert stall.balance(f"pty_{party}/CNY/reserved") == 0
        assert stall.balance(f"pty_{party}/CNY/available") == 100_000
    assert kinds(stall.step(c.WithdrawListing, listing_id, **fields)) == ["ListingWithdrawn"]


def test_an_auction_that_was_opened_ends_as_announced_though_its_listing_expires() -> None:
    stall = Stall()
    listing_id = stall.passing(AT_AUCTION, expires_at_ms=T0 + 1_800_000)
    auction_id = stall.auction(stall.seller, listing_id)
    assert "ListingExpired" in kinds(stall.until(T0 + 1_800_000))
    placed = stall.bid(auction_id, stall.anna, 5_000, at_ms=T0 + 2_000_000)
    assert "BidPlaced" in kinds(placed)
    assert "TradeExecuted" in kinds(stall.until(T0 + HOUR_MS))


@pytest.mark.parametrize("how", ENDS)
def test_only_a_suspended_listing_comes_back(how: str) -> None:
    stall = Stall()
    listing_id = stall.passing(FREE)
    stall.end(listing_id, how)
    resumed = stall.step(c.ResumeListing, listing_id, operator_id=OPERATOR)
    if how == "suspended":
        assert "GrantIssued" in kinds(stall.request(listing_id, stall.anna))
    else:
        assert resumed[0].reason == "listing_wrong_status"


def test_a_suspended_listing_still_expires_and_may_be_withdrawn() -> None:
    stall = Stall()
    first, second = stall.passing(FREE), stall.passing(FREE)
    for listing_id in (first, second):
        stall.end(listing_id, "suspended")
    stall.end(first, "withdrawn")
    stall.end(second, "expired")
