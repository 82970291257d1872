"""Delivery of what a grant opens: paid for once, delivered again as often as needed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from market.grant import OUT_OF_PREPAID
from schemas import commands as c
from schemas.catalogue import Content, Delivery
from schemas.reasons import Refusal
from schemas.tariff import Unit
from services.gateway import tables as t
from services.gateway.calls import Call, Caller
from services.gateway.problems import MEDIA_TYPE, Problem, refusal_problem
from services.gateway.requests.base import make
from services.gateway.requests.grants import ROWS_MAX, DeliveryBody
from services.gateway.tabular import CSV, JSON_LINES, PARQUET, ContentError, csv_text

router = APIRouter(prefix="/v1/grants", tags=["grants"])
PIECE_BYTES: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_FILES: Final = {
    "content": {kind: {"schema": {"type": "string"}} for kind in (CSV, JSON_LINES, PARQUET)}
}
_BEYOND: Final = {
    "description": "Range Not Satisfiable",
    "content": {
        MEDIA_TYPE: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": {
                "type": "/problems/range_not_satisfiable",
                "title": "range not satisfiable",
                "status": 416,
                "detail": "The file has 1000 bytes.",
                "instance": "/v1/grants/grt_k7y2mq4hd3v5wz6cjx2a/deliveries",
            },
        }
    },
}
_WHOLE: Final[dict[int | str, dict[str, Any]]] = {200: _FILES}
_WHOLE_OR_PART: Final[dict[int | str, dict[str, Any]]] = {
    200: _FILES,
    206: {"description": "Partial Content", **_FILES},
    416: _BEYOND,
}


@router.post("/{grant_id}/deliveries", response_class=Response, responses=_WHOLE)
async def deliver(grant_id: str, body: DeliveryBody, call: Caller) -> Response:
    """Check, record and charge the use, then deliver. The same key again delivers free, and so
    does `Content-Location`, which takes ranges.
    """
    grant = await _own_grant(call, grant_id)
    usage_id = call.id("usg")
    known = await call.find(t.UsageRow, usage_id)
    if known is not None and known.delivery is not None:
        await _refuse_again(call, grant)
        revision = known.delivery["revision"]
    else:
        revision = await _revision_opened(call, grant)
    content = await _content(call, grant, revision)
    delivery = Delivery(
        revision=revision, content_sha256=content.sha256, offset=body.offset, limit=body.limit
    )
    text = await _rows(call, content, delivery)
    command = make(
        c.RecordUsage,
        id=usage_id,
        at_ms=call.at_ms,
        grant_id=grant_id,
        buyer_id=call.party_id,
        quantity=_quantity(grant.tariff, content, delivery, text),
        purpose=body.purpose or grant.purpose,
        spatial=body.spatial,
        delivery=delivery,
    )
    await call.settle(command, t.UsageRow, usage_id)
    headers = {
        "Usage-Id": usage_id,
        "Content-Location": f"/v1/grants/{grant_id}/deliveries/{usage_id}",
    }
    if body.limit is not None:
        return Response(text, media_type=CSV, headers=headers)
    return _file(call, content, headers)


@router.get("/{grant_id}/deliveries/{usage_id}", response_class=Response, responses=_WHOLE_OR_PART)
async def deliver_again(
    grant_id: str,
    usage_id: str,
    call: Caller,
    range: Annotated[str, Header()] = "",
    if_range: Annotated[str, Header()] = "",
) -> Response:
    """Deliver again, free, what a recorded use has paid for. Of a whole file one `Range` may be
    taken, with `If-Range` only while it is the same file.
    """
    grant = await _own_grant(call, grant_id)
    usage = await call.read(t.UsageRow, usage_id)
    if usage.grant_id != grant_id or usage.delivery is None or usage.status != "recorded":
        raise Problem(404, "not_found", f"No use {usage_id!r} of this grant delivered anything.")
    await _refuse_again(call, grant)
    delivery = msgspec.convert(usage.delivery, Delivery)
    content = await _content(call, grant, delivery.revision)
    headers = {"Usage-Id": usage_id}
    if delivery.limit is not None:
        return Response(await _rows(call, content, delivery), media_type=CSV, headers=headers)
    same = if_range in ("", _etag(content))
    part = part_asked_for(range, content.size_bytes) if same else None
    return _file(call, content, headers, part)


def part_asked_for(stated: str, size: int) -> tuple[int, int] | None:
    """Return the bytes of a Range header as (first, end), or None when the whole is to be sent, as
    RFC 9110, 14.2 allows for several ranges, other units and what makes no sense. Raises Problem
    416 for a range beyond the end.
    """
    found = _RANGE.fullmatch(stated.strip())
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise Problem(
            416,
            "range_not_satisfiable",
            f"The file has {size} bytes.",
            {"Content-Range": f"bytes */{size}"},
        )
    return start, end


async def _own_grant(call: Call, grant_id: str) -> t.GrantRow:
    grant = await call.read(t.GrantRow, grant_id)
    call.owns(grant.buyer_id)
    return grant


async def _refuse_again(call: Call, grant: t.GrantRow) -> None:
    """Raises Problem when the grant delivers nothing any more. One whose budget or count is used
    up goes on delivering what was paid for.
    """
    party = await call.read(t.PartyRow, grant.buyer_id)
    if party.status == "suspended":
        raise refusal_problem(Refusal.PARTY_SUSPENDED)
    if grant.status == "suspended" and grant.reason != OUT_OF_PREPAID:
        raise refusal_problem(Refusal.GRANT_SUSPENDED)
    if grant.status == "revoked":
        raise Problem(409, "grant_revoked", "The grant has ended; nothing is delivered under it.")
    is_over = grant.expires_at_ms is not None and grant.expires_at_ms <= call.at_ms
    if is_over or grant.status == "expired":
        raise refusal_problem(Refusal.GRANT_EXPIRED)


async def _revision_opened(call: Call, grant: t.GrantRow) -> int:
    """Return which revision a grant opens now: the newest, or what was traded."""
    if not grant.follows_revisions:
        return grant.revision
    return (await call.read(t.DataSetRow, grant.data_set_id)).revision


async def _content(call: Call, grant: t.GrantRow, revision: int) -> Content:
    row = await call.read(t.RevisionRow, t.revision_id(grant.data_set_id, revision))
    return msgspec.convert(row.content, Content)


def _quantity(
    tariff: dict[str, Any] | None, content: Content, delivery: Delivery, text: bytes
) -> int:
    """Return what a delivery counts for in the grant's unit; calls where there is no tariff."""
    unit = Unit(tariff["unit"]) if tariff else Unit.CALL
    whole = delivery.limit is None
    rows = max(0, min(delivery.limit or ROWS_MAX, content.row_count - delivery.offset))
    match unit:
        case Unit.CALL:
            return 1
        case Unit.ROW:
            return max(1, content.row_count if whole else rows)
        case Unit.BYTE:
            return content.size_bytes if whole else max(1, len(text))


async def _rows(call: Call, content: Content, delivery: Delivery) -> bytes:
    """Return the rows as CSV; nothing for a whole file. Raises Problem 422 for too much text."""
    if delivery.limit is None:
        return b""
    names = [column.name for column in content.columns]
    store, offset, limit = call.exchange.content, delivery.offset, delivery.limit
    try:
        return await run_in_threadpool(lambda: csv_text(names, store.rows(content, offset, limit)))
    except ContentError as error:
        raise Problem(422, "rows_too_large", str(error)) from error


def _etag(content: Content) -> str:
    return f'"{content.sha256}"'


def _file(
    call: Call, content: Content, headers: dict[str, str], part: tuple[int, int] | None = None
) -> Response:
    """Return the file, or a part of it as (first, end)."""
    size = content.size_bytes
    start, end = part or (0, size)
    about = {
        **headers,
        "ETag": _etag(content),
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
    }
    if part is not None:
        about["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    pieces = _pieces(call.exchange.content.path(content.sha256), start, end)
    return StreamingResponse(pieces, 206 if part else 200, about, content.media_type)


def _pieces(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end:
            piece = file.read(min(PIECE_BYTES, end - start))
            assert piece, f"{path.name} is shorter than its description says"
            start += len(piece)
            yield piece
