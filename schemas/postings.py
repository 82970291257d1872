"""What a posting is made of: the legs of a transfer, and why it was made."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from schemas.base import INTEGER_MAX, Fact

SignedAmount = Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]


class Leg(Fact):
    """One side of a posting; the legs of an event sum to zero. `account` as in `market.ledger`."""

    account: str
    amount_minor: SignedAmount


class TransferKind(StrEnum):
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    PURCHASE = "purchase"
    PREPAYMENT = "prepayment"
    TOP_UP = "top_up"
    REFUND = "refund"
    PAYOUT = "payout"


class Purse(StrEnum):
    """What the operator can pay out: the venue's own earnings, and what is the treasury's."""

    VENUE_FEES = "venue_fees"
    TREASURY = "treasury"
