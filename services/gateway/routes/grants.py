"""Grants: the right itself, its use, and delivery of what it opens."""

from typing import Any

import msgspec
from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from sqlmodel import col, or_
from starlette.concurrency import run_in_threadpool

from schemas import commands as c
from schemas.catalogue import Content
from schemas.tariff import Unit
from services.credentials.signed import MEDIA_TYPE, sign
from services.gateway import credential
from services.gateway import tables as t
from services.gateway.calls import Call, Caller
from services.gateway.paging import After, Limit, Page, page
from services.gateway.problems import Problem
from services.gateway.requests.base import MoneyBody, ReasonBody, make
from services.gateway.requests.grants import ROWS_MAX, DeliveryBody, RefundBody, UsageBody
from services.gateway.tabular import CSV, JSON_LINES, PARQUET, ContentError, csv_text

router = APIRouter(prefix="/v1/grants", tags=["grants"])
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string"}} for kind in (CSV, JSON_LINES, PARQUET)}}
}


@router.get("")
async def grants(call: Caller, limit: Limit = 100, after: After = -1) -> Page[t.GrantRow]:
    """The caller's grants, as buyer and as supplier."""
    mine = or_(
        col(t.GrantRow.buyer_id) == call.party_id, col(t.GrantRow.supplier_id) == call.party_id
    )
    return await page(call, t.GrantRow, limit, after, *([] if call.sees_all else [mine]))


@router.get("/{grant_id}")
async def grant(grant_id: str, call: Caller) -> t.GrantRow:
    """A grant: what it allows, what was used, what is left."""
    row = call.read(t.GrantRow, grant_id)
    call.owns(row.buyer_id, row.supplier_id)
    return row


@router.get(
    "/{grant_id}/credential",
    response_class=Response,
    responses={200: {"content": {"application/vc+jwt": {"schema": {"type": "string"}}}}},
)
async def signed(grant_id: str, call: Caller) -> Response:
    """The grant as a signed verifiable credential; check it with the venue's public key."""
    row = await grant(grant_id, call)
    exchange = call.exchange
    body = credential.credential(row, exchange.issuer)
    return Response(sign(body, exchange.grant_keys.current), media_type=MEDIA_TYPE)


@router.get("/{grant_id}/usage")
async def usage(
    grant_id: str, call: Caller, limit: Limit = 100, after: After = -1
) -> Page[t.UsageRow]:
    """Every recorded and refused use of a grant, with its cost."""
    await grant(grant_id, call)
    return await page(call, t.UsageRow, limit, after, col(t.UsageRow.grant_id) == grant_id)


@router.post("/{grant_id}/usage", response_model=t.UsageRow)
async def use(grant_id: str, body: UsageBody, call: Caller) -> Response:
    """Record a use: checked against the policy, and charged, before anything is delivered."""
    command = make(
        c.RecordUsage,
        id=call.id("usg"),
        at_ms=call.at_ms,
        grant_id=grant_id,
        buyer_id=call.party_id,
        **body.model_dump(),
    )
    return await call.send(command, t.UsageRow, command.id)


@router.post("/{grant_id}/deliveries", response_class=Response, responses=_CONTENT)
async def deliver(grant_id: str, body: DeliveryBody, call: Caller) -> Response:
    """Check, record and charge the use, then deliver. The same key again delivers free."""
    row = await grant(grant_id, call)
    content = msgspec.convert(_opened(call, row).content, Content)
    text = b""
    if body.limit is not None:
        text = await run_in_threadpool(_rows_as_csv, call, content, body.offset, body.limit)
    command = make(
        c.RecordUsage,
        id=call.id("usg"),
        at_ms=call.at_ms,
        grant_id=grant_id,
        buyer_id=call.party_id,
        quantity=_quantity(row.tariff, content, body, text),
        purpose=body.purpose or row.purpose,
        spatial=body.spatial,
    )
    await call.send(command, t.UsageRow, command.id)
    call.outcome(command.id)
    headers = {"Usage-Id": command.id}
    if body.limit is not None:
        return Response(text, media_type=CSV, headers=headers)
    path = call.exchange.content.path(content.sha256)
    return FileResponse(path, media_type=content.media_type, headers=headers)


