"""Listings from draft to their end, and who may do what to them."""

import pytest

from schemas import commands as c
from schemas.catalogue import GrantTerms
from schemas.parties import Role
from tests.builders.market import (
    ANY_USE,
    AT_AUCTION,
    CONTENT,
    ENTRY,
    FREE,
    OPERATOR,
    T0,
    Market,
    kinds,
)


class Shelf(Market):
    """A market with one draft of `lst_draft1` by a supplier."""

    def __init__(self, expires_at_ms: int | None = None) -> None:
        super().__init__()
        self.seller = self.supplier()
        self.anna = self.buyer("anna", money=100_000)
        self.say(
            c.RegisterDataSet(
                id="dst_rain01", at_ms=T0, supplier_id=self.seller, title="Rain", content=CONTENT
            )
        )
        self.drafted = self.draft(expires_at_ms=expires_at_ms)

    def draft(self, **changes: object) -> list:
        fields = {
            "id": "lst_draft1",
            "at_ms": T0,
            "supplier_id": self.seller,
            "data_set_id": "dst_rain01",
            "entry": ENTRY,
            "offer": AT_AUCTION,
            "grant_terms": GrantTerms(policy=ANY_USE),
            "expires_at_ms": None,
        }
        return self.say(c.DraftListing(**{**fields, **changes}))

    def submit(self, by: str | None = None, listing_id: str = "lst_draft1") -> list:
        return self.say(
            c.SubmitListing(
                id=self.id(), at_ms=T0, listing_id=listing_id, supplier_id=by or self.seller
            )
        )

    def review(self, *, approved: bool = True) -> list:
        return self.say(
            c.ReviewListing(
                id=self.id(),
                at_ms=T0,
                listing_id="lst_draft1",
                operator_id=OPERATOR,
                approved=approved,
                reason="looked at",
            )
        )

    def withdraw(self) -> list:
        return self.say(
            c.WithdrawListing(
                id=self.id(),
                at_ms=T0,
                listing_id="lst_draft1",
                supplier_id=self.seller,
                reason="replaced",
            )
        )

    @property
    def status(self) -> str:
        return self.venue.matching.catalogue.listings["lst_draft1"].status


def test_a_listing_goes_from_draft_through_review_to_listed() -> None:
    shelf = Shelf()
    seen = [shelf.status]
    for step in (shelf.submit, shelf.review):
        step()
        seen.append(shelf.status)
    assert seen == ["draft", "under_review", "listed"]


def test_a_refused_review_makes_it_a_draft_again() -> None:
    shelf = Shelf()
    shelf.submit()
    shelf.review(approved=False)
    assert shelf.status == "draft"
    assert kinds(shelf.submit()) == ["ListingSubmitted"]


def test_a_step_out_of_turn_is_refused() -> None:
    shelf = Shelf()
    assert shelf.review()[0].reason == "listing_wrong_status"
    shelf.submit()
    assert shelf.submit()[0].reason == "listing_wrong_status"
    suspend = c.SuspendListing(
        id="cmd_susp01", at_ms=T0, listing_id="lst_draft1", operator_id=OPERATOR, reason="check"
    )
    assert shelf.say(suspend)[0].reason == "listing_wrong_status"


def test_only_its_supplier_submits_it() -> None:
    shelf = Shelf()
    other = shelf.supplier("other")
    assert shelf.submit(by=other)[0].reason == "not_owner"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "lst_other1", "data_set_id": "dst_nowhere"}, "data_set_unknown"),
        ({"id": "lst_other1", "supplier_id": "pty_nobody"}, "party_not_approved"),
        ({"id": "lst_other1", "expires_at_ms": T0}, "expiry_in_past"),
        ({"id": "lst_draft1", "offer": FREE}, "id_reused_with_other_content"),
    ],
)
def test_a_draft_that_cannot_be_is_refused(changes: dict, reason: str) -> None:
    assert Shelf().draft(**changes)[0].reason == reason


def test_a_draft_of_anothers_data_set_is_refused() -> None:
    shelf = Shelf()
    other = shelf.supplier("other")
    assert shelf.draft(id="lst_other1", supplier_id=other)[0].reason == "not_owner"


def test_a_draft_without_a_data_set_is_kept_and_not_submitted() -> None:
    shelf = Shelf()
    assert kinds(shelf.draft(id="lst_bare01", data_set_id=None)) == ["ListingDrafted"]
    assert shelf.submit(listing_id="lst_bare01")[0].reason == "data_set_missing"


def test_the_same_draft_again_changes_nothing() -> None:
    shelf = Shelf()
    assert kinds(shelf.drafted) == ["ListingDrafted"]
    assert shelf.draft() == []


def test_a_buyer_may_not_publish() -> None:
    shelf = Shelf()
    command = c.RegisterDataSet(
        id="dst_other1", at_ms=T0, supplier_id=shelf.anna, title="x", content=CONTENT
    )
    assert shelf.say(command)[0].reason == "role_missing"


def test_a_listing_expires_at_its_time_and_is_then_not_for_trade() -> None:
    shelf = Shelf(expires_at_ms=T0 + 5_000)
    shelf.submit()
    shelf.review()
    assert "ListingExpired" not in kinds(shelf.until(T0 + 4_999))
    assert "ListingExpired" in kinds(shelf.until(T0 + 5_000))
    assert shelf.status == "expired"
    assert shelf.request("lst_draft1", shelf.anna)[0].reason == "listing_not_listed"


def test_withdrawing_takes_an_auction_without_bids_along_and_none_with_bids() -> None:
    shelf = Shelf()
    shelf.submit()
    shelf.review()
    shelf.auction(shelf.seller, "lst_draft1")
    assert kinds(shelf.withdraw()) == ["ListingWithdrawn", "AuctionCancelled"]
    assert shelf.status == "withdrawn"
    busy = Shelf()
    busy.submit()
    busy.review()
    busy.bid(busy.auction(busy.seller, "lst_draft1"), busy.anna, 5_000)
    assert busy.withdraw()[0].reason == "listing_has_bids"
    assert busy.status == "listed"


def test_an_unapproved_party_neither_buys_nor_pays() -> None:
    shelf = Shelf()
    shelf.say(
        c.RegisterParty(id="pty_new001", at_ms=T0, name="new", kind="person", roles=(Role.BUYER,))
    )
    free = shelf.listing(shelf.seller, FREE)
    assert shelf.request(free, "pty_new001")[0].reason == "party_not_approved"
    assert shelf.deposit("pty_new001", 500)[0].reason == "party_not_approved"


def test_a_party_is_registered_and_approved_once() -> None:
    shelf = Shelf()
    again = c.RegisterParty(
        id=shelf.anna, at_ms=T0, name="else", kind="person", roles=(Role.BUYER,)
    )
    assert shelf.say(again)[0].reason == "id_reused_with_other_content"
    approve = c.ApproveParty(id="cmd_again1", at_ms=T0, party_id=shelf.anna, operator_id=OPERATOR)
    assert shelf.say(approve)[0].reason == "party_already_approved"
