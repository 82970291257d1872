"""The catalogue: data sets, and listings on their way from draft to withdrawn."""

from enum import StrEnum
from typing import Final

import msgspec

from schemas.base import Command, Event, SchemaError
from schemas.catalogue import GrantTerms, MeteredOffer, Offer
from schemas.commands import (
    DraftListing,
    RegisterDataSet,
    ResumeListing,
    ReviewListing,
    SubmitListing,
    SuspendListing,
    WithdrawListing,
)
from schemas.events import (
    DataSetRegistered,
    ListingDrafted,
    ListingResumed,
    ListingReviewed,
    ListingSubmitted,
    ListingSuspended,
    ListingWithdrawn,
)
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
    supplier_id: str
    content_sha256: str


class Listing(msgspec.Struct, kw_only=True):
    """`data_set_id` and `content_sha256` are None while a draft has no content; `auction_id` is the
    auction now running, one at a time.
    """

    id: str
    supplier_id: str
    data_set_id: str | None
    content_sha256: str | None
    offer: Offer
    grant_terms: GrantTerms
    status: Status = Status.DRAFT
    expires_at_ms: int | None = None
    auction_id: str | None = None

    def content(self) -> tuple[str, str]:
        """Return the data set's id and the SHA-256 of its content."""
        assert self.data_set_id is not None, "a listing without a data set was submitted"
        assert self.content_sha256 is not None, "a data set without content was registered"
        return self.data_set_id, self.content_sha256


class Catalogue(msgspec.Struct, kw_only=True):
    data_sets: dict[str, DataSet] = {}
    listings: dict[str, Listing] = {}


LIVE: Final = frozenset({Status.DRAFT, Status.UNDER_REVIEW, Status.LISTED, Status.SUSPENDED})
_ALLOWED_IN: Final[dict[type[Command], frozenset[Status]]] = {
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


def draft(catalogue: Catalogue, command: DraftListing) -> list[Event] | Refusal:
    if command.id in catalogue.listings:
        return Refusal.LISTING_EXISTS
    if refusal := _refuse_data_set(catalogue, command):
        return refusal
    if command.expires_at_ms is not None and command.expires_at_ms <= command.at_ms:
        return Refusal.EXPIRY_IN_PAST
    if isinstance(command.offer, MeteredOffer) and not _is_sound(command.offer.tariff):
        return Refusal.TARIFF_INVALID
    return [
        ListingDrafted(
            at_ms=command.at_ms,
            id=command.id,
            supplier_id=command.supplier_id,
            data_set_id=command.data_set_id,
            entry=command.entry,
            offer=command.offer,
            grant_terms=command.grant_terms,
            expires_at_ms=command.expires_at_ms,
        )
    ]


def take_step(catalogue: Catalogue, command: Step) -> list[Event] | Refusal:
    """Move a listing along, if its status allows the step and, for its supplier's steps, it is
    theirs.
    """
    listing = catalogue.listings.get(command.listing_id)
    if listing is None:
        return Refusal.LISTING_UNKNOWN
    if listing.status not in _ALLOWED_IN[type(command)]:
        return Refusal.LISTING_WRONG_STATUS
    if isinstance(command, SubmitListing | WithdrawListing) and (
        command.supplier_id != listing.supplier_id
    ):
        return Refusal.NOT_OWNER
    if isinstance(command, SubmitListing) and listing.data_set_id is None:
        return Refusal.DATA_SET_MISSING
    return [_event_of(command)]


def _refuse_data_set(catalogue: Catalogue, command: DraftListing) -> Refusal | None:
    if command.data_set_id is None:
        return None
    data_set = catalogue.data_sets.get(command.data_set_id)
    if data_set is None:
        return Refusal.DATA_SET_UNKNOWN
    return None if data_set.supplier_id == command.supplier_id else Refusal.NOT_OWNER


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


def draft_effect(catalogue: Catalogue, event: ListingDrafted) -> None:
    data_set = catalogue.data_sets[event.data_set_id] if event.data_set_id else None
    catalogue.listings[event.id] = Listing(
        id=event.id,
        supplier_id=event.supplier_id,
        data_set_id=event.data_set_id,
        content_sha256=data_set.content_sha256 if data_set else None,
        offer=event.offer,
        grant_terms=event.grant_terms,
        expires_at_ms=event.expires_at_ms,
    )