@router.post("/{grant_id}/top-ups", response_model=t.GrantRow)
async def top_up(grant_id: str, body: MoneyBody, call: Caller) -> Response:
    """Add to a grant's prepaid budget, which resumes one that ran out."""
    money = body.model_dump(exclude={"reference"})
    return await _step(call, grant_id, c.TopUpGrant, "trf", buyer_id=call.party_id, **money)


@router.post("/{grant_id}/end", response_model=t.GrantRow)
async def end(grant_id: str, call: Caller) -> Response:
    """Give a grant back; what is left prepaid returns to the buyer."""
    return await _step(call, grant_id, c.EndGrant, buyer_id=call.party_id)


@router.post("/{grant_id}/suspension", response_model=t.GrantRow)
async def suspend(grant_id: str, body: ReasonBody, call: Caller) -> Response:
    """Suspend a grant: nothing is delivered under it until it is resumed."""
    fields = {"operator_id": call.party_id, "reason": body.reason}
    return await _step(call, grant_id, c.SuspendGrant, **fields)


@router.post("/{grant_id}/resumption", response_model=t.GrantRow)
async def resume(grant_id: str, call: Caller) -> Response:
    """Resume a grant that the operator suspended."""
    return await _step(call, grant_id, c.ResumeGrant, operator_id=call.party_id)


@router.post("/{grant_id}/revocation", response_model=t.GrantRow)
async def revoke(grant_id: str, body: ReasonBody, call: Caller) -> Response:
    """Revoke a grant for good; what is left prepaid returns to the buyer."""
    fields = {"operator_id": call.party_id, "reason": body.reason}
    return await _step(call, grant_id, c.RevokeGrant, **fields)


@router.post("/{grant_id}/refunds", response_model=t.GrantRow)
async def refund(grant_id: str, body: RefundBody, call: Caller) -> Response:
    """Give the buyer back some of what was paid, from those who received it."""
    fields = {"operator_id": call.party_id, **body.model_dump()}
    return await _step(call, grant_id, c.Refund, "trf", **fields)


async def _step(call: Call, grant_id: str, kind: Any, role: str = "cmd", **fields: Any) -> Response:
    command = make(kind, id=call.id(role), at_ms=call.at_ms, grant_id=grant_id, **fields)
    return await call.send(command, t.GrantRow, grant_id)


def _opened(call: Call, row: t.GrantRow) -> t.DataSetRow | t.RevisionRow:
    """Return the content a grant opens now: the newest, or what was traded."""
    if row.follows_revisions:
        return call.read(t.DataSetRow, row.data_set_id)
    return call.read(t.RevisionRow, t.revision_id(row.data_set_id, row.revision))


def _quantity(
    tariff: dict[str, Any] | None, content: Content, body: DeliveryBody, text: bytes
) -> int:
    """Return what a delivery counts for in the grant's unit; calls where there is no tariff."""
    unit = Unit(tariff["unit"]) if tariff else Unit.CALL
    whole = body.limit is None
    rows = max(0, min(body.limit or ROWS_MAX, content.row_count - body.offset))
    match unit:
        case Unit.CALL:
            return 1
        case Unit.ROW:
            return max(1, content.row_count if whole else rows)
        case Unit.BYTE:
            return content.size_bytes if whole else max(1, len(text))


def _rows_as_csv(call: Call, content: Content, offset: int, limit: int) -> bytes:
    names = [column.name for column in content.columns]
    try:
        rows = call.exchange.content.rows(content, offset, limit)
    except ContentError as error:
        raise Problem(422, "rows_too_large", str(error)) from error
    return csv_text(names, rows)
