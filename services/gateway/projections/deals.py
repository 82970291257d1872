"""Auctions, bids, subscriptions and trades."""

from typing import Any, Final

import msgspec

from schemas import commands as c
from schemas import events as e
from schemas.envelope import Message
from schemas.ids import derive_id
from services.gateway import tables as t
from services.gateway.projections.common import Apply, refuse
from services.gateway.rows import Rows


def _auction_opened(rows: Rows, event: e.AuctionOpened, position: int) -> None:
    terms = msgspec.to_builtins(event.terms)
    hidden = event.terms.reserve_hidden
    if hidden:
        terms.pop("reserve_price_minor", None)
    rows.put(
        t.AuctionRow,
        position=position,
        id=event.id,
        listing_id=event.listing_id,
        supplier_id=event.supplier_id,
        format=terms["format"],
        status="open",
        currency=event.terms.currency,
        price_minor=event.terms.start_price_minor,
        start_price_minor=event.terms.start_price_minor,
        reserve_price_minor=None if hidden else event.terms.reserve_price_minor,
        reserve_met=event.terms.reserve_price_minor == 0,
        bid_count=0,
        extensions=0,
        starts_at_ms=event.terms.starts_at_ms,
        ends_at_ms=event.terms.ends_at_ms,
        terms=terms,
        winner_id=None,
        reason="",
    )
    rows.put(t.AuctionSecretRow, id=event.id, reserve_price_minor=event.terms.reserve_price_minor)


def _funds_reserved(rows: Rows, event: e.FundsReserved, position: int) -> None:
    if isinstance(event.request, c.PlaceBid):
        _bid(rows, event.request, "funded", "", position)


def _funds_refused(rows: Rows, event: e.FundsRefused, position: int) -> None:
    refuse(rows, event.request.id, event.reason.value)
    if isinstance(event.request, c.PlaceBid):
        _bid(rows, event.request, "rejected", event.reason.value, position)


def _bid(rows: Rows, bid: c.PlaceBid, status: str, reason: str, position: int) -> None:
    rows.put(
        t.BidRow,
        position=position,
        id=bid.id,
        auction_id=bid.auction_id,
        bidder_id=bid.bidder_id,
        status=status,
        max_price_minor=bid.max_price_minor,
        price_minor=None,
        currency=bid.currency,
        reason=reason,
        at_ms=bid.at_ms,
    )


def _bid_placed(rows: Rows, event: e.BidPlaced, position: int) -> None:
    rows.change(
        t.BidRow, event.bid_id, status="leading", price_minor=event.price_minor, position=position
    )
    auction = rows.find(t.AuctionRow, event.auction_id)
    secret = rows.find(t.AuctionSecretRow, event.auction_id)
    assert auction is not None
    assert secret is not None
    rows.change(
        t.AuctionRow,
        event.auction_id,
        price_minor=event.price_minor,
        bid_count=auction["bid_count"] + 1,
        reserve_met=auction["reserve_met"]
        or event.max_price_minor >= secret["reserve_price_minor"],
        position=position,
    )


def _bid_ended(status: str) -> Apply:
    def apply(rows: Rows, event: Any, position: int) -> None:
        reason = getattr(event, "reason", "")
        rows.change(t.BidRow, event.bid_id, status=status, reason=reason, position=position)
        if status == "rejected":
            refuse(rows, event.bid_id, reason)

    return apply


def _auction_extended(rows: Rows, event: e.AuctionExtended, position: int) -> None:
    rows.change(
        t.AuctionRow,
        event.auction_id,
        ends_at_ms=event.ends_at_ms,
        extensions=event.extensions,
        position=position,
    )


def _auction_ended(status: str) -> Apply:
    def apply(rows: Rows, event: Any, position: int) -> None:
        rows.change(
            t.AuctionRow, event.auction_id, status=status, reason=event.reason, position=position
        )

    return apply


def _subscription_rejected(rows: Rows, event: e.SubscriptionRejected, position: int) -> None:
    refuse(rows, event.id, event.reason.value)


def _traded(rows: Rows, event: e.TradeExecuted, position: int) -> None:
    mode = msgspec.to_builtins(event.offer)["mode"]
    rows.put(
        t.TradeRow,
        position=position,
        id=event.id,
        mode=mode,
        listing_id=event.listing_id,
        supplier_id=event.supplier_id,
        buyer_id=event.buyer_id,
        deal_id=event.deal_id,
        request_id=event.request_id,
        grant_id=derive_id(event.id, "grt"),
        currency=event.currency,
        price_minor=event.price_minor,
        settled=False,
        at_ms=event.at_ms,
    )
    if mode == "auction":
        rows.change(t.BidRow, event.request_id, status="won", position=position)
        rows.change(
            t.AuctionRow, event.deal_id, status="sold", winner_id=event.buyer_id, position=position
        )


APPLY: Final[dict[type[Message], Apply]] = {
    e.AuctionOpened: _auction_opened,
    e.AuctionExtended: _auction_extended,
    e.AuctionCancelled: _auction_ended("cancelled"),
    e.AuctionClosedUnsold: _auction_ended("unsold"),
    e.FundsReserved: _funds_reserved,
    e.FundsRefused: _funds_refused,
    e.BidPlaced: _bid_placed,
    e.BidRejected: _bid_ended("rejected"),
    e.BidOutbid: _bid_ended("outbid"),
    e.BidSuperseded: _bid_ended("superseded"),
    e.BidLost: _bid_ended("lost"),
    e.SubscriptionRejected: _subscription_rejected,
    e.TradeExecuted: _traded,
}
