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


class VerificationBody(Body):
    """`evidence` says where it is kept, such as a file number."""

    method: Name
    evidence: Name


class ControllerBody(Body):
    """None: no body controls the party."""

    controller_id: Annotated[str, Field(min_length=5, max_length=64)] | None


class PayoutBody(Body):
    """`reference` names the payment the money left by."""

    purse: Purse
    currency: Currency
    amount_minor: Amount
    reference: Name


class TokenBody(Body):
    role: Role
    lasts_ms: Amount | None = None
