"""Balances, statements, payouts, and the books as a whole."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from schemas import commands as c
from schemas.base import INTEGER_MAX
from services.books.statement import Period, Statement, TrialBalance, as_csv
from services.gateway import statements
from services.gateway import tables as t
from services.gateway.calls import Caller
from services.gateway.paging import After, Limit
from services.gateway.problems import Problem
from services.gateway.requests.base import make
from services.gateway.requests.parties import PayoutBody
from services.gateway.tabular import CSV

router = APIRouter(prefix="/v1", tags=["money"])
At = Annotated[int, Query(ge=0, le=INTEGER_MAX)]


@router.get("/parties/{party_id}/balances")
async def balances(party_id: str, call: Caller) -> list[t.BalanceRow]:
    """What the party has. Others than the party see available and reserved as one sum, held."""
    call.owns(party_id)
    is_owner = call.party_id == party_id
    rows: list[t.BalanceRow] = await call.query(
        lambda session: statements.balances(session, party_id, is_owner=is_owner)
    )
    return rows


@router.get(
    "/parties/{party_id}/statement",
    response_model=Statement,
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def statement(
    party_id: str,
    call: Caller,
    from_ms: At = 0,
    until_ms: At = INTEGER_MAX,
    limit: Limit = 100,
    after: After = -1,
    accept: Annotated[str, Header()] = "",
) -> Statement | Response:
    """The lines of a period with opening and closing balances; as CSV with `Accept: text/csv`, then
    the whole period in one piece.
    """
    call.owns(party_id)
    if from_ms > until_ms:
        raise Problem(422, "period_invalid", "from_ms must not be later than until_ms.")
    period = Period(from_ms=from_ms, until_ms=until_ms)
    is_owner = call.party_id == party_id
    wants_csv = CSV in accept
    if wants_csv:
        limit, after = statements.LINES_MAX, -1
    made: Statement = await call.work_out(
        lambda session: statements.statement(
            session, party_id, period, limit, after, is_owner=is_owner
        )
    )
    if not wants_csv:
        return made
    if made.next_after is not None:
        most = statements.LINES_MAX
        raise Problem(422, "period_too_long", f"More than {most} lines; ask for a shorter period.")
    return Response(as_csv(made), media_type=CSV)


@router.post("/venue/payouts", response_model=t.CommandStatus)
async def pay_out(body: PayoutBody, call: Caller) -> Response:
    """Pay out what the venue has earned, or what it holds for the treasury (财政)."""
    fields = {"operator_id": call.party_id, **body.model_dump()}
    command = make(c.PayOut, id=call.id("trf"), at_ms=call.at_ms, **fields)
    return await call.send(command, t.CommandRow, command.id)


@router.get("/audit/trial-balance")
async def trial_balance(call: Caller, at_ms: At | None = None) -> TrialBalance:
    """All accounts and per currency their sum, which is zero when the books are right; now, or
    after all that counts from `at_ms` or before.
    """
    made: TrialBalance = await call.work_out(
        lambda session: statements.trial_balance(session, at_ms)
    )
    return made
