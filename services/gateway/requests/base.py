"""What all request bodies are made of, and how one becomes a checked command."""

import secrets
from typing import Annotated, Any, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from schemas.base import INTEGER_MAX, Command, SchemaError
from schemas.money import MINOR_DIGITS
from services.gateway.problems import Problem

T = TypeVar("T", bound=Command)
Amount = Annotated[int, Field(gt=0, le=INTEGER_MAX, strict=True)]
Millis = Annotated[int, Field(ge=0, le=INTEGER_MAX, strict=True)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(max_length=4_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern=f"^({'|'.join(MINOR_DIGITS)})$")]
Id = Annotated[str, Field(min_length=5, max_length=64)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReasonBody(Body):
    reason: Reason


class MoneyBody(Body):
    currency: Currency
    amount_minor: Amount
    reference: Name = "transfer"


def make(kind: type[T], /, **fields: Any) -> T:
    """Return the command, checked against its schema. Raises Problem 422 naming the field."""
    try:
        made = msgspec.convert(fields, kind, strict=True, from_attributes=False)
    except (msgspec.ValidationError, SchemaError) as error:
        raise Problem(422, "invalid_request", f"{error}") from error
    return made


def new_nonce() -> str:
    """Return 128 random bits, which keep a sealed message's hash from being guessed."""
    return secrets.token_hex(16)


def refuse_code(name: str, fault: str | None) -> None:
    """Raises Problem 422 when there is a fault in a credit or resource code."""
    if fault is not None:
        raise Problem(422, "code_invalid", f"{name}: {fault}")
