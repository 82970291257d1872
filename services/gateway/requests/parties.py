"""Bodies about parties."""

from typing import Annotated, Any

from pydantic import Field

from schemas import commands as c
from schemas.codes import credit_code_fault
from schemas.parties import PartyKind, Role
from schemas.postings import Purse
from services.gateway.requests.base import Amount, Body, Currency, Id, Name, make, refuse_code


class PartyBody(Body):
    name: Name
    kind: PartyKind
    roles: Annotated[list[Role], Field(min_length=1, max_length=5)]
    credit_code: Annotated[str, Field(max_length=18)] = ""
    controller_id: Id | None = None


def register_party(body: PartyBody, **fields: Any) -> c.RegisterParty:
    if body.credit_code:
        refuse_code("credit_code", credit_code_fault(body.credit_code))
    return make(c.RegisterParty, **body.model_dump(), **fields)


class VerificationBody(Body):
    """`evidence` says where it is kept, such as a file number."""

    method: Name
    evidence: Name


class ControllerBody(Body):
    """None: no body controls the party."""

    controller_id: Id | None


class PayoutBody(Body):
    """`reference` names the payment the money left by."""

    purse: Purse
    currency: Currency
    amount_minor: Amount
    reference: Name
