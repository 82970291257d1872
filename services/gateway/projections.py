"""What each event does to the read models: one function per event, and their table."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from market import ledger
from schemas import commands as c
from schemas import events as e
from schemas.envelope import Message
from schemas.ids import derive_id
from schemas.reasons import Refusal
from services.gateway import tables as t
from services.gateway.rows import Rows


def post(rows: Rows, event: Any, cause_id: str, position: int) -> None:
    for number, (account, amount) in enumerate(ledger.postings(event)):
        owner_id, currency, kind = account.split("/")
        known = rows.find(t.BalanceRow, account)
        balance = (known["balance_minor"] if known else 0) + amount
        rows.put(
            t.BalanceRow,
            position=position,
            account=account,
            owner_id=owner_id,
            currency=currency,
            kind=kind,
            balance_minor=balance,
        )
        rows.put(
            t.PostingRow,
            position=position,
            number=number,
            account=account,
            owner_id=owner_id,
            currency=currency,
            amount_minor=amount,
            balance_minor=balance,
            event=type(event).__name__,
            cause_id=cause_id,
            at_ms=event.at_ms,
        )
        if kind == "prepaid" and rows.find(t.GrantRow, owner_id):
            rows.change(t.GrantRow, owner_id, prepaid_minor=balance, position=position)


def _refuse(rows: Rows, command_id: str, reason: str) -> None:
    """A conflict over an id that was answered before leaves the first answer standing."""
    row = rows.find(t.CommandRow, command_id)
    if row is not None and reason != Refusal.ID_REUSED:
        rows.change(t.CommandRow, command_id, status="refused", reason=reason)


# --- one function per event -------------------------------------------------------------------


def _party_registered(rows: Rows, event: e.PartyRegistered, position: int) -> None:
    rows.put(
        t.PartyRow,
        position=position,
        id=event.id,
        name=event.name,
        kind=event.kind.value,
        roles=[role.value for role in event.roles],
        credit_code=event.credit_code,
        controller_id=event.controller_id,
        status="registered",
        at_ms=event.at_ms,
    )


def _party_approved(rows: Rows, event: e.PartyApproved, position: int) -> None:
    rows.change(t.PartyRow, event.party_id, status="approved", position=position)


def _account_opened(rows: Rows, event: e.AccountOpened, position: int) -> None:
    account = ledger.available(event.party_id, event.currency)
    rows.put(
        t.BalanceRow,
        position=position,
        account=account,
        owner_id=event.party_id,
        currency=event.currency,
        kind="available",
        balance_minor=0,
    )


def _data_set(rows: Rows, event: e.DataSetRegistered, position: int) -> None:
    rows.put(
        t.DataSetRow,
        position=position,
        id=event.id,
        supplier_id=event.supplier_id,
        title=event.title,
        content=msgspec.to_builtins(event.content),
        at_ms=event.at_ms,
    )


def _listing_drafted(rows: Rows, event: e.ListingDrafted, position: int) -> None:
    offer = msgspec.to_builtins(event.offer)
    rows.put(
        t.ListingRow,
        position=position,
        id=event.id,
        supplier_id=event.supplier_id,
        data_set_id=event.data_set_id,
        status="draft",
        mode=offer["mode"],
        field=event.entry.field.value,
        title_zh=event.entry.title_zh,
        title_en=event.entry.title_en,
        entry=msgspec.to_builtins(event.entry),
        offer=offer,
        grant_terms=msgspec.to_builtins(event.grant_terms),
        expires_at_ms=event.expires_at_ms,
        reason="",
        at_ms=event.at_ms,
    )


def _listing_became(status: str) -> Callable[[Rows, Any, int], None]:
    def apply(rows: Rows, event: Any, position: int) -> None:
        reason = getattr(event, "reason", "")
        rows.change(t.ListingRow, event.listing_id, status=status, reason=reason, position=position)

    return apply


def _listing_reviewed(rows: Rows, event: e.ListingReviewed, position: int) -> None:
    _listing_became("listed" if event.approved else "draft")(rows, event, position)


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
    _refuse(rows, event.request.id, event.reason.value)
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


def _bid_ended(status: str) -> Callable[[Rows, Any, int], None]:
    def apply(rows: Rows, event: Any, position: int) -> None:
        reason = getattr(event, "reason", "")
        rows.change(t.BidRow, event.bid_id, status=status, reason=reason, position=position)
        if status == "rejected":
            _refuse(rows, event.bid_id, reason)

    return apply


def _auction_extended(rows: Rows, event: e.AuctionExtended, position: int) -> None:
    rows.change(
        t.AuctionRow,
        event.auction_id,
        ends_at_ms=event.ends_at_ms,
        extensions=event.extensions,
        position=position,
    )


def _auction_ended(status: str) -> Callable[[Rows, Any, int], None]:
    def apply(rows: Rows, event: Any, position: int) -> None:
        rows.change(
            t.AuctionRow, event.auction_id, status=status, reason=event.reason, position=position
        )

    return apply


def _subscription_rejected(rows: Rows, event: e.SubscriptionRejected, position: int) -> None:
    _refuse(rows, event.id, event.reason.value)


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


def _granted(rows: Rows, event: e.GrantIssued, position: int) -> None:
    rows.change(t.TradeRow, event.trade_id, settled=True, position=position)
    account = ledger.prepaid(event.id, event.currency or "")
    prepaid = rows.find(t.BalanceRow, account)
    rows.put(
        t.GrantRow,
        position=position,
        id=event.id,
        trade_id=event.trade_id,
        listing_id=event.listing_id,
        data_set_id=event.data_set_id,
        content_sha256=event.content_sha256,
        supplier_id=event.supplier_id,
        buyer_id=event.buyer_id,
        status="active",
        reason="",
        policy=msgspec.to_builtins(event.policy),
        tariff=msgspec.to_builtins(event.tariff),
        currency=event.currency,
        used=0,
        charged_minor=0,
        fees_minor=0,
        prepaid_minor=prepaid["balance_minor"] if prepaid else 0,
        expires_at_ms=event.expires_at_ms,
        purpose=event.purpose,
        at_ms=event.at_ms,
    )


def _grant_became(status: str) -> Callable[[Rows, Any, int], None]:
    def apply(rows: Rows, event: Any, position: int) -> None:
        reason = getattr(event, "reason", "")
        rows.change(t.GrantRow, event.grant_id, status=status, reason=reason, position=position)

    return apply


def _used(rows: Rows, event: e.UsageRecorded, position: int) -> None:
    _usage(rows, event, "recorded", event.used_total, "", position)
    rows.change(t.GrantRow, event.grant_id, used=event.used_total, position=position)


def _charged(rows: Rows, event: e.UsageCharged, position: int) -> None:
    rows.change(
        t.UsageRow, event.usage_id, charge_minor=event.charge_minor, fee_minor=event.fee_minor
    )
    grant = rows.find(t.GrantRow, event.grant_id)
    assert grant is not None
    fees = grant["fees_minor"] + event.fee_minor
    rows.change(
        t.GrantRow, event.grant_id, charged_minor=event.charged_total_minor, fees_minor=fees
    )


def _use_refused(rows: Rows, event: e.UsageRefused, position: int) -> None:
    reason = f"{event.reason}: {event.detail}" if event.detail else event.reason.value
    _usage(rows, event, "refused", 0, reason, position)
    _refuse(rows, event.id, event.reason.value)


def _usage(
    rows: Rows,
    event: e.UsageRecorded | e.UsageRefused,
    status: str,
    used_total: int,
    reason: str,
    position: int,
) -> None:
    rows.put(
        t.UsageRow,
        position=position,
        id=event.id,
        grant_id=event.grant_id,
        buyer_id=event.buyer_id,
        status=status,
        quantity=event.quantity,
        used_total=used_total,
        charge_minor=0,
        fee_minor=0,
        reason=reason,
        at_ms=event.at_ms,
    )


def _command_refused(
    rows: Rows, event: e.InstructionRefused | e.RequestRefused, position: int
) -> None:
    _refuse(rows, event.id, event.reason.value)


APPLY: Final[dict[type[Message], Callable[[Rows, Any, int], None]]] = {
    e.PartyRegistered: _party_registered,
    e.PartyApproved: _party_approved,
    e.AccountOpened: _account_opened,
    e.DataSetRegistered: _data_set,
    e.ListingDrafted: _listing_drafted,
    e.ListingSubmitted: _listing_became("under_review"),
    e.ListingReviewed: _listing_reviewed,
    e.ListingSuspended: _listing_became("suspended"),
    e.ListingResumed: _listing_became("listed"),
    e.ListingWithdrawn: _listing_became("withdrawn"),
    e.ListingExpired: _listing_became("expired"),
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
    e.GrantIssued: _granted,
    e.GrantSuspended: _grant_became("suspended"),
    e.GrantResumed: _grant_became("active"),
    e.GrantExhausted: _grant_became("exhausted"),
    e.GrantExpired: _grant_became("expired"),
    e.GrantRevoked: _grant_became("revoked"),
    e.UsageRecorded: _used,
    e.UsageCharged: _charged,
    e.UsageRefused: _use_refused,
    e.InstructionRefused: _command_refused,
    e.RequestRefused: _command_refused,
}
