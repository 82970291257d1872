"""Grants: the right itself, its use, and delivery of what it opens."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from sqlmodel import col, or_

from schemas import commands as c
from services.credentials.signed import MEDIA_TYPE, sign
from services.gateway import credential
from services.gateway import tables as t
from services.gateway.calls import Call, Caller
from services.gateway.paging import After, Limit, Newest, Page, page
from services.gateway.requests.base import MoneyBody, ReasonBody, make
from services.gateway.requests.grants import RefundBody, UsageBody

router = APIRouter(prefix="/v1/grants", tags=["grants"])


@router.get("")
async def grants(
    call: Caller,
    limit: Limit = 100,
    after: After = -1,
    listing_id: str | None = None,
    newest_first: Newest = False,
) -> Page[t.GrantRow]:
    """The caller's grants, as buyer and as supplier."""
    mine = or_(
        col(t.GrantRow.buyer_id) == call.party_id, col(t.GrantRow.supplier_id) == call.party_id
    )
    conditions: list[Any] = [] if call.sees_all else [mine]
    if listing_id is not None:
        conditions.append(col(t.GrantRow.listing_id) == listing_id)
    return await page(call, t.GrantRow, limit, after, *conditions, newest_first=newest_first)


@router.get("/{grant_id}")
async def grant(grant_id: str, call: Caller) -> t.GrantRow:
    """A grant: what it allows, what was used, what is left."""
    row = await call.read(t.GrantRow, grant_id)
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
