"""Refunds: what was paid for each grant, who has it now, and how they give some of it back.

A refund is taken from venue, treasury and supplier in proportion to what each still has of that
payment, in two roundings like the split that paid them (decision 0011).
"""

from typing import Final

import msgspec

from market import ledger
from schemas.base import Event
from schemas.commands import Refund
from schemas.events import TransferPosted, UsageCharged
from schemas.ids import derive_id
from schemas.money import round_half_even
from schemas.postings import TransferKind
from schemas.reasons import Refusal

ENDED_MAX: Final = 20_000  # paid grants that stay refundable after their end, the newest ones


class Receipt(msgspec.Struct, kw_only=True):
    """What is left, in minor units, of all that was paid for one grant, and with whom."""

    buyer_id: str
    currency: str
    supplier_id: str = ""
    supplier_minor: int = 0
    treasury_minor: int = 0
    fees_minor: int = 0

    @property
    def total_minor(self) -> int:
        return self.supplier_minor + self.treasury_minor + self.fees_minor


class Receipts(msgspec.Struct, kw_only=True):
    """Receipts by grant id; `ended` names the grants that have ended, the oldest first."""

    by_grant: dict[str, Receipt] = {}
    ended: list[str] = []


def refund(receipts: Receipts, book: ledger.Ledger, command: Refund) -> list[Event] | Refusal:
    receipt = receipts.by_grant.get(command.grant_id)
    if receipt is None:
        return Refusal.NOTHING_PAID
    if command.amount_minor > receipt.total_minor:
        return Refusal.REFUND_EXCEEDS_PAID
    fees, treasury, supplier = shares(receipt, command.amount_minor)
    currency = receipt.currency
    sources = (
        (ledger.available(receipt.supplier_id, currency), supplier),
        (ledger.treasury(currency), treasury),
        (ledger.fees(currency), fees),
    )
    if any(share > ledger.balance(book, account) for account, share in sources):
        return Refusal.INSUFFICIENT_FUNDS
    into = (ledger.available(receipt.buyer_id, currency), command.amount_minor)
    takings = tuple((account, -share) for account, share in sources)
    return [
        TransferPosted(
            at_ms=command.at_ms,
            id=command.id,
            kind=TransferKind.REFUND,
            currency=currency,
            legs=ledger.legs(*takings, into),
            party_id=receipt.buyer_id,
            cause_id=command.grant_id,
            request=command,
        )
    ]


def shares(receipt: Receipt, amount_minor: int) -> tuple[int, int, int]:
    """Return what fees, treasury and supplier give back of an amount, none more than it has."""
    fees = round_half_even(amount_minor * receipt.fees_minor, receipt.total_minor)
    rest, proceeds = amount_minor - fees, receipt.supplier_minor + receipt.treasury_minor
    treasury = round_half_even(rest * receipt.treasury_minor, proceeds) if proceeds else 0
    return fees, treasury, rest - treasury


# --- effects ----------------------------------------------------------------------------------


def moved_effect(receipts: Receipts, event: TransferPosted | UsageCharged) -> None:
    """Note what venue, treasury and supplier received for a grant, or gave back."""
    match event:
        case UsageCharged():
            grant_id, buyer_id = event.grant_id, event.buyer_id
        case TransferPosted(kind=TransferKind.PURCHASE):
            grant_id, buyer_id = derive_id(event.id, "grt"), event.party_id
        case TransferPosted(request=Refund() as request):
            grant_id, buyer_id = request.grant_id, event.party_id
        case _:
            return
    receipt = receipts.by_grant.get(grant_id)
    if receipt is None:
        receipt = Receipt(buyer_id=buyer_id, currency=event.currency)
        receipts.by_grant[grant_id] = receipt
    for leg in event.legs:
        owner, _, kind = leg.account.split("/")
        if kind == "fees":
            receipt.fees_minor += leg.amount_minor
        elif kind == "proceeds":
            receipt.treasury_minor += leg.amount_minor
        elif kind == "available" and owner != buyer_id:
            receipt.supplier_id = owner
            receipt.supplier_minor += leg.amount_minor


def ended_effect(receipts: Receipts, grant_id: str) -> None:
    """The oldest of too many ended grants can no longer be refunded."""
    if grant_id in receipts.by_grant:
        receipts.ended.append(grant_id)
        if len(receipts.ended) > ENDED_MAX:
            del receipts.by_grant[receipts.ended.pop(0)]
