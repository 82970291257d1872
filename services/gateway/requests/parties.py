"""Bodies about parties."""

from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.codes import credit_code_fault
from schemas.parties import PartyKind, Role
from schemas.postings import Purse
from services.gateway.requests.base import Amount, Body, Currency, Id, Name


def _checked(credit_code: str) -> str:
    """Raises ValueError saying what is wrong with a code that was given."""
    fault = credit_code_fault(credit_code) if credit_code else None
    if fault is not None:
        raise ValueError(fault)
    return credit_code


class PartyBody(Body):
    name: Name
    kind: PartyKind
    roles: Annotated[list[Role], Field(min_length=1, max_length=5)]
    credit_code: Annotated[str, Field(max_length=18), AfterValidator(_checked)] = ""
    controller_id: Id | None = None


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
