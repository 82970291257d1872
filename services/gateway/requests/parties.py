"""Bodies about parties and tokens."""

from typing import Annotated

from pydantic import Field

from schemas.parties import PartyKind, Role
from services.gateway.requests.base import Amount, Body, Name


class PartyBody(Body):
    name: Name
    kind: PartyKind
    roles: Annotated[list[Role], Field(min_length=1, max_length=5)]
    credit_code: Annotated[str, Field(max_length=18)] = ""
    controller_id: str | None = None


class TokenBody(Body):
    role: Role
    lasts_ms: Amount | None = None
