"""Listings: found, looked at, published from a form, reviewed."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.responses import Response

from schemas.catalogue import Field, UpdateCycle
from services.pages.actions import FILE_BYTES_MAX, read_form
from services.pages.api import Refused
from services.pages.forms import amount
from services.pages.page import Visit

ROWS: Final = 30
MODES: Final = ("free", "metered", "auction")
MEDIA_TYPES: Final = {"csv": "text/csv", "jsonl": "application/x-ndjson"}


async def listings(visit: Visit) -> Response:
    """`mine` shows a supplier's own, in every state."""
    wanted = {name: visit.asked(name) for name in ("text", "mode", "field", "after", "mine")}
    own = {"supplier_id": visit.party_id} if wanted["mine"] and visit.role == "supplier" else {}
    asked = {name: wanted[name] for name in ("text", "mode", "field", "after")}
    found = await visit.api.get("/v1/listings", limit=ROWS, newest_first=True, **asked, **own)
    counts = [] if own else await visit.api.get("/v1/listing-counts")
    return visit.show(
        "listings.html",
        found=found,
        wanted=wanted,
        modes=facet(counts, "mode", MODES, wanted, "field"),
        fields=facet(counts, "field", [*Field], wanted, "mode"),
        own=bool(own),
    )


def facet(
    counts: list[Any], name: str, codes: Iterable[str], wanted: dict[str, str], other: str
) -> list[tuple[str, int | None]]:
    """Return each code with how many listings have it that also fit the choice in the other facet;
    with None when nothing was counted. Codes that nothing has are left out.
    """
    if not counts:
        return [(code, None) for code in codes]
    found: Counter[str] = Counter()
    for row in counts:
        if wanted[other] in ("", row[other]):
            found[row[name]] += row["count"]
    return [(code, found[code]) for code in codes if found[code] or code == wanted[name]]


async def listing(visit: Visit) -> Response:
    row = await visit.api.get(f"/v1/listings/{visit.id('listing_id')}")
    asked: dict[str, Any] = {"listing_id": row["id"], "newest_first": True, "limit": 10}
    data_set, auctions = None, []
    if row["data_set_id"]:
        data_set = await visit.api.find(f"/v1/data-sets/{row['data_set_id']}")
    if row["mode"] == "auction":
        auctions = (await visit.api.get("/v1/auctions", **asked))["items"]
    now_ms = (await visit.api.get("/v1/venue"))["now_ms"]
    return visit.show(
        "listing.html",
        listing=row,
        data_set=data_set,
        auctions=auctions,
        now_ms=now_ms,
    )


async def review(visit: Visit) -> Response:
    """What waits for the operator: new listings, and access requests in formal review."""
    drafts, asked, overdue = await asyncio.gather(
        visit.api.get("/v1/listings", status="under_review", limit=ROWS),
        visit.api.get("/v1/access-requests", status="review", limit=ROWS),
        visit.api.get("/v1/escalations", limit=ROWS),
    )
    return visit.show("review.html", drafts=drafts, asked=asked, overdue=overdue)


async def publish(visit: Visit) -> Response:
    """A form with a file becomes a data set, a draft, and a submission."""
    if visit.role != "supplier":
        raise Refused(403 if visit.me else 401, "role_not_allowed", "supplier")
    if visit.request.method == "GET":
        return visit.show("publish.html", modes=MODES, fields=[*Field], cycles=[*UpdateCycle])
    form = await read_form(visit, FILE_BYTES_MAX)
    said = {name: value for name, value in form.items() if isinstance(value, str)}
    file, key = form.get("file"), said.get("key", "")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Refused(422, "file_missing", "file")
    ending = file.filename.rpartition(".")[2].lower()
    if ending not in MEDIA_TYPES:
        raise Refused(422, "media_type_not_taken", file.filename[:80])
    body, content = _draft(said), await file.read()
    data_set = await visit.api.upload(
        "/v1/data-sets", content, MEDIA_TYPES[ending], f"{key}-data", title=said["title_en"]
    )
    draft = await visit.api.post("/v1/listings", {**body, "data_set_id": data_set["id"]}, key)
    await visit.api.post(f"/v1/listings/{draft['id']}/submission", None, f"{key}-submission")
    return visit.go(f"listings/{draft['id']}")


def _draft(form: dict[str, str]) -> dict[str, Any]:
    entry = {
        name: form.get(name, "")
        for name in ("title_zh", "title_en", "abstract_zh", "abstract_en", "field", "licence")
    }
    entry |= {
        "update_cycle": form.get("update_cycle", ""),
        "provider_name": form.get("provider", ""),
    }
    return {
        "entry": entry,
        "offer": _offer(form),
        "grant_terms": {"policy": {"permissions": [{"action": "use"}]}},
    }


def _offer(form: dict[str, str]) -> dict[str, Any]:
    mode, currency = form.get("mode", ""), form.get("currency", "CNY")
    if mode == "free":
        return {"mode": mode}
    if mode == "auction":
        return {"mode": mode, "currency": currency}
    price = amount(form, "unit_price", currency)
    tariff = {
        "unit": "row",
        "model": "graduated",
        "currency": currency,
        "tiers": [{"up_to": None, "unit_price_minor": str(price)}],
    }
    return {"mode": mode, "tariff": tariff}
