"""Events of matching on the topic `listings`: the catalogue's life."""

from schemas.base import Event, Id, Millis, Name, Quantity, Reason
from schemas.catalogue import CatalogueEntry, Content, GrantTerms, Offer
from schemas.parties import Role
from schemas.reasons import Refusal


class PartyAdmitted(Event):
    """Matching has taken note of an approved party, or of what has changed about it."""

    party_id: Id
    roles: tuple[Role, ...]
    controller_id: Id | None = None
    suspended: bool = False


class DataSetRegistered(Event):
    id: Id
    supplier_id: Id
    title: Name
    content: Content


class DataSetRevised(Event):
    """`revision` counts from 1, which is the content the data set was registered with."""

    id: Id
    data_set_id: Id
    supplier_id: Id
    content: Content
    revision: Quantity


class ListingDrafted(Event):
    id: Id
    supplier_id: Id
    entry: CatalogueEntry
    offer: Offer
    grant_terms: GrantTerms
    data_set_id: Id | None = None
    expires_at_ms: Millis | None = None


class _OfListing(Event):
    id: Id
    listing_id: Id


class ListingAmended(_OfListing):
    """It is a draft again, and says this from now on; grants issued before keep their terms."""

    supplier_id: Id
    entry: CatalogueEntry
    offer: Offer
    grant_terms: GrantTerms
    data_set_id: Id | None = None
    expires_at_ms: Millis | None = None


class ListingSubmitted(_OfListing):
    supplier_id: Id


class ListingReviewed(_OfListing):
    """Approved, it is listed from now on; refused, it is a draft again."""

    operator_id: Id
    approved: bool
    reason: Reason


class ListingSuspended(_OfListing):
    operator_id: Id
    reason: Reason


class ListingResumed(_OfListing):
    operator_id: Id


class ListingWithdrawn(_OfListing):
    supplier_id: Id
    reason: Reason


class ListingExpired(Event):
    listing_id: Id


class RequestRefused(Event):
    """Matching refused command `id`; nothing else came of it."""

    id: Id
    command: Name
    reason: Refusal
