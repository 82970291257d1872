"""Statements and trial balances: what is on each account, and the lines that led there."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pydantic import BaseModel

from schemas.base import INTEGER_MAX
from schemas.envelope import iso_time
from services.books.bookings import Booking

CSV_COLUMNS: Final = (
    "line", "at", "position", "account", "currency", "amount_minor", "balance_minor", "event",
    "cause_id",
)  # fmt: skip


class Period(BaseModel):
    """From `from_ms` until before `until_ms`, by the times events count from."""

    from_ms: int = 0
    until_ms: int = INTEGER_MAX


class StatementLine(BaseModel):
    """`balance_minor` is the account's balance after this line, within the statement's order."""

    position: int
    at_ms: int
    account: str
    currency: str
    amount_minor: int
    balance_minor: int
    event: str
    cause_id: str


class AccountPeriod(BaseModel):
    account: str
    currency: str
    opening_minor: int
    closing_minor: int


class Statement(BaseModel):
    """A party's lines of a period in the order of the log. `accounts` are those of the whole
    period; `next_after` is what to ask for next, None at the end.
    """

    party_id: str
    period: Period
    accounts: list[AccountPeriod]
    items: list[StatementLine]
    next_after: int | None = None


class AccountBalance(BaseModel):
    account: str
    currency: str
    balance_minor: int


class TrialBalance(BaseModel):
    """All accounts; per currency they sum to zero when the books are right."""

    balanced: bool
    sums_minor: dict[str, int]
    accounts: list[AccountBalance]


def statement_of(
    party_id: str, period: Period, booked: Iterable[Booking], opening: Mapping[str, int]
) -> Statement:
    """Return the statement that those of the bookings within the period make, on top of the
    opening balances by account.
    """
    balances = dict(opening)
    items: list[StatementLine] = []
    for booking in booked:
        if not period.from_ms <= booking.at_ms < period.until_ms:
            continue
        for account, amount in booking.moves:
            if account.partition("/")[0] != party_id:
                continue
            balances[account] = balances.get(account, 0) + amount
            items.append(
                StatementLine(
                    position=booking.position,
                    at_ms=booking.at_ms,
                    account=account,
                    currency=currency_of(account),
                    amount_minor=amount,
                    balance_minor=balances[account],
                    event=booking.event,
                    cause_id=booking.command_id,
                )
            )
    accounts = account_periods(opening, balances)
    return Statement(party_id=party_id, period=period, accounts=accounts, items=items)


def account_periods(opening: Mapping[str, int], closing: Mapping[str, int]) -> list[AccountPeriod]:
    return [
        AccountPeriod(
            account=account,
            currency=currency_of(account),
            opening_minor=opening.get(account, 0),
            closing_minor=closing.get(account, 0),
        )
        for account in sorted({*opening, *closing})
    ]


def trial_balance(balances: Mapping[str, int]) -> TrialBalance:
    sums: dict[str, int] = {}
    for account, amount in balances.items():
        currency = currency_of(account)
        sums[currency] = sums.get(currency, 0) + amount
    return TrialBalance(
        balanced=not any(sums.values()),
        sums_minor=dict(sorted(sums.items())),
        accounts=[
            AccountBalance(
                account=account, currency=currency_of(account), balance_minor=balances[account]
            )
            for account in sorted(balances)
        ],
    )


def fold(booked: Iterable[Booking], until_ms: int = INTEGER_MAX) -> dict[str, int]:
    """Return each account's balance after all that counts from before `until_ms`."""
    balances: dict[str, int] = {}
    for booking in booked:
        if booking.at_ms < until_ms:
            for account, amount in booking.moves:
                balances[account] = balances.get(account, 0) + amount
    return balances


def currency_of(account: str) -> str:
    return account.split("/")[1]


def as_csv(statement: Statement) -> str:
    """Return the statement as CSV: opening balances, lines, closing balances."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(_csv_rows(statement))
    return text.getvalue()


def _csv_rows(statement: Statement) -> Iterator[tuple[object, ...]]:
    for account in statement.accounts:
        opening = account.opening_minor
        yield "opening", "", "", account.account, account.currency, "", opening, "", ""
    for line in statement.items:
        about = (line.account, line.currency, line.amount_minor, line.balance_minor)
        yield "line", iso_time(line.at_ms), line.position, *about, line.event, line.cause_id
    for account in statement.accounts:
        closing = account.closing_minor
        yield "closing", "", "", account.account, account.currency, "", closing, "", ""
