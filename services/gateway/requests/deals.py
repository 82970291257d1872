"""Bodies about access, subscriptions, auctions and bids."""

from typing import Annotated, Any

from pydantic import Field

from schemas import commands as c
from schemas.auctions import FURTHER_LICENCES_MAX, INCREMENT_TABLES, AuctionTerms
from services.gateway.problems import Problem
from services.gateway.requests.base import (
    Amount,
    Body,
    Currency,
    Millis,
    Reason,
    Text,
    make,
    new_nonce,
    part,
)


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
    further_minor: Annotated[list[Amount], Field(max_length=FURTHER_LICENCES_MAX)] = []


class ExtensionBody(Body):
    ends_at_ms: Millis
    reason: Reason


def open_auction(body: AuctionBody, **fields: Any) -> c.OpenAuction:
    terms = dict(body.terms)
    named = terms.get("increments")
    if isinstance(named, str):
        if named not in INCREMENT_TABLES:
            tables = ", ".join(INCREMENT_TABLES)
            raise Problem(422, "invalid_request", f"terms.increments: known tables are {tables}")
        terms["increments"] = INCREMENT_TABLES[named]
    return make(
        c.OpenAuction, terms=part(terms, "terms", AuctionTerms), nonce=new_nonce(), **fields
    )
