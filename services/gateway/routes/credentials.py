"""What signed grants are checked with: the venue's public keys, and the lists of their status."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from services.credentials.keys import jwks
from services.credentials.signed import MEDIA_TYPE
from services.credentials.status import TTL_MS, Purpose
from services.gateway import status_lists
from services.gateway.calls import Caller
from services.gateway.problems import Problem

router = APIRouter(prefix="/v1", tags=["credentials"])
Number = Annotated[int, Path(ge=0, le=status_lists.NUMBER_MAX)]


class KeySet(BaseModel):
    """A JWK set (RFC 7517)."""

    keys: list[dict[str, str]]


class _JwkSet(JSONResponse):
    media_type = "application/jwk-set+json"


@router.get("/keys", response_class=_JwkSet, response_model=KeySet)
async def keys(call: Caller) -> Response:
    """The public keys that grants are and were signed with, newest first (JWK set)."""
    return _JwkSet(jwks(call.exchange.grant_keys.public))


@router.get(
    "/status-lists/{purpose}/{number}",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def status_list(purpose: Purpose, number: Number, call: Caller) -> Response:
    """A signed W3C bitstring status list: which grants have ended, or are suspended. Deliveries of
    the market itself never wait for it.
    """
    token = await call.work_out(
        lambda session: call.exchange.status_lists.get(session, purpose, number, call.at_ms)
    )
    if token is None:
        raise Problem(404, "not_found", f"There is no status list {number} yet; they start at 0.")
    headers = {"Cache-Control": f"public, max-age={TTL_MS // 1_000}"}
    return Response(token, media_type=MEDIA_TYPE, headers=headers)
