"""Bodies about access, subscriptions, auctions and bids."""

from typing import Annotated, Any

from pydantic import Field

from schemas import commands as c
from schemas.auctions import FURTHER_LICENCES_MAX, INCREMENT_TABLES, AuctionTerms
from services.gateway.message_schemas import Part
from services.gateway.requests.base import (
    Amount,
    Body,
    Currency,
    Millis,
    Reason,
    Text,
    make,
    new_nonce,
)

Accepted = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]


class RequestBody(Body):
    """`accepted_sha256` is that of the terms' acceptance text, where they have one."""

    purpose: Text = ""
    accepted_sha256: Accepted = ""


class SubscriptionBody(RequestBody):
    currency: Currency
    budget_minor: Amount


class _Terms(Part):
    """Terms as they come in: `increments` may be the name of a table, such as "ebay-2003"."""

    def take(self, value: Any) -> Any:
        named = value.get("increments") if isinstance(value, dict) else None
        if isinstance(named, str):
            if named not in INCREMENT_TABLES:
                raise ValueError(f"increments: known tables are {', '.join(INCREMENT_TABLES)}")
            value = {**value, "increments": INCREMENT_TABLES[named]}
        return super().take(value)


class AuctionBody(Body):
    terms: Annotated[AuctionTerms, _Terms(AuctionTerms, "AuctionTerms")]


class BidBody(Body):
    currency: Currency
    max_price_minor: Amount
    further_minor: Annotated[list[Amount], Field(max_length=FURTHER_LICENCES_MAX)] = []
    accepted_sha256: Accepted = ""


class ExtensionBody(Body):
    ends_at_ms: Millis
    reason: Reason


def open_auction(body: AuctionBody, **fields: Any) -> c.OpenAuction:
    return make(c.OpenAuction, terms=body.terms, nonce=new_nonce(), **fields)
