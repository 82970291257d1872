"""What several projections do: post money, and mark a command as refused."""

from collections.abc import Callable
from typing import Any

from market import ledger
from schemas.reasons import Refusal
from services.gateway import tables as t
from services.gateway.rows import Rows

Apply = Callable[[Rows, Any, int], None]


def post(rows: Rows, event: Any, cause_id: str, position: int) -> None:
    for number, (account, amount) in enumerate(ledger.postings(event)):
        owner_id, currency, kind = account.split("/")
        known = rows.find(t.BalanceRow, account)
        balance = (known["balance_minor"] if known else 0) + amount
        rows.put(
            t.BalanceRow,
            position=position,
            account=account,
            owner_id=owner_id,
            currency=currency,
            kind=kind,
            balance_minor=balance,
        )
        rows.put(
            t.PostingRow,
            position=position,
            number=number,
            account=account,
            owner_id=owner_id,
            currency=currency,
            amount_minor=amount,
            balance_minor=balance,
            event=type(event).__name__,
            cause_id=cause_id,
            at_ms=event.at_ms,
        )
        if kind == "prepaid" and rows.find(t.GrantRow, owner_id):
            rows.change(t.GrantRow, owner_id, prepaid_minor=balance, position=position)


def refuse(rows: Rows, command_id: str, reason: str) -> None:
    """A conflict over an id that was answered before leaves the first answer standing."""
    row = rows.find(t.CommandRow, command_id)
    if row is not None and reason != Refusal.ID_REUSED:
        rows.change(t.CommandRow, command_id, status="refused", reason=reason)
