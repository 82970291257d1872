"""Newer content of a data set, and listings said anew: who gets what from then on."""

import msgspec
import pytest

from market import listing
from schemas import commands as c
from schemas.catalogue import GrantTerms
from tests.builders.market import (
    ANY_USE,
    AT_AUCTION,
    CONTENT,
    ENTRY,
    FREE,
    METERED,
    OPERATOR,
    T0,
    Market,
    kinds,
)

NEWER = msgspec.structs.replace(CONTENT, sha256="b" * 64, row_count=30)
HOUR_MS = 3_600_000


class Shop(Market):
    """A market with one free listing by a supplier, and a buyer."""

    def __init__(self, offer: object = FREE, **terms: object) -> None:
        super().__init__()
        self.seller = self.supplier()
        self.anna = self.buyer("anna", money=100_000)
        self.listing_id = self.listing(self.seller, offer, **terms)
        self.data_set_id = self.listed.data_set_id

    @property
    def listed(self) -> listing.Listing:
        return self.venue.matching.catalogue.listings[self.listing_id]

    def revise(self, content: object = NEWER, by: str | None = None, **changes: object) -> list:
        fields = {
            "id": self.id(),
            "at_ms": T0,
            "data_set_id": self.data_set_id,
            "supplier_id": by or self.seller,
            "content": content,
        }
        return self.say(c.ReviseDataSet(**{**fields, **changes}))

    def amend(self, **changes: object) -> list:
        fields = {
            "id": self.id(),
            "at_ms": T0,
            "listing_id": self.listing_id,
            "supplier_id": self.seller,
            "entry": ENTRY,
            "offer": FREE,
            "grant_terms": GrantTerms(policy=ANY_USE),
        }
        return self.say(c.AmendListing(**{**fields, **changes}))

    def step(self, kind: type, **fields: object) -> list:
        about = {"id": self.id(), "at_ms": T0, "listing_id": self.listing_id}
        return self.say(kind(**about, **fields))

    def submit(self) -> list:
        return self.step(c.SubmitListing, supplier_id=self.seller)

    def approve(self) -> list:
        return self.step(c.ReviewListing, operator_id=OPERATOR, approved=True, reason="complete")

    def suspend(self) -> list:
        return self.step(c.SuspendListing, operator_id=OPERATOR, reason="complaint")


def issued(events: list) -> object:
    (grant,) = [event for event in events if type(event).__name__ == "GrantIssued"]
    return grant


def test_a_revision_counts_from_the_registered_content_and_new_trades_get_it() -> None:
    shop = Shop()
    before = issued(shop.request(shop.listing_id, shop.anna))
    (revised,) = shop.revise()
    after = issued(shop.request(shop.listing_id, shop.anna))
    assert revised.revision == 2
    assert (before.revision, before.content_sha256) == (1, "a" * 64)
    assert (after.revision, after.content_sha256) == (2, "b" * 64)


def test_every_listing_of_the_data_set_trades_the_newest_content() -> None:
    shop = Shop()
    other = c.DraftListing(
        id="lst_second",
        at_ms=T0,
        supplier_id=shop.seller,
        data_set_id=shop.data_set_id,
        entry=ENTRY,
        offer=METERED,
        grant_terms=GrantTerms(policy=ANY_USE),
    )
    shop.say(other)
    elsewhere = shop.listing(shop.seller, FREE)
    shop.revise()
    listings = shop.venue.matching.catalogue.listings
    assert listings["lst_second"].content_sha256 == "b" * 64
    assert listings[elsewhere].content_sha256 == "a" * 64


def test_an_auction_sells_the_content_that_is_newest_when_it_ends() -> None:
    shop = Shop(AT_AUCTION)
    shop.bid(shop.auction(shop.seller, shop.listing_id), shop.anna, 5_000)
    shop.revise()
    assert issued(shop.until(T0 + HOUR_MS)).revision == 2


@pytest.mark.parametrize("follows", [False, True])
def test_whether_a_grant_sees_later_revisions_is_part_of_its_terms(follows: bool) -> None:
    shop = Shop(follows_revisions=follows)
    assert issued(shop.request(shop.listing_id, shop.anna)).follows_revisions is follows


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data_set_id": "dst_nowhere"}, "data_set_unknown"),
        ({"content": CONTENT}, "content_unchanged"),
        ({"supplier_id": "pty_nobody"}, "party_not_approved"),
    ],
)
def test_a_revision_that_cannot_be_is_refused(changes: dict, reason: str) -> None:
    assert Shop().revise(**changes)[0].reason == reason


def test_another_supplier_may_not_revise_it() -> None:
    shop = Shop()
    assert shop.revise(by=shop.supplier("other"))[0].reason == "not_owner"


def test_content_that_comes_back_later_is_a_revision_of_its_own() -> None:
    shop = Shop()
    shop.revise()
    assert shop.revise(CONTENT)[0].revision == 3


