"""Auctions, bids, subscriptions and trades."""

from typing import Any, Final

import msgspec

from schemas import commands as c
from schemas import events as e
from schemas.auctions import LicenceTerms
from schemas.envelope import Message
from schemas.ids import derive_id
from services.gateway import tables as t
from services.gateway.projections.common import Apply, refuse
from services.gateway.rows import Rows
from services.gateway.sealed import public_terms


def _auction_opened(rows: Rows, event: e.AuctionOpened, position: int) -> None:
    terms = event.terms
    rows.put(
        t.AuctionRow,
        position=position,
        id=event.id,
        listing_id=event.listing_id,
        supplier_id=event.supplier_id,
        format=msgspec.to_builtins(terms)["format"],
        sealed=terms.sealed,
        status="open",
        currency=terms.currency,
        price_minor=terms.start_price_minor,
        start_price_minor=terms.start_price_minor,
        reserve_price_minor=None if terms.reserve_hidden else terms.reserve_price_minor,
        reserve_met=None if terms.sealed else terms.reserve_price_minor == 0,
        licences=terms.licences if isinstance(terms, LicenceTerms) else 1,
        licences_sold=0,
        awards=0,
        bid_count=0,
        extensions=0,
        starts_at_ms=terms.starts_at_ms,
        ends_at_ms=terms.ends_at_ms,
        terms=public_terms(terms),
        winner_id=None,
        reason="",
        follows=event.follows,
        relisted_as=None,
    )
    rows.put(t.AuctionSecretRow, id=event.id, reserve_price_minor=terms.reserve_price_minor)


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
        further_minor=list(bid.further_minor),
        price_minor=None,
        licences_won=0,
        currency=bid.currency,
        reason=reason,
        at_ms=bid.at_ms,
    )


def _bid_placed(rows: Rows, event: e.BidPlaced, position: int) -> None:
    auction = rows.find(t.AuctionRow, event.auction_id)
    secret = rows.find(t.AuctionSecretRow, event.auction_id)
    assert auction is not None
    assert secret is not None
    sealed, met = auction["sealed"], event.max_price_minor >= secret["reserve_price_minor"]
    rows.change(
        t.BidRow,
        event.bid_id,
        status="placed" if sealed else "leading",
        price_minor=event.price_minor,
        position=position,
    )
    rows.change(
        t.AuctionRow,
        event.auction_id,
        price_minor=event.price_minor,
        bid_count=auction["bid_count"] + 1,
        reserve_met=None if sealed else auction["reserve_met"] or met,
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


def _auction_cancelled(rows: Rows, event: e.AuctionCancelled, position: int) -> None:
    rows.change(
        t.AuctionRow,
        event.auction_id,
        status="cancelled",
        reason=event.reason,
        position=position,
    )


def _auction_unsold(rows: Rows, event: e.AuctionClosedUnsold, position: int) -> None:
    rows.change(
        t.AuctionRow,
        event.auction_id,
        status="unsold",
        reason=event.reason,
        relisted_as=event.relisted_as,
        position=position,
    )


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
        quantity=event.quantity,
        settled=False,
        at_ms=event.at_ms,
    )
    if mode == "auction":
        _sold(rows, event, position)


def _sold(rows: Rows, event: e.TradeExecuted, position: int) -> None:
    rows.change(
        t.BidRow,
        event.request_id,
        status="won",
        licences_won=event.quantity,
        position=position,
    )
    auction = rows.find(t.AuctionRow, event.deal_id)
    assert auction is not None
    rows.change(
        t.AuctionRow,
        event.deal_id,
        status="sold",
        price_minor=event.price_minor // event.quantity,
        reserve_met=True,
        licences_sold=auction["licences_sold"] + event.quantity,
        awards=auction["awards"] + 1,
        winner_id=None if auction["awards"] else event.buyer_id,
        position=position,
    )


APPLY: Final[dict[type[Message], Apply]] = {
    e.AuctionOpened: _auction_opened,
    e.AuctionExtended: _auction_extended,
    e.AuctionCancelled: _auction_cancelled,
    e.AuctionClosedUnsold: _auction_unsold,
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
