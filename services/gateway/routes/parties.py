"""Parties and their money."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from schemas import commands as c
from services.gateway import tables as t
from services.gateway.calls import Call, Caller
from services.gateway.paging import After, Limit, Page, page
from services.gateway.requests.base import MoneyBody, ReasonBody, make
from services.gateway.requests.parties import (
    ControllerBody,
    PartyBody,
    VerificationBody,
    register_party,
)

router = APIRouter(prefix="/v1", tags=["parties"])


@router.post("/parties", response_model=t.PartyRow)
async def register(body: PartyBody, call: Caller) -> Response:
    """Register a party with the roles it asks for; it may act once it is approved."""
    party_id = call.id("pty")
    command = register_party(body, id=party_id, at_ms=call.at_ms)
    return await call.send(command, t.PartyRow, party_id)


@router.get("/parties")
async def parties(call: Caller, limit: Limit = 100, after: After = -1) -> Page[t.PartyRow]:
    """All parties, in the order they last changed."""
    return await page(call, t.PartyRow, limit, after)


@router.get("/parties/{party_id}")
async def party(party_id: str, call: Caller) -> t.PartyRow:
    """A party: what it is by law, its roles, whether it is approved."""
    call.owns(party_id)
    return await call.read(t.PartyRow, party_id)


@router.post("/parties/{party_id}/verification", response_model=t.PartyRow)
async def verify(party_id: str, body: VerificationBody, call: Caller) -> Response:
    """Record that the party is who it says, by which method, and where the evidence is kept."""
    return await _step(call, party_id, c.VerifyParty, **body.model_dump())


@router.post("/parties/{party_id}/approval", response_model=t.PartyRow)
async def approve(party_id: str, call: Caller) -> Response:
    """Approve a party in the roles it registered for, which opens its accounts."""
    return await _step(call, party_id, c.ApproveParty)


@router.post("/parties/{party_id}/suspension", response_model=t.PartyRow)
async def suspend(party_id: str, body: ReasonBody, call: Caller) -> Response:
    """Let the party begin nothing new; what it holds goes on."""
    return await _step(call, party_id, c.SuspendParty, reason=body.reason)


@router.post("/parties/{party_id}/resumption", response_model=t.PartyRow)
async def resume(party_id: str, call: Caller) -> Response:
    """Let a suspended party act again."""
    return await _step(call, party_id, c.ResumeParty)


@router.put("/parties/{party_id}/controller", response_model=t.PartyRow)
async def change_controller(party_id: str, body: ControllerBody, call: Caller) -> Response:
    """Say which body controls this party; bodies under one control may not trade."""
    return await _step(call, party_id, c.ChangeController, controller_id=body.controller_id)


@router.post("/parties/{party_id}/deposits", response_model=t.CommandStatus)
async def deposit(party_id: str, body: MoneyBody, call: Caller) -> Response:
    """Book money that came in for a party from outside."""
    command = make(
        c.Deposit,
        id=call.id("trf"),
        at_ms=call.at_ms,
        party_id=party_id,
        operator_id=call.party_id,
        **body.model_dump(),
    )
    return await call.send(command, t.CommandRow, command.id)


@router.post("/parties/{party_id}/withdrawals", response_model=t.CommandStatus)
async def withdraw(party_id: str, body: MoneyBody, call: Caller) -> Response:
    """Pay available money out to the party."""
    call.owns(party_id)
    command = make(
        c.Withdraw,
        id=call.id("trf"),
        at_ms=call.at_ms,
        party_id=party_id,
        currency=body.currency,
        amount_minor=body.amount_minor,
    )
    return await call.send(command, t.CommandRow, command.id)


async def _step(call: Call, party_id: str, kind: Any, **fields: Any) -> Response:
    """Send what the operator decides on a party."""
    about = {"at_ms": call.at_ms, "party_id": party_id, "operator_id": call.party_id}
    command = make(kind, id=call.id("cmd"), **about, **fields)
    return await call.send(command, t.PartyRow, party_id)
