"""Balances, statements and the trial balance out of the read models.

Whoever is not the owner sees what is available and what is locked as one account, `held`, and no
locks: this is the one place that decides it.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from market.ledger import booked, booked_as
from services.books import statement as s
from services.books.bookings import Booking
from services.gateway import tables as t

LINES_MAX: Final = 100_000  # of a statement in one piece


def balances(session: Session, party_id: str, *, is_owner: bool) -> list[t.BalanceRow]:
    rows = session.exec(select(t.BalanceRow).where(t.BalanceRow.owner_id == party_id)).all()
    return list(rows) if is_owner else _seen_by_others(rows)


def statement(
    session: Session, party_id: str, period: s.Period, limit: int, after: int, *, is_owner: bool
) -> s.Statement:
    """Return a page of a party's statement: the lines behind position `after`, at least `limit` of
    them if there are, since the lines of one event stay together.
    """
    opening, before, closing = _sums(session, party_id, period, after, is_owner=is_owner)
    columns: Any = t.PostingRow
    within = (
        columns.owner_id == party_id,
        columns.at_ms >= period.from_ms,
        columns.at_ms < period.until_ms,
    )
    query = select(t.PostingRow).where(*within).order_by(columns.position, columns.number)
    rows = list(session.exec(query.where(columns.position > after).limit(limit)).all())
    next_after = rows[-1].position if len(rows) == limit else None
    if next_after is not None:
        last = (columns.position == next_after, columns.number > rows[-1].number)
        rows += session.exec(query.where(*last)).all()
    page = s.statement_of(party_id, period, _bookings(rows, is_owner=is_owner), before)
    accounts = s.account_periods(opening, closing)
    return page.model_copy(update={"accounts": accounts, "next_after": next_after})


def trial_balance(session: Session, at_ms: int | None) -> s.TrialBalance:
    """Return all accounts now, or after all that counts from `at_ms` or before."""
    if at_ms is None:
        query: Any = select(t.BalanceRow.account, t.BalanceRow.balance_minor)
    else:
        total = func.sum(t.PostingRow.amount_minor)
        query = select(t.PostingRow.account, total).where(col(t.PostingRow.at_ms) <= at_ms)
        query = query.group_by(col(t.PostingRow.account))
    return s.trial_balance(_merged(session.exec(query).all(), is_owner=False))


def _sums(
    session: Session, party_id: str, period: s.Period, after: int, *, is_owner: bool
) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Return the balances at the period's start, before the page, and at the period's end."""
    row: Any = t.PostingRow
    early = row.at_ms < period.from_ms
    ended = row.at_ms < period.until_ms
    paged = early | (ended & (row.position <= after))
    sums = [func.sum(case((which, row.amount_minor), else_=0)) for which in (early, paged, ended)]
    query: Any = select(row.account, *sums).where(row.owner_id == party_id).group_by(row.account)
    found = session.exec(query).all()
    opening, before, closing = (
        _merged(((line[0], line[index]) for line in found), is_owner=is_owner)
        for index in (1, 2, 3)
    )
    return opening, before, closing


def _merged(sums: Iterable[Any], *, is_owner: bool) -> dict[str, int]:
    merged: dict[str, int] = {}
    for account, amount in sums:
        seen = account if is_owner else booked_as(account)
        merged[seen] = merged.get(seen, 0) + int(amount)
    return merged


def _bookings(rows: Iterable[t.PostingRow], *, is_owner: bool) -> Iterator[Booking]:
    for position, lines in groupby(rows, key=lambda row: row.position):
        event = list(lines)
        moves = tuple((line.account, line.amount_minor) for line in event)
        first = event[0]
        yield Booking(
            position=position,
            at_ms=first.at_ms,
            event=first.event,
            id="",
            command_id=first.cause_id,
            text="",
            moves=moves if is_owner else booked(moves),
        )


def _seen_by_others(rows: Iterable[t.BalanceRow]) -> list[t.BalanceRow]:
    """Return one row for each account as others see it; its position tells of no lock."""
    seen: dict[str, t.BalanceRow] = {}
    for row in rows:
        account = booked_as(row.account)
        so_far = seen[account].balance_minor if account in seen else 0
        seen[account] = t.BalanceRow(
            position=0,
            account=account,
            owner_id=row.owner_id,
            currency=row.currency,
            kind=account.rpartition("/")[2],
            balance_minor=so_far + row.balance_minor,
        )
    return list(seen.values())
