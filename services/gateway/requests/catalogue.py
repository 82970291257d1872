"""Bodies about data sets and listings."""

from typing import Any

from schemas import commands as c
from schemas.base import SchemaError
from schemas.catalogue import CatalogueEntry, GrantTerms, MeteredOffer, Offer
from schemas.tariff import check_tariff
from services.gateway.problems import Problem
from services.gateway.requests.base import Body, Millis, Reason, make, part


class ListingBody(Body):
    """`entry`, `offer` and `grant_terms` as in the reference of the schemas. Without a data set it
    stays a draft.
    """

    data_set_id: str | None = None
    entry: dict[str, Any]
    offer: dict[str, Any]
    grant_terms: dict[str, Any]
    expires_at_ms: Millis | None = None


class ReviewBody(Body):
    approved: bool
    reason: Reason


def draft_listing(body: ListingBody, **fields: Any) -> c.DraftListing:
    offer: Offer = part(body.offer, "offer", Offer)
    if isinstance(offer, MeteredOffer):
        try:
            check_tariff(offer.tariff)
        except SchemaError as error:
            raise Problem(422, "tariff_invalid", f"offer.tariff.{error}") from error
    return make(
        c.DraftListing,
        data_set_id=body.data_set_id,
        entry=part(body.entry, "entry", CatalogueEntry),
        offer=offer,
        grant_terms=part(body.grant_terms, "grant_terms", GrantTerms),
        expires_at_ms=body.expires_at_ms,
        **fields,
    )
