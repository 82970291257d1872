"""A deal without an auction: what may be dealt in, and the trade it makes."""

from market.listing import Catalogue, Listing, Status
from market.party import Admitted, refuse_to_buy
from schemas.catalogue import FreeOffer, MeteredOffer
from schemas.commands import RequestAccess, Subscribe
from schemas.events import TradeExecuted
from schemas.ids import derive_id
from schemas.reasons import Refusal


def find(
    catalogue: Catalogue,
    parties: dict[str, Admitted],
    request: RequestAccess | Subscribe,
    offered_as: type[FreeOffer] | type[MeteredOffer],
) -> Listing | Refusal:
    """Return the listing, if this buyer may deal in it this way now."""
    listing = catalogue.listings.get(request.listing_id)
    if listing is None:
        return Refusal.LISTING_UNKNOWN
    if listing.status is not Status.LISTED:
        return Refusal.LISTING_NOT_LISTED
    if refusal := refuse_to_buy(parties, request.buyer_id, listing.supplier_id):
        return refusal
    if not isinstance(listing.offer, offered_as):
        return Refusal.OFFER_WRONG_MODE
    if listing.acceptance_sha256 not in ("", request.accepted_sha256):
        return Refusal.TERMS_NOT_ACCEPTED
    return listing


def execute(
    listing: Listing,
    request: RequestAccess | Subscribe,
    price_minor: int = 0,
    currency: str | None = None,
    fee_bps: int = 0,
) -> TradeExecuted:
    return TradeExecuted(
        at_ms=request.at_ms,
        id=derive_id(request.id, "trd"),
        request_id=request.id,
        deal_id=request.id,
        listing_id=listing.id,
        data_set_id=listing.data_set_id,
        content_sha256=listing.content_sha256,
        revision=listing.revision,
        supplier_id=listing.supplier_id,
        buyer_id=request.buyer_id,
        offer=listing.offer,
        price_minor=price_minor,
        grant_terms=listing.grant_terms,
        currency=currency,
        buyer_fee_bps=fee_bps,
        purpose=request.purpose,
        accepted_sha256=listing.acceptance_sha256,
    )
