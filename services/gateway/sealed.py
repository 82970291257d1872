"""The public's view of what is partly secret; `market.sealing` says what is sealed until when."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from schemas import events as e
from schemas.auctions import AuctionTerms
from schemas.envelope import Message


def public_view(message: Message) -> dict[str, Any] | None:
    """Return what everyone may know of an event as it happens; None for what is not public."""
    show = _PUBLIC.get(type(message))
    return None if show is None else {"type": type(message).__name__, **show(message)}


def public_terms(terms: AuctionTerms) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(terms)
    if terms.reserve_hidden:
        shown.pop("reserve_price_minor", None)
    return shown


def bidder_alias(auction_id: str, bidder_id: str) -> str:
    """Return a name for a bidder that holds within one auction and says nothing beyond it."""
    return f"bidder-{hashlib.sha256(f'{auction_id}/{bidder_id}'.encode()).hexdigest()[:6]}"


def _opened(event: e.AuctionOpened) -> dict[str, Any]:
    shown = _plain("id", "listing_id", "supplier_id", "follows", "at_ms")(event)
    return {**shown, "terms": public_terms(event.terms)}


def _placed(event: e.BidPlaced) -> dict[str, Any]:
    alias = bidder_alias(event.auction_id, event.bidder_id)
    return {**_plain("auction_id", "price_minor", "at_ms")(event), "bidder": alias}


def _plain(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda event: {name: msgspec.to_builtins(getattr(event, name)) for name in names}


_PUBLIC: Final[dict[type[Message], Callable[[Any], dict[str, Any]]]] = {
    e.DataSetRevised: _plain("data_set_id", "revision", "at_ms"),
    e.ListingAmended: _plain("listing_id", "at_ms"),
    e.ListingReviewed: _plain("listing_id", "approved", "at_ms"),
    e.ListingSuspended: _plain("listing_id", "at_ms"),
    e.ListingResumed: _plain("listing_id", "at_ms"),
    e.ListingWithdrawn: _plain("listing_id", "at_ms"),
    e.ListingExpired: _plain("listing_id", "at_ms"),
    e.AuctionOpened: _opened,
    e.BidPlaced: _placed,
    e.AuctionExtended: _plain("auction_id", "ends_at_ms", "extensions", "at_ms"),
    e.AuctionCancelled: _plain("auction_id", "at_ms"),
    e.AuctionClosedUnsold: _plain("auction_id", "reason", "relisted_as", "at_ms"),
    e.TradeExecuted: _plain(
        "id", "listing_id", "deal_id", "quantity", "price_minor", "currency", "at_ms"
    ),
}
