"""Grants and their use."""

from typing import Any, Final

import msgspec

from market import ledger
from schemas import commands as c
from schemas import events as e
from schemas.envelope import Message
from services.gateway import tables as t
from services.gateway.projections.common import Apply, refuse
from services.gateway.rows import Rows


def _granted(rows: Rows, event: e.GrantIssued, position: int) -> None:
    rows.change(t.TradeRow, event.trade_id, settled=True, position=position)
    account = ledger.prepaid(event.id, event.currency or "")
    prepaid = rows.find(t.BalanceRow, account)
    counter = rows.find(t.CounterRow, "grants")
    index = counter["value"] if counter else 0
    rows.put(t.CounterRow, name="grants", value=index + 1)
    rows.put(
        t.GrantRow,
        position=position,
        id=event.id,
        trade_id=event.trade_id,
        listing_id=event.listing_id,
        data_set_id=event.data_set_id,
        content_sha256=event.content_sha256,
        revision=event.revision,
        follows_revisions=event.follows_revisions,
        accepted_sha256=event.accepted_sha256,
        supplier_id=event.supplier_id,
        buyer_id=event.buyer_id,
        status="active",
        reason="",
        policy=msgspec.to_builtins(event.policy),
        tariff=msgspec.to_builtins(event.tariff),
        currency=event.currency,
        licences=event.licences,
        used=0,
        charged_minor=0,
        fees_minor=0,
        prepaid_minor=prepaid["balance_minor"] if prepaid else 0,
        refunded_minor=0,
        status_index=index,
        expires_at_ms=event.expires_at_ms,
        purpose=event.purpose,
        at_ms=event.at_ms,
    )


def _grant_became(status: str) -> Apply:
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


def _transferred(rows: Rows, event: e.TransferPosted, position: int) -> None:
    """A refund by the operator shows on its grant; what is left prepaid is no refund."""
    if isinstance(event.request, c.Refund):
        grant = rows.find(t.GrantRow, event.request.grant_id)
        assert grant is not None
        refunded = grant["refunded_minor"] + event.request.amount_minor
        rows.change(t.GrantRow, event.request.grant_id, refunded_minor=refunded, position=position)


def _use_refused(rows: Rows, event: e.UsageRefused, position: int) -> None:
    reason = f"{event.reason}: {event.detail}" if event.detail else event.reason.value
    _usage(rows, event, "refused", 0, reason, position)
    refuse(rows, event.id, event.reason.value)


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
        delivery=msgspec.to_builtins(getattr(event, "delivery", None)),
        at_ms=event.at_ms,
    )


APPLY: Final[dict[type[Message], Apply]] = {
    e.GrantIssued: _granted,
    e.GrantSuspended: _grant_became("suspended"),
    e.GrantResumed: _grant_became("active"),
    e.GrantExhausted: _grant_became("exhausted"),
    e.GrantExpired: _grant_became("expired"),
    e.GrantRevoked: _grant_became("revoked"),
    e.UsageRecorded: _used,
    e.UsageCharged: _charged,
    e.UsageRefused: _use_refused,
    e.TransferPosted: _transferred,
}
