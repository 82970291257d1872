"""What of a record may be seen by whom: sealed until an auction ends, and the public's view."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from schemas import commands as c
from schemas import events as e
from schemas.envelope import Message
from services.gateway.routes.deals import bidder_alias


def sealed_for(message: Message) -> str | None:
    """Return the auction until whose end this message is shown to nobody but its owner."""
    match message:
        case c.PlaceBid() | e.BidPlaced():
            return message.auction_id
        case (
            e.FundsReserved(request=c.PlaceBid() as bid)
            | e.FundsRefused(request=c.PlaceBid() as bid)
        ):
            return bid.auction_id
        case e.FundsReleased():
            return message.hold_id.partition("/")[0]
        case c.OpenAuction() | e.AuctionOpened() if message.terms.reserve_hidden:
            return message.id
        case _:
            return None


def public_view(message: Message) -> dict[str, Any] | None:
    """Return what everyone may know of an event as it happens; None for what is not public."""
    show = _PUBLIC.get(type(message))
    return None if show is None else {"type": type(message).__name__, **show(message)}


def _opened(event: e.AuctionOpened) -> dict[str, Any]:
    shown = _plain("id", "listing_id", "supplier_id", "terms", "at_ms")(event)
    if event.terms.reserve_hidden:
        shown["terms"].pop("reserve_price_minor", None)
    return shown


def _placed(event: e.BidPlaced) -> dict[str, Any]:
    alias = bidder_alias(event.auction_id, event.bidder_id)
    return {**_plain("auction_id", "price_minor", "at_ms")(event), "bidder": alias}


def _plain(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda event: {name: msgspec.to_builtins(getattr(event, name)) for name in names}


_PUBLIC: Final[dict[type[Message], Callable[[Any], dict[str, Any]]]] = {
    e.ListingReviewed: _plain("listing_id", "approved", "at_ms"),
    e.ListingSuspended: _plain("listing_id", "at_ms"),
    e.ListingResumed: _plain("listing_id", "at_ms"),
    e.ListingWithdrawn: _plain("listing_id", "at_ms"),
    e.ListingExpired: _plain("listing_id", "at_ms"),
    e.AuctionOpened: _opened,
    e.BidPlaced: _placed,
    e.AuctionExtended: _plain("auction_id", "ends_at_ms", "extensions", "at_ms"),
    e.AuctionCancelled: _plain("auction_id", "at_ms"),
    e.AuctionClosedUnsold: _plain("auction_id", "reason", "at_ms"),
    e.TradeExecuted: _plain("id", "listing_id", "deal_id", "price_minor", "currency", "at_ms"),
}
