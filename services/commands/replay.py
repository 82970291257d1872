"""`databourse replay`: recorded auctions and usage through the same rules, in virtual time."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.auctions import INCREMENT_TABLES
from schemas.base import SchemaError
from services.commands import UsageError
from services.progress import progress
from services.replay import auctions, usage
from services.replay.rows import RowError

app = typer.Typer(
    help="Run recorded auctions or usage through the same rules.", no_args_is_help=True
)
Out = Annotated[Path, typer.Option("--out", help="The CSV to write.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("auctions")
def auctions_command(
    bids: Annotated[Path, typer.Argument(help="CSV: " + ",".join(auctions.COLUMNS))],
    out: Out,
    increments: Annotated[str, typer.Option(help=" or ".join(INCREMENT_TABLES))] = "ebay-2003",
    as_json: AsJson = False,
) -> None:
    """Run each recorded auction through reserve, match and settle.

    Example: databourse replay auctions bids.csv --out results.csv
    """
    if increments not in INCREMENT_TABLES:
        raise UsageError(
            f"no increment table {increments!r}; there are {', '.join(INCREMENT_TABLES)}"
        )
    try:
        recorded, placed = auctions.read(bids)
        with progress("bids", len(placed), quiet=as_json) as tell:
            results = auctions.replay(recorded, placed, increments, tell)
    except RowError as error:
        raise UsageError(f"{bids}: {error}") from error
    _write(out, auctions.Result._fields, results)
    sold = sum(result.status == "sold" for result in results)
    refused = sum(result.bids_refused for result in results)
    summary = {"auctions": len(results), "sold": sold, "bids": len(placed), "bids_refused": refused}
    _tell(summary, out, as_json)


@app.command("usage")
def usage_command(
    uses: Annotated[Path, typer.Argument(help="CSV: " + ",".join(usage.COLUMNS))],
    tariff: Annotated[Path, typer.Option("--tariff", help="JSON: the tariff all clients pay.")],
    out: Out,
    as_json: AsJson = False,
) -> None:
    """Run recorded requests as metered use, each client with one grant.

    Example: databourse replay usage usage.csv --tariff tariff.json --out charges.csv
    """
    try:
        price = usage.read_tariff(tariff)
        recorded = usage.read(uses)
        with progress("uses", len(recorded), quiet=as_json) as tell:
            charges = usage.replay(recorded, price, tell)
    except (RowError, SchemaError) as error:
        raise UsageError(f"{uses if isinstance(error, RowError) else tariff}: {error}") from error
    _write(out, usage.Charge._fields, charges)
    total = sum(charge.charge_minor for charge in charges)
    summary = {"clients": len(charges), "uses": len(recorded), "charge_minor": total}
    _tell(summary, out, as_json)


def _write(out: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _tell(summary: dict[str, Any], out: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**summary, "out": str(out)}))
    else:
        figures = ", ".join(f"{value:,} {name}" for name, value in summary.items())
        typer.echo(f"{figures}; written to {out}")
