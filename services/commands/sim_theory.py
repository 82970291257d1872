"""`databourse sim theory`: what auction theory predicts, against the market's own rules."""

import json
import os
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from services.commands import Exit, UsageError
from services.commands.options import AsJson
from services.laboratory.theory import Report, run
from services.progress import progress
from simulation.theory.checks import ERRORS_MAX, Relation, Row, choose, experiments_of
from simulation.theory.tables import CHECKS, CONTROLS

AUCTIONS_MIN: Final = 100  # below, a standard error says little
WORKERS_MAX: Final = 2
WIDTH: Final = 160
FIGURES: Final = ("theory", "simulated", f"± {ERRORS_MAX} s.e.", "z", "verdict")


def theory(
    only: Annotated[
        str, typer.Option("--only", help="A check, or a part of names: dutch, n=2, revenue.")
    ] = "",
    auctions: Annotated[
        int, typer.Option("--auctions", min=AUCTIONS_MIN, help="Auctions for each experiment.")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other values.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Check that auctions held by the market's own rules bring what theory says.

    A check is right within three standard errors (and the rounding to minor units); exit 1 when one
    is not. Of this many checks one may be further off by chance with another seed than 7; more
    auctions then tell. `--only wrong` runs three that are wrong on purpose.

    Example: databourse sim theory --only second-price --auctions 1000
    """
    chosen = choose((*CHECKS, *CONTROLS), only) if only else list(CHECKS)
    if not chosen:
        parts = sorted({check.name.split("/")[0] for check in (*CHECKS, *CONTROLS)})
        raise UsageError(f"no check is named {only!r}; there are {', '.join(parts)}")
    workers = min(WORKERS_MAX, os.cpu_count() or 1)
    with progress("experiments", len(experiments_of(chosen)), quiet=as_json) as tell:
        report = run(chosen, seed, auctions, workers, tell)
    if as_json:
        typer.echo(json.dumps(_as_object(report), ensure_ascii=False))
    else:
        _show(report)
    raise typer.Exit(Exit.RIGHT if report.right else Exit.FINDING)


def _as_object(report: Report) -> dict[str, object]:
    rows = [row._asdict() for row in report.rows]
    return {**report._asdict(), "rows": rows, "right": report.right}


def _show(report: Report) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("check", no_wrap=True)
    for column in FIGURES:
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("source", no_wrap=True)
    for row in report.rows:
        table.add_row(*_cells(row))
    Console(width=WIDTH).print(table)
    wrong = sum(not row.right for row in report.rows)
    verdict = f"{wrong} FAILED" if wrong else "all right"
    typer.echo(f"{len(report.rows)} checks, {report.auctions:,} auctions each: {verdict}")


def _cells(row: Row) -> tuple[str, ...]:
    theory = f"{row.exact} = {row.theory:.5f}" if "/" in row.exact else row.exact
    bound = "" if row.relation is Relation.EQUAL else f"{row.relation} "
    sampled = row.z is not None
    return (
        row.name,
        bound + theory,
        f"{row.simulated:.5f}" if sampled else f"{row.simulated:.10g}",
        f"{(row.high - row.low) / 2:.5f}" if sampled else "exact",
        "" if row.z is None else f"{row.z:+.2f}",
        "right" if row.right else "FAILED",
        row.source,
    )
