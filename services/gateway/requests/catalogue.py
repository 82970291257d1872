"""Bodies about data sets and listings."""

from typing import Any, TypeVar

from schemas import commands as c
from schemas.base import SchemaError
from schemas.catalogue import CatalogueEntry, GrantTerms, MeteredOffer, Offer
from schemas.tariff import check_tariff
from services.gateway.problems import Problem
from services.gateway.requests.base import Body, Millis, Reason, make, part


class ListingBody(Body):
    """`entry`, `offer` and `grant_terms` as in the reference of the schemas.

    Without `data_set_id` a draft has none yet, and an amended listing keeps its own.
    """

    data_set_id: str | None = None
    entry: dict[str, Any]
    offer: dict[str, Any]
    grant_terms: dict[str, Any]
    expires_at_ms: Millis | None = None


class ReviewBody(Body):
    approved: bool
    reason: Reason


ListingText = TypeVar("ListingText", c.DraftListing, c.AmendListing)


def say_listing(kind: type[ListingText], body: ListingBody, **fields: Any) -> ListingText:
    offer: Offer = part(body.offer, "offer", Offer)
    if isinstance(offer, MeteredOffer):
        try:
            check_tariff(offer.tariff)
        except SchemaError as error:
            raise Problem(422, "tariff_invalid", f"offer.tariff.{error}") from error
    return make(
        kind,
        data_set_id=body.data_set_id,
        entry=part(body.entry, "entry", CatalogueEntry),
        offer=offer,
        grant_terms=part(body.grant_terms, "grant_terms", GrantTerms),
        expires_at_ms=body.expires_at_ms,
        **fields,
    )
