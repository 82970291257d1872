"""Commands that matching decides: catalogue and auctions; those about access stand in `access`."""

from schemas.auctions import AuctionTerms
from schemas.base import Command, Id, Millis, Name, Nonce, Reason
from schemas.catalogue import CatalogueEntry, Content, GrantTerms, Offer
from schemas.commands.access import AccessCommand


class RegisterDataSet(Command):
    supplier_id: Id
    title: Name
    content: Content


class ReviseDataSet(Command):
    """Publish newer content of a data set. New trades get it; a grant sees it if its terms say
    so.
    """

    data_set_id: Id
    supplier_id: Id
    content: Content


class DraftListing(Command):
    """A draft may come without a data set; it needs one before it is submitted."""

    supplier_id: Id
    entry: CatalogueEntry
    offer: Offer
    grant_terms: GrantTerms
    data_set_id: Id | None = None
    expires_at_ms: Millis | None = None


class AmendListing(Command):
    """Set what a listing says anew, all of it; a data set not named stays the one attached."""

    listing_id: Id
    supplier_id: Id
    entry: CatalogueEntry
    offer: Offer
    grant_terms: GrantTerms
    data_set_id: Id | None = None
    expires_at_ms: Millis | None = None


class SubmitListing(Command):
    listing_id: Id
    supplier_id: Id


class ReviewListing(Command):
    listing_id: Id
    operator_id: Id
    approved: bool
    reason: Reason


class SuspendListing(Command):
    listing_id: Id
    operator_id: Id
    reason: Reason


class ResumeListing(Command):
    listing_id: Id
    operator_id: Id


class WithdrawListing(Command):
    listing_id: Id
    supplier_id: Id
    reason: Reason


class OpenAuction(Command):
    listing_id: Id
    supplier_id: Id
    terms: AuctionTerms
    nonce: Nonce


class WithdrawAuction(Command):
    """The supplier takes an auction back, which is free until the first bid."""

    auction_id: Id
    supplier_id: Id
    reason: Reason


class CancelAuction(Command):
    auction_id: Id
    operator_id: Id
    reason: Reason


class ExtendAuction(Command):
    """The operator moves the end later, after an outage."""

    auction_id: Id
    operator_id: Id
    ends_at_ms: Millis
    reason: Reason


MatchingCommand = (
    RegisterDataSet
    | ReviseDataSet
    | DraftListing
    | AmendListing
    | SubmitListing
    | ReviewListing
    | SuspendListing
    | ResumeListing
    | WithdrawListing
    | AccessCommand
    | OpenAuction
    | WithdrawAuction
    | CancelAuction
    | ExtendAuction
)
