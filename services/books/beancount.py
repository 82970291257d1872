"""The books as a beancount file: one transaction for each booking, and every balance asserted.

Our signs are turned: what we owe a party is a positive balance here and a negative one there, where
liabilities and income are negative. `held` accounts stand for available and reserved together.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from schemas.envelope import iso_time
from schemas.money import MINOR_DIGITS
from services.books.bookings import Booking
from services.books.statement import currency_of

_FIXED: Final = {
    "external": "Assets:Bank",
    "fees": "Income:Fees",
    "proceeds": "Liabilities:Treasury",
}
_OWNED: Final = {"held": "Liabilities:Parties", "prepaid": "Liabilities:Prepaid"}


class Summary(NamedTuple):
    """What the whole of the bookings comes to: balances by account, and the days they span."""

    balances: dict[str, int]
    transactions: int
    first: date
    last: date


def summarise(booked: Iterable[Booking]) -> Summary:
    balances: dict[str, int] = {}
    count, first, last = 0, date.max, date.min
    for booking in booked:
        count += 1
        day = _day(booking.at_ms)
        first, last = min(first, day), max(last, day)
        for account, amount in booking.moves:
            balances[account] = balances.get(account, 0) + amount
    return Summary(balances, count, first, last)


def export(venue: str, summary: Summary, booked: Iterable[Booking]) -> Iterator[str]:
    """Yield the lines of the file: accounts, transactions in the order of the log, assertions."""
    yield f'option "title" {_quoted(f"databourse {venue}")}'
    for currency in sorted({currency_of(account) for account in summary.balances}):
        yield f'option "operating_currency" "{currency}"'
    yield ""
    names = {account: account_name(account) for account in summary.balances}
    for name in sorted(set(names.values())):
        yield f"{summary.first} open {name}"
    for booking in booked:
        yield from _transaction(booking, names)
    yield ""
    for account, balance in sorted(summary.balances.items()):
        # Tolerance 0: beancount would let one unit of the last digit pass.
        amount, currency = amount_text(-balance, currency_of(account)), currency_of(account)
        after = summary.last + timedelta(days=1)
        yield f"{after} balance {names[account]}  {amount} ~ 0 {currency}"


def account_name(account: str) -> str:
    """Return the beancount account of one of ours; different owners get different names."""
    owner, _, kind = account.split("/")
    if kind in _FIXED:
        return _FIXED[kind]
    role, _, root = owner.partition("_")
    return f"{_OWNED[kind]}:{_component(role).capitalize()}-{_component(root)}"


def amount_text(amount_minor: int, currency: str) -> str:
    digits = MINOR_DIGITS[currency]
    whole, part = divmod(abs(amount_minor), 10**digits)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole}.{part:0{digits}}" if digits else f"{sign}{whole}"


def _transaction(booking: Booking, names: dict[str, str]) -> Iterator[str]:
    yield ""
    yield f"{_day(booking.at_ms)} * {_quoted(booking.text)}"
    yield f"  position: {booking.position}"
    yield f"  id: {_quoted(booking.id)}"
    yield f"  command: {_quoted(booking.command_id)}"
    yield f'  at: "{iso_time(booking.at_ms)}"'
    for account, amount in booking.moves:
        currency = currency_of(account)
        yield f"  {names[account]}  {amount_text(-amount, currency)} {currency}"


def _component(text: str) -> str:
    """Write letters and digits as they are, everything else as its code, so that two texts never
    become one.
    """
    return "".join(
        char if char.isascii() and char.isalnum() else f"-{ord(char):06X}" for char in text
    )


def _quoted(text: str) -> str:
    clean = "".join(char if char.isprintable() else " " for char in text)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _day(at_ms: int) -> date:
    return date.fromisoformat(iso_time(at_ms)[:10])
