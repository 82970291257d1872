"""Request bodies, and how each becomes a command. The only place where HTTP turns into the
language.
"""

import secrets
from typing import Annotated, Any, Final, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from schemas import commands as c
from schemas.auctions import INCREMENT_TABLES, AuctionTerms
from schemas.base import INTEGER_MAX, Command, SchemaError
from schemas.catalogue import CatalogueEntry, GrantTerms, MeteredOffer, Offer
from schemas.parties import PartyKind, Role
from schemas.tariff import check_tariff
from services.gateway.problems import Problem

T = TypeVar("T", bound=Command)
Amount = Annotated[int, Field(gt=0, le=INTEGER_MAX, strict=True)]
Millis = Annotated[int, Field(ge=0, le=INTEGER_MAX, strict=True)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(max_length=4_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
ROWS_MAX: Final = 10_000


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PartyBody(Body):
    name: Name
    kind: PartyKind
    roles: Annotated[list[Role], Field(min_length=1, max_length=5)]
    credit_code: Annotated[str, Field(max_length=18)] = ""
    controller_id: str | None = None


class TokenBody(Body):
    role: Role
    lasts_ms: Amount | None = None


class MoneyBody(Body):
    currency: Currency
    amount_minor: Amount
    reference: Name = "transfer"


class ListingBody(Body):
    """`entry`, `offer` and `grant_terms` as in the reference of the schemas."""

    data_set_id: str
    entry: dict[str, Any]
    offer: dict[str, Any]
    grant_terms: dict[str, Any]
    expires_at_ms: Millis | None = None


class ReviewBody(Body):
    approved: bool
    reason: Reason


class ReasonBody(Body):
    reason: Reason


class PurposeBody(Body):
    purpose: Text = ""


class SubscriptionBody(Body):
    currency: Currency
    budget_minor: Amount
    purpose: Text = ""


class AuctionBody(Body):
    """`terms` as in the reference; `increments` may be the name of a table, such as "ebay-2003"."""

    terms: dict[str, Any]


class BidBody(Body):
    currency: Currency
    max_price_minor: Amount


class ExtensionBody(Body):
    ends_at_ms: Millis
    reason: Reason


class UsageBody(Body):
    quantity: Amount
    purpose: Text = ""
    spatial: Text = ""


class DeliveryBody(Body):
    """Without `limit` the whole file is delivered as it was published."""

    offset: Annotated[int, Field(ge=0, le=INTEGER_MAX)] = 0
    limit: Annotated[int, Field(gt=0, le=ROWS_MAX)] | None = None
    purpose: Text = ""
    spatial: Text = ""


def make(kind: type[T], /, **fields: Any) -> T:
    """Return the command, checked against its schema. Raises Problem 422 naming the field."""
    try:
        made = msgspec.convert(fields, kind, strict=True, from_attributes=False)
    except (msgspec.ValidationError, SchemaError) as error:
        raise Problem(422, "invalid_request", f"{error}") from error
    return made


def draft_listing(body: ListingBody, **fields: Any) -> c.DraftListing:
    offer: Offer = _part(body.offer, "offer", Offer)
    if isinstance(offer, MeteredOffer):
        try:
            check_tariff(offer.tariff)
        except SchemaError as error:
            raise Problem(422, "tariff_invalid", f"offer.tariff.{error}") from error
    return make(
        c.DraftListing,
        data_set_id=body.data_set_id,
        entry=_part(body.entry, "entry", CatalogueEntry),
        offer=offer,
        grant_terms=_part(body.grant_terms, "grant_terms", GrantTerms),
        expires_at_ms=body.expires_at_ms,
        **fields,
    )


def open_auction(body: AuctionBody, **fields: Any) -> c.OpenAuction:
    terms = dict(body.terms)
    named = terms.get("increments")
    if isinstance(named, str):
        if named not in INCREMENT_TABLES:
            tables = ", ".join(INCREMENT_TABLES)
            raise Problem(422, "invalid_request", f"terms.increments: known tables are {tables}")
        terms["increments"] = INCREMENT_TABLES[named]
    return make(
        c.OpenAuction, terms=_part(terms, "terms", AuctionTerms), nonce=new_nonce(), **fields
    )


def new_nonce() -> str:
    """Return 128 random bits, which keep a sealed message's hash from being guessed."""
    return secrets.token_hex(16)


def _part(value: dict[str, Any], name: str, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, strict=True)
    except (msgspec.ValidationError, SchemaError) as error:
        raise Problem(422, "invalid_request", f"{name}: {error}") from error
