"""Bodies about data sets and listings."""

from typing import Annotated, Any, TypeVar

from schemas import commands as c
from schemas.base import SchemaError
from schemas.catalogue import CatalogueEntry, GrantTerms, MeteredOffer, Offer
from schemas.codes import credit_code_fault, resource_code_fault
from schemas.tariff import check_tariff
from services.gateway.message_schemas import Part
from services.gateway.problems import Problem
from services.gateway.requests.base import Body, Id, Millis, Reason, make, refuse_code


class ListingBody(Body):
    """A listing to be: which data, how it describes itself, what it costs, what it allows.

    Without `data_set_id` a draft has none yet, and an amended listing keeps its own.
    """

    data_set_id: Id | None = None
    entry: Annotated[CatalogueEntry, Part(CatalogueEntry)]
    offer: Annotated[Offer, Part(Offer, "Offer")]
    grant_terms: Annotated[GrantTerms, Part(GrantTerms)]
    expires_at_ms: Millis | None = None


class ReviewBody(Body):
    approved: bool
    reason: Reason


ListingText = TypeVar("ListingText", c.DraftListing, c.AmendListing)


def say_listing(kind: type[ListingText], body: ListingBody, **fields: Any) -> ListingText:
    _check_codes(body.entry)
    if isinstance(body.offer, MeteredOffer):
        try:
            check_tariff(body.offer.tariff)
        except SchemaError as error:
            raise Problem(422, "tariff_invalid", f"offer.tariff.{error}") from error
    return make(
        kind,
        data_set_id=body.data_set_id,
        entry=body.entry,
        offer=body.offer,
        grant_terms=body.grant_terms,
        expires_at_ms=body.expires_at_ms,
        **fields,
    )


def _check_codes(entry: CatalogueEntry) -> None:
    provider, resource = entry.provider_code, entry.resource_code
    if provider:
        refuse_code("entry.provider_code", credit_code_fault(provider))
    if resource:
        refuse_code("entry.resource_code", resource_code_fault(resource, provider))
