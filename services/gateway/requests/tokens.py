"""Bodies about tokens."""

from typing import Annotated, Final

from pydantic import Field

from schemas.parties import Role
from services.gateway.requests.base import Amount, Body
from services.gateway.tokens import EVERYTHING

SCOPES_MAX: Final = 50
Scope = Annotated[str, Field(pattern=r"^(\*|[a-z-]{1,40}:(read|write))$")]


class TokenBody(Body):
    """`scopes` such as `catalogue:read` or `deals:write`; `*` is all of them."""

    role: Role
    lasts_ms: Amount | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=SCOPES_MAX)] = [EVERYTHING]