def test_an_amended_listing_is_a_draft_and_needs_review_again() -> None:
    shop = Shop()
    assert kinds(shop.amend(offer=METERED)) == ["ListingAmended"]
    assert shop.listed.status == "draft"
    assert shop.request(shop.listing_id, shop.anna)[0].reason == "listing_not_listed"
    shop.submit()
    shop.approve()
    assert kinds(shop.subscribe(shop.listing_id, shop.anna, 500))[-1] == "GrantIssued"


def test_a_suspended_listing_that_is_amended_cannot_be_resumed_unread() -> None:
    shop = Shop()
    shop.suspend()
    shop.amend()
    assert shop.listed.status == "draft"
    resumed = shop.step(c.ResumeListing, operator_id=OPERATOR)
    assert resumed[0].reason == "listing_wrong_status"


def test_a_grant_issued_before_keeps_its_terms() -> None:
    shop = Shop(METERED)
    grant = issued(shop.subscribe(shop.listing_id, shop.anna, 500))
    shop.amend(offer=FREE, grant_terms=GrantTerms(policy=ANY_USE, lasts_ms=1))
    charged = shop.use(grant.id, shop.anna, 1)[1]
    assert charged.charge_minor == 50
    assert grant.expires_at_ms is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"listing_id": "lst_nowhere"}, "listing_unknown"),
        ({"data_set_id": "dst_nowhere"}, "data_set_unknown"),
        ({"expires_at_ms": T0}, "expiry_in_past"),
        ({"supplier_id": "pty_other"}, "not_owner"),
    ],
)
def test_an_amendment_that_cannot_be_is_refused(changes: dict, reason: str) -> None:
    assert Shop().amend(**changes)[0].reason == reason


def test_nothing_is_amended_under_review_nor_after_the_end() -> None:
    shop = Shop()
    shop.amend()
    shop.submit()
    assert shop.amend()[0].reason == "listing_wrong_status"
    shop.step(c.WithdrawListing, supplier_id=shop.seller, reason="replaced")
    assert shop.amend()[0].reason == "listing_wrong_status"


def test_nothing_is_amended_while_an_auction_of_it_runs() -> None:
    shop = Shop(AT_AUCTION)
    shop.auction(shop.seller, shop.listing_id)
    assert shop.amend(offer=AT_AUCTION)[0].reason == "auction_already_running"
    shop.until(T0 + HOUR_MS)
    assert kinds(shop.amend(offer=AT_AUCTION)) == ["ListingAmended"]


def test_an_amendment_sets_the_expiry_anew() -> None:
    shop = Shop()
    shop.amend(expires_at_ms=T0 + 5_000)
    shop.amend(expires_at_ms=T0 + 9_000)
    assert "ListingExpired" not in kinds(shop.until(T0 + 5_000))
    assert "ListingExpired" in kinds(shop.until(T0 + 9_000))


def test_an_amendment_without_expiry_lifts_it() -> None:
    shop = Shop()
    shop.amend(expires_at_ms=T0 + 5_000)
    shop.amend()
    assert "ListingExpired" not in kinds(shop.until(T0 + HOUR_MS))


def test_a_draft_without_a_data_set_is_submitted_once_one_is_attached() -> None:
    shop = Shop()
    data_set_id, shop.listing_id = shop.data_set_id, "lst_imported"
    bare = c.DraftListing(
        id=shop.listing_id,
        at_ms=T0,
        supplier_id=shop.seller,
        entry=ENTRY,
        offer=FREE,
        grant_terms=GrantTerms(policy=ANY_USE),
    )
    assert kinds(shop.say(bare)) == ["ListingDrafted"]
    assert shop.submit()[0].reason == "data_set_missing"
    shop.revise()
    shop.amend(data_set_id=data_set_id)
    assert kinds(shop.submit()) == ["ListingSubmitted"]
    shop.approve()
    assert issued(shop.request(shop.listing_id, shop.anna)).revision == 2


def test_an_amendment_that_names_no_data_set_keeps_the_one_attached() -> None:
    shop = Shop()
    shop.amend()
    assert (shop.listed.data_set_id, shop.listed.content_sha256) == (shop.data_set_id, "a" * 64)


def test_nobody_attaches_anothers_data_set() -> None:
    shop = Shop()
    other = shop.supplier("other")
    foreign = shop.data_set_id
    shop.say(
        c.DraftListing(
            id="lst_others1",
            at_ms=T0,
            supplier_id=other,
            entry=ENTRY,
            offer=FREE,
            grant_terms=GrantTerms(policy=ANY_USE),
        )
    )
    taken = shop.amend(listing_id="lst_others1", supplier_id=other, data_set_id=foreign)
    assert taken[0].reason == "not_owner"
