"""Data sets and listings."""

from typing import Any, Final

import msgspec

from schemas import events as e
from schemas.envelope import Message
from services.gateway import tables as t
from services.gateway.projections.common import Apply
from services.gateway.rows import Rows


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


def _listing_became(status: str) -> Apply:
    def apply(rows: Rows, event: Any, position: int) -> None:
        reason = getattr(event, "reason", "")
        rows.change(t.ListingRow, event.listing_id, status=status, reason=reason, position=position)

    return apply


def _listing_reviewed(rows: Rows, event: e.ListingReviewed, position: int) -> None:
    _listing_became("listed" if event.approved else "draft")(rows, event, position)


APPLY: Final[dict[type[Message], Apply]] = {
    e.DataSetRegistered: _data_set,
    e.ListingDrafted: _listing_drafted,
    e.ListingSubmitted: _listing_became("under_review"),
    e.ListingReviewed: _listing_reviewed,
    e.ListingSuspended: _listing_became("suspended"),
    e.ListingResumed: _listing_became("listed"),
    e.ListingWithdrawn: _listing_became("withdrawn"),
    e.ListingExpired: _listing_became("expired"),
}
