"""The catalogue: data sets, and listings on their way from draft to withdrawn."""

from enum import StrEnum
from typing import Final

import msgspec

from schemas.base import Command, Event, SchemaError
from schemas.catalogue import GrantTerms, MeteredOffer, Offer
from schemas.commands import (
    AmendListing,
    DraftListing,
    RegisterDataSet,
    ResumeListing,
    ReviewListing,
    ReviseDataSet,
    SubmitListing,
    SuspendListing,
    WithdrawListing,
)
from schemas.events import (
    DataSetRegistered,
    DataSetRevised,
    DeadlineScheduled,
    ListingAmended,
    ListingDrafted,
    ListingResumed,
    ListingReviewed,
    ListingSubmitted,
    ListingSuspended,
    ListingWithdrawn,
)
from schemas.ids import text_sha256
from schemas.reasons import Refusal
from schemas.tariff import Tariff, check_tariff


class Status(StrEnum):
    DRAFT = "draft"
    UNDER_REVIEW = "under_review"
    LISTED = "listed"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class DataSet(msgspec.Struct, kw_only=True, frozen=True):
    """What the newest revision holds."""

    supplier_id: str
    content_sha256: str
    revision: int = 1


class Listing(msgspec.Struct, kw_only=True):
    """`auction_id` is the auction now running, one at a time.

    What is traded is the data set's newest content; a draft may have no data set yet.
    `acceptance_sha256` is of the text that who deals must have accepted, or empty.
    """

    id: str
    supplier_id: str
    offer: Offer
    grant_terms: GrantTerms
    status: Status = Status.DRAFT
    acceptance_sha256: str = ""
    data_set_id: str = ""
    content_sha256: str = ""
    revision: int = 1
    expires_at_ms: int | None = None
    auction_id: str | None = None


class Catalogue(msgspec.Struct, kw_only=True):
    data_sets: dict[str, DataSet] = {}
    listings: dict[str, Listing] = {}


LIVE: Final = frozenset({Status.DRAFT, Status.UNDER_REVIEW, Status.LISTED, Status.SUSPENDED})
_ALLOWED_IN: Final[dict[type[Command], frozenset[Status]]] = {
    AmendListing: frozenset({Status.DRAFT, Status.LISTED, Status.SUSPENDED}),
    SubmitListing: frozenset({Status.DRAFT}),
    ReviewListing: frozenset({Status.UNDER_REVIEW}),
    SuspendListing: frozenset({Status.LISTED}),
    ResumeListing: frozenset({Status.SUSPENDED}),
    WithdrawListing: LIVE,
}
Step = SubmitListing | ReviewListing | SuspendListing | ResumeListing | WithdrawListing


def register(catalogue: Catalogue, command: RegisterDataSet) -> list[Event] | Refusal:
    if command.id in catalogue.data_sets:
        return Refusal.DATA_SET_EXISTS
    return [
        DataSetRegistered(
            at_ms=command.at_ms,
            id=command.id,
            supplier_id=command.supplier_id,
            title=command.title,
            content=command.content,
        )
    ]


def revise(catalogue: Catalogue, command: ReviseDataSet) -> list[Event] | Refusal:
    data_set = catalogue.data_sets.get(command.data_set_id)
    if data_set is None:
        return Refusal.DATA_SET_UNKNOWN
    if data_set.supplier_id != command.supplier_id:
        return Refusal.NOT_OWNER
    if data_set.content_sha256 == command.content.sha256:
        return Refusal.CONTENT_UNCHANGED
    return [
        DataSetRevised(
            at_ms=command.at_ms,
            id=command.id,
            data_set_id=command.data_set_id,
            supplier_id=command.supplier_id,
            content=command.content,
            revision=data_set.revision + 1,
        )
    ]


def draft(catalogue: Catalogue, command: DraftListing) -> list[Event] | Refusal:
    if command.id in catalogue.listings:
        return Refusal.LISTING_EXISTS
    if refusal := _refuse_text(catalogue, command):
        return refusal
    drafted = ListingDrafted(
        at_ms=command.at_ms,
        id=command.id,
        supplier_id=command.supplier_id,
        data_set_id=command.data_set_id,
        entry=command.entry,
        offer=command.offer,
        grant_terms=command.grant_terms,
        expires_at_ms=command.expires_at_ms,
    )
    return [drafted, *_expiry(command.id, command)]


def amend(catalogue: Catalogue, command: AmendListing) -> list[Event] | Refusal:
    """Say it anew. What was listed needs a review again, which is why a suspended one cannot be
    resumed with words that nobody has read.
    """
    listing = catalogue.listings.get(command.listing_id)
    refusal = _refuse_step(listing, command) or _refuse_text(catalogue, command)
    if listing is None or refusal:
        return refusal or Refusal.LISTING_UNKNOWN
    if listing.auction_id is not None:
        return Refusal.AUCTION_ALREADY_RUNNING
    amended = ListingAmended(
        at_ms=command.at_ms,
        id=command.id,
        listing_id=command.listing_id,
        supplier_id=command.supplier_id,
        data_set_id=command.data_set_id,
        entry=command.entry,
        offer=command.offer,
        grant_terms=command.grant_terms,
        expires_at_ms=command.expires_at_ms,
    )
    return [amended, *_expiry(command.listing_id, command)]


