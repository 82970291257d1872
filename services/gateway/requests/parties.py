"""Bodies about parties and tokens."""

from typing import Annotated

from pydantic import Field

from schemas.parties import PartyKind, Role
from schemas.postings import Purse
from services.gateway.requests.base import Amount, Body, Currency, Name


class PartyBody(Body):
    name: Name
    kind: PartyKind
    roles: Annotated[list[Role], Field(min_length=1, max_length=5)]
    credit_code: Annotated[str, Field(max_length=18)] = ""
    controller_id: str | None = None


class PayoutBody(Body):
    """`reference` names the payment the money left by."""

    purse: Purse
    currency: Currency
    amount_minor: Amount
    reference: Name


class TokenBody(Body):
    role: Role
    lasts_ms: Amount | None = None
