"""Requests for access: asked, reviewed, decided, pushed, challenged, evaluated; what is overdue."""

from typing import Any

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response
from sqlmodel import col, or_

from market.calendar import WEEKENDS_ONLY
from schemas import commands as c
from services.gateway import tables as t
from services.gateway.calls import Call, Caller
from services.gateway.paging import After, Limit, Newest, Page, page
from services.gateway.requests.access import (
    AnswerBody,
    CalendarBody,
    ChallengeBody,
    EvaluationBody,
    VerdictBody,
)
from services.gateway.requests.base import ReasonBody, make
from services.gateway.requests.deals import RequestBody

router = APIRouter(prefix="/v1", tags=["access"])


@router.post("/listings/{listing_id}/access-requests", response_model=t.AccessRow)
async def request_access(listing_id: str, body: RequestBody, call: Caller) -> Response:
    """Free use: granted at once where sharing is unconditional, else by review and decision."""
    command = make(
        c.RequestAccess,
        id=call.id("acc"),
        at_ms=call.at_ms,
        listing_id=listing_id,
        buyer_id=call.party_id,
        **body.model_dump(),
    )
    return await call.send(command, t.AccessRow, command.id)


@router.get("/access-requests")
async def access_requests(
    call: Caller,
    limit: Limit = 100,
    after: After = -1,
    status: str | None = None,
    listing_id: str | None = None,
    overdue: bool | None = None,
    newest_first: Newest = False,
) -> Page[t.AccessRow]:
    """The buyer's and the supplier's own; all for the operator and the regulator."""
    conditions = [] if call.sees_all else [_is_party(call)]
    if status is not None:
        conditions.append(col(t.AccessRow.status) == status)
    if listing_id is not None:
        conditions.append(col(t.AccessRow.listing_id) == listing_id)
    if overdue is not None:
        conditions.append(col(t.AccessRow.overdue_since_ms).is_not(None) == overdue)
    return await page(call, t.AccessRow, limit, after, *conditions, newest_first=newest_first)


@router.get("/escalations")
async def escalations(call: Caller, limit: Limit = 100, after: After = -1) -> Page[t.AccessRow]:
    """Requests whose deadline was missed, by whom (`waits_for`) and since when."""
    overdue = col(t.AccessRow.overdue_since_ms).is_not(None)
    return await page(call, t.AccessRow, limit, after, overdue)


@router.get("/access-requests/{access_id}")
async def access_request(access_id: str, call: Caller) -> t.AccessRow:
    """Where one request stands, and what has happened to it."""
    row = await call.read(t.AccessRow, access_id)
    call.owns(row.buyer_id, row.supplier_id)
    return row


@router.post("/access-requests/{access_id}/review", response_model=t.AccessRow)
async def review(access_id: str, body: VerdictBody, call: Caller) -> Response:
    """The operator's formal review."""
    fields = {"operator_id": call.party_id, **body.model_dump()}
    return await _step(call, access_id, c.ReviewAccess, **fields)


@router.post("/access-requests/{access_id}/decision", response_model=t.AccessRow)
async def decide(access_id: str, body: VerdictBody, call: Caller) -> Response:
    """The provider's decision."""
    fields = {"supplier_id": call.party_id, **body.model_dump()}
    return await _step(call, access_id, c.DecideAccess, **fields)


@router.post("/access-requests/{access_id}/subscription", response_model=t.AccessRow)
async def push(access_id: str, call: Caller) -> Response:
    """Grant what the provider approved: the trade is made and the grant issued."""
    return await _step(call, access_id, c.PushSubscription, operator_id=call.party_id)


@router.post("/access-requests/{access_id}/challenge", response_model=t.AccessRow)
async def challenge(access_id: str, body: ChallengeBody, call: Caller) -> Response:
    """Say what is wrong with the data, until `challenge_until_ms`."""
    fields = {"buyer_id": call.party_id, **body.model_dump()}
    return await _step(call, access_id, c.ChallengeQuality, **fields)


@router.post("/access-requests/{access_id}/answer", response_model=t.AccessRow)
async def answer(access_id: str, body: AnswerBody, call: Caller) -> Response:
    """The provider's answer to a challenge, with the revision that corrects it, if any."""
    fields = {"supplier_id": call.party_id, **body.model_dump()}
    return await _step(call, access_id, c.AnswerChallenge, **fields)


@router.post("/access-requests/{access_id}/evaluation", response_model=t.AccessRow)
async def evaluate(access_id: str, body: EvaluationBody, call: Caller) -> Response:
    """The user's scores, which close the request."""
    fields = {"buyer_id": call.party_id, **body.model_dump()}
    return await _step(call, access_id, c.EvaluateAccess, **fields)


@router.post("/access-requests/{access_id}/withdrawal", response_model=t.AccessRow)
async def withdraw(access_id: str, body: ReasonBody, call: Caller) -> Response:
    """Take a request back, until the provider has decided."""
    fields = {"buyer_id": call.party_id, "reason": body.reason}
    return await _step(call, access_id, c.WithdrawAccess, **fields)


@router.get("/calendar")
async def calendar(call: Caller) -> t.CalendarRow:
    """The days off and the worked weekend days that deadlines are counted by."""
    known = await call.find(t.CalendarRow, t.CALENDAR_ID)
    if known is not None:
        return known
    bare = msgspec.structs.asdict(WEEKENDS_ONLY)
    return t.CalendarRow.model_validate({**bare, "id": t.CALENDAR_ID, "position": 0})


@router.post("/calendar", response_model=t.CalendarRow)
async def set_calendar(body: CalendarBody, call: Caller) -> Response:
    """The calendar for deadlines that begin from now on."""
    command = make(
        c.SetCalendar,
        id=call.id("cmd"),
        at_ms=call.at_ms,
        operator_id=call.party_id,
        calendar=body.model_dump(),
    )
    return await call.send(command, t.CalendarRow, t.CALENDAR_ID)


async def _step(call: Call, access_id: str, kind: Any, **fields: Any) -> Response:
    command = make(kind, id=call.id("cmd"), at_ms=call.at_ms, access_id=access_id, **fields)
    return await call.send(command, t.AccessRow, access_id)


def _is_party(call: Call) -> Any:
    return or_(
        col(t.AccessRow.buyer_id) == call.party_id, col(t.AccessRow.supplier_id) == call.party_id
    )
