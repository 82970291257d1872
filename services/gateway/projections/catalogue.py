"""Data sets and listings."""

from typing import Any, Final

import msgspec

from schemas import events as e
from schemas.envelope import Message
from schemas.ids import text_sha256
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
        revision=1,
        content=msgspec.to_builtins(event.content),
        at_ms=event.at_ms,
    )
    _revision(rows, event.id, 1, event, position)


def _data_set_revised(rows: Rows, event: e.DataSetRevised, position: int) -> None:
    content = msgspec.to_builtins(event.content)
    rows.change(
        t.DataSetRow,
        event.data_set_id,
        revision=event.revision,
        content=content,
        position=position,
    )
    _revision(rows, event.data_set_id, event.revision, event, position)


def _revision(rows: Rows, data_set_id: str, revision: int, event: Any, position: int) -> None:
    rows.put(
        t.RevisionRow,
        position=position,
        id=t.revision_id(data_set_id, revision),
        data_set_id=data_set_id,
        revision=revision,
        content=msgspec.to_builtins(event.content),
        at_ms=event.at_ms,
    )


def _listing_drafted(rows: Rows, event: e.ListingDrafted, position: int) -> None:
    rows.put(
        t.ListingRow,
        id=event.id,
        supplier_id=event.supplier_id,
        data_set_id=event.data_set_id,
        at_ms=event.at_ms,
        **_says(event, position),
    )


def _listing_amended(rows: Rows, event: e.ListingAmended, position: int) -> None:
    attached = {} if event.data_set_id is None else {"data_set_id": event.data_set_id}
    rows.change(t.ListingRow, event.listing_id, **attached, **_says(event, position))


def _says(event: e.ListingDrafted | e.ListingAmended, position: int) -> dict[str, Any]:
    offer = msgspec.to_builtins(event.offer)
    return {
        "position": position,
        "status": "draft",
        "mode": offer["mode"],
        "field": event.entry.field.value,
        "title_zh": event.entry.title_zh,
        "title_en": event.entry.title_en,
        "entry": msgspec.to_builtins(event.entry),
        "offer": offer,
        "grant_terms": msgspec.to_builtins(event.grant_terms),
        "acceptance_sha256": text_sha256(event.grant_terms.acceptance),
        "expires_at_ms": event.expires_at_ms,
        "reason": "",
    }


def _listing_became(status: str) -> Apply:
    def apply(rows: Rows, event: Any, position: int) -> None:
        reason = getattr(event, "reason", "")
        rows.change(t.ListingRow, event.listing_id, status=status, reason=reason, position=position)

    return apply


def _listing_reviewed(rows: Rows, event: e.ListingReviewed, position: int) -> None:
    _listing_became("listed" if event.approved else "draft")(rows, event, position)


APPLY: Final[dict[type[Message], Apply]] = {
    e.DataSetRegistered: _data_set,
    e.DataSetRevised: _data_set_revised,
    e.ListingDrafted: _listing_drafted,
    e.ListingAmended: _listing_amended,
    e.ListingSubmitted: _listing_became("under_review"),
    e.ListingReviewed: _listing_reviewed,
    e.ListingSuspended: _listing_became("suspended"),
    e.ListingResumed: _listing_became("listed"),
    e.ListingWithdrawn: _listing_became("withdrawn"),
    e.ListingExpired: _listing_became("expired"),
}
