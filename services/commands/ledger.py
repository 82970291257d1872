"""`databourse ledger`: the books out of the log itself: trial balance, statements, export."""

import json
import os
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from schemas.base import INTEGER_MAX
from schemas.envelope import iso_time
from schemas.money import format_minor
from services.books import beancount, statement
from services.books.bookings import bookings
from services.commands import Exit, UsageError
from services.commands.folders import log_reader, place_of
from services.commands.options import AsJson, DatabaseUrl, TrailData, Venue
from services.commands.times import read_time

app = typer.Typer(
    help="The books, read from the log: trial balance, statements, export.", no_args_is_help=True
)
HELD: Final = (
    "What a party has available and what it has locked is one account here, held: a lock is no "
    "booking, and while an auction runs it would show a sealed bid."
)


def _help(about: str, example: str) -> str:
    return f"{about}\n\n{HELD}\n\nExample: databourse ledger {example} --data ./gx-data"


@app.command(
    "trial-balance", help=_help("Show every account and the sums by currency.", "trial-balance")
)
def trial_balance_command(
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    at: Annotated[
        str, typer.Option("--at", help="After all until this time (RFC 3339 or epoch ms).")
    ] = "",
    as_json: AsJson = False,
) -> None:
    until_ms = read_time(at) + 1 if at else INTEGER_MAX
    with log_reader(data, db, venue) as log:
        made = statement.trial_balance(statement.fold(bookings(log, log.size), until_ms))
    if as_json:
        typer.echo(made.model_dump_json())
    else:
        table = Table("account", "balance", box=None)
        table.columns[1].justify = "right"
        for line in made.accounts:
            table.add_row(line.account, format_minor(line.balance_minor, line.currency))
        for currency, total in made.sums_minor.items():
            table.add_row(f"sum {currency}", format_minor(total, currency))
        Console().print(table)
        typer.echo("balanced" if made.balanced else "NOT BALANCED")
    raise typer.Exit(Exit.RIGHT if made.balanced else Exit.FINDING)


@app.command("statement", help=_help("Show a party's lines of a period.", "statement pty_operator"))
def statement_command(
    party_id: Annotated[str, typer.Argument(help="The party's id; also venue or treasury.")],
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    since: Annotated[str, typer.Option("--from", help="RFC 3339 or epoch ms.")] = "",
    until: Annotated[str, typer.Option("--until", help="Not included.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    period = statement.Period(
        from_ms=read_time(since) if since else 0,
        until_ms=read_time(until) if until else INTEGER_MAX,
    )
    with log_reader(data, db, venue) as log:
        size = log.size
        opening = {
            account: amount
            for account, amount in statement.fold(bookings(log, size), period.from_ms).items()
            if account.partition("/")[0] == party_id
        }
        made = statement.statement_of(party_id, period, bookings(log, size), opening)
    if as_json:
        typer.echo(made.model_dump_json())
    elif as_csv:
        typer.echo(statement.as_csv(made), nl=False)
    else:
        Console().print(_table(made))


@app.command(
    "export", help=_help("Write the books as a beancount file.", "export --out gx.beancount")
)
def export_command(
    out: Annotated[Path, typer.Option("--out", help="The file to write, *.beancount.")],
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    as_json: AsJson = False,
) -> None:
    with log_reader(data, db, venue) as log:
        size = log.size
        summary = beancount.summarise(bookings(log, size))
        if not summary.transactions:
            place = place_of(data, db, venue)
            raise UsageError(f"nothing was booked in {place} yet; there is nothing to export")
        partial = out.with_name(f"{out.name}.partial")
        try:
            with partial.open("w", encoding="utf-8", newline="\n") as file:
                for line in beancount.export(log.venue, summary, bookings(log, size)):
                    file.write(f"{line}\n")
            os.replace(partial, out)
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error}") from error
    told = {
        "out": str(out),
        "transactions": summary.transactions,
        "accounts": len(summary.balances),
    }
    if as_json:
        typer.echo(json.dumps(told))
    else:
        count, accounts = summary.transactions, len(summary.balances)
        typer.echo(f"{count:,} transactions over {accounts:,} accounts written to {out}")


def _table(made: statement.Statement) -> Table:
    table = Table("time", "account", "amount", "balance", "what", "command", box=None)
    for column in (2, 3):
        table.columns[column].justify = "right"
    for account in made.accounts:
        opening = format_minor(account.opening_minor, account.currency)
        table.add_row("", account.account, "", opening, "opening", "")
    for line in made.items:
        amount, balance = line.amount_minor, line.balance_minor
        shown = (format_minor(amount, line.currency), format_minor(balance, line.currency))
        table.add_row(iso_time(line.at_ms), line.account, *shown, line.event, line.cause_id)
    for account in made.accounts:
        closing = format_minor(account.closing_minor, account.currency)
        table.add_row("", account.account, "", closing, "closing", "")
    return table