def take_step(catalogue: Catalogue, command: Step) -> list[Event] | Refusal:
    """Move a listing along, if its status allows the step and, for its supplier's steps, it is
    theirs.
    """
    listing = catalogue.listings.get(command.listing_id)
    if refusal := _refuse_step(listing, command):
        return refusal
    if isinstance(command, SubmitListing) and listing is not None and not listing.data_set_id:
        return Refusal.DATA_SET_MISSING
    return [_event_of(command)]


def _refuse_step(listing: Listing | None, command: Step | AmendListing) -> Refusal | None:
    if listing is None:
        return Refusal.LISTING_UNKNOWN
    if listing.status not in _ALLOWED_IN[type(command)]:
        return Refusal.LISTING_WRONG_STATUS
    if isinstance(command, SubmitListing | WithdrawListing | AmendListing) and (
        command.supplier_id != listing.supplier_id
    ):
        return Refusal.NOT_OWNER
    return None


def _refuse_text(catalogue: Catalogue, command: DraftListing | AmendListing) -> Refusal | None:
    if command.data_set_id is not None:
        data_set = catalogue.data_sets.get(command.data_set_id)
        if data_set is None:
            return Refusal.DATA_SET_UNKNOWN
        if data_set.supplier_id != command.supplier_id:
            return Refusal.NOT_OWNER
    if command.expires_at_ms is not None and command.expires_at_ms <= command.at_ms:
        return Refusal.EXPIRY_IN_PAST
    if isinstance(command.offer, MeteredOffer) and not _is_sound(command.offer.tariff):
        return Refusal.TARIFF_INVALID
    return None


def _expiry(listing_id: str, command: DraftListing | AmendListing) -> list[Event]:
    if command.expires_at_ms is None:
        return []
    return [DeadlineScheduled(at_ms=command.at_ms, id=listing_id, due_ms=command.expires_at_ms)]


def _is_sound(tariff: Tariff) -> bool:
    try:
        check_tariff(tariff)
    except SchemaError:
        return False
    return True


def _event_of(command: Step) -> Event:
    at_ms, id, listing_id = command.at_ms, command.id, command.listing_id
    match command:
        case SubmitListing(supplier_id=supplier_id):
            return ListingSubmitted(
                at_ms=at_ms, id=id, listing_id=listing_id, supplier_id=supplier_id
            )
        case ReviewListing(operator_id=operator_id):
            return ListingReviewed(
                at_ms=at_ms,
                id=id,
                listing_id=listing_id,
                operator_id=operator_id,
                approved=command.approved,
                reason=command.reason,
            )
        case SuspendListing(operator_id=operator_id, reason=reason):
            return ListingSuspended(
                at_ms=at_ms, id=id, listing_id=listing_id, operator_id=operator_id, reason=reason
            )
        case ResumeListing(operator_id=operator_id):
            return ListingResumed(
                at_ms=at_ms, id=id, listing_id=listing_id, operator_id=operator_id
            )
        case WithdrawListing(supplier_id=supplier_id, reason=reason):
            return ListingWithdrawn(
                at_ms=at_ms, id=id, listing_id=listing_id, supplier_id=supplier_id, reason=reason
            )


def register_effect(catalogue: Catalogue, event: DataSetRegistered) -> None:
    catalogue.data_sets[event.id] = DataSet(
        supplier_id=event.supplier_id, content_sha256=event.content.sha256
    )


def revise_effect(catalogue: Catalogue, event: DataSetRevised) -> None:
    """Every listing of the data set trades the new content from now on."""
    revised = DataSet(
        supplier_id=event.supplier_id,
        content_sha256=event.content.sha256,
        revision=event.revision,
    )
    catalogue.data_sets[event.data_set_id] = revised
    for listing in catalogue.listings.values():
        if listing.data_set_id == event.data_set_id:
            _attach(listing, event.data_set_id, revised)


def draft_effect(catalogue: Catalogue, event: ListingDrafted) -> None:
    drafted = Listing(
        id=event.id,
        supplier_id=event.supplier_id,
        offer=event.offer,
        grant_terms=event.grant_terms,
        acceptance_sha256=text_sha256(event.grant_terms.acceptance),
        expires_at_ms=event.expires_at_ms,
    )
    if event.data_set_id is not None:
        _attach(drafted, event.data_set_id, catalogue.data_sets[event.data_set_id])
    catalogue.listings[event.id] = drafted


def amend_effect(catalogue: Catalogue, event: ListingAmended) -> None:
    amended = catalogue.listings[event.listing_id]
    amended.status = Status.DRAFT
    amended.offer = event.offer
    amended.grant_terms = event.grant_terms
    amended.acceptance_sha256 = text_sha256(event.grant_terms.acceptance)
    amended.expires_at_ms = event.expires_at_ms
    if event.data_set_id is not None:
        _attach(amended, event.data_set_id, catalogue.data_sets[event.data_set_id])


def _attach(listing: Listing, data_set_id: str, data_set: DataSet) -> None:
    listing.data_set_id = data_set_id
    listing.content_sha256 = data_set.content_sha256
    listing.revision = data_set.revision
