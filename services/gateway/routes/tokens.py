"""Tokens: issued, listed, revoked; and who speaks with one."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import Connection

from schemas.ids import derive_id
from schemas.parties import Role
from services.gateway import tables as t
from services.gateway.calls import Call, Caller
from services.gateway.edge_store import Answer
from services.gateway.paging import After, Limit, Page
from services.gateway.problems import Problem
from services.gateway.requests.tokens import TokenBody
from services.gateway.tokens import TOKENS_PER_PARTY_MAX, Principal, TokenStore

router = APIRouter(prefix="/v1")


class Me(BaseModel):
    """Who speaks: the party, and the token's role, scopes and end."""

    party: t.PartyRow
    role: Role
    scopes: list[str]
    token_id: str
    expires_at_ms: int | None


class IssuedToken(BaseModel):
    """`token` is shown in this answer only."""

    id: str
    token: str


@router.get("/me", tags=["me"])
async def me(call: Caller) -> Me:
    """Who the token speaks for, in which role, and what it may do."""
    speaks = call.principal
    return Me(
        party=await call.read(t.PartyRow, speaks.party_id),
        role=speaks.role,
        scopes=sorted(speaks.scopes),
        token_id=speaks.token_id,
        expires_at_ms=speaks.expires_at_ms,
    )


@router.post("/parties/{party_id}/tokens", tags=["tokens"], status_code=201)
async def issue(party_id: str, body: TokenBody, call: Caller, request: Request) -> IssuedToken:
    """Issue a token. A party gives itself narrower ones; the operator gives them to anyone.

    The same call again shows the same token. No token is given a scope its issuer lacks.
    """
    await _check_wish(call, party_id, body, request.app.state.scopes)
    tokens = call.exchange.tokens

    def act(db: Connection, call_id: str) -> Answer:
        if tokens.count_valid(db, party_id, call.at_ms) >= TOKENS_PER_PARTY_MAX:
            raise Problem(409, "too_many_tokens", f"A party has {TOKENS_PER_PARTY_MAX} at most.")
        expires_at_ms = None if body.lasts_ms is None else call.at_ms + body.lasts_ms
        token_id = derive_id(call_id, "tok")
        scopes = frozenset(body.scopes)
        tokens.add(db, Principal(party_id, body.role, scopes, token_id, expires_at_ms), call.at_ms)
        return 201, {"id": token_id}

    _, issued = await call.once([party_id, body.model_dump(mode="json")], act)
    return IssuedToken(id=issued["id"], token=tokens.token(issued["id"]))


@router.get("/parties/{party_id}/tokens", tags=["tokens"])
async def listed(
    party_id: str, call: Caller, limit: Limit = 100, after: After = -1
) -> Page[t.TokenView]:
    """A party's tokens, the revoked and expired included, none of them in the clear."""
    call.owns(party_id)
    await call.read(t.PartyRow, party_id)
    found = await call.exchange.edge.ask(lambda db: TokenStore.of_party(db, party_id, limit, after))
    return Page(items=found, next_after=found[-1].position if len(found) == limit else None)


@router.delete("/tokens/{token_id}", tags=["tokens"], status_code=204)
async def revoke(token_id: str, call: Caller) -> Response:
    """Revoke a token at once. A party revokes its own, the operator any."""
    found = await call.exchange.edge.ask(lambda db: TokenStore.find(db, token_id))
    if found is None:
        raise Problem(404, "not_found", f"There is no token {token_id}.")
    _own_or_operator(call, found.party_id)

    def act(db: Connection, call_id: str) -> Answer:
        TokenStore.revoke(db, token_id)
        return 204, {}

    await call.once(token_id, act)
    return Response(status_code=204)


async def _check_wish(call: Call, party_id: str, body: TokenBody, known: frozenset[str]) -> None:
    _own_or_operator(call, party_id)
    row = await call.read(t.PartyRow, party_id)
    if body.role.value not in row.roles:
        raise Problem(422, "role_missing", f"{party_id} has the roles: {', '.join(row.roles)}.")
    if unknown := sorted(set(body.scopes) - known):
        raise Problem(422, "scope_unknown", f"{unknown[0]} is none of {', '.join(sorted(known))}.")
    speaks = call.principal
    if beyond := sorted(scope for scope in body.scopes if not speaks.may(scope)):
        raise Problem(403, "scope_missing", f"The token itself lacks the scope {beyond[0]}.")
    if speaks.role is Role.OPERATOR and party_id != speaks.party_id:
        return
    if body.role is not speaks.role:
        raise Problem(403, "role_not_allowed", f"This token speaks as {speaks.role} only.")
    ends = speaks.expires_at_ms
    if ends is not None and (body.lasts_ms is None or call.at_ms + body.lasts_ms > ends):
        raise Problem(403, "token_outlived", f"The token itself ends at {ends}; ask for less.")


def _own_or_operator(call: Call, party_id: str) -> None:
    """The regulator sees everybody's tokens and changes only its own."""
    if call.party_id != party_id and call.principal.role is not Role.OPERATOR:
        raise Problem(403, "not_owner", "This belongs to another party.")
