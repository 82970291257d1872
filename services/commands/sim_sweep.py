"""`databourse sim sweep`: many settings, each tried several times."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from services.commands import Exit
from services.commands.options import AsJson
from services.files import write_whole
from services.laboratory import sweep_plan
from services.laboratory.summary import Mean, summarise
from services.laboratory.sweep import Outcome, run
from services.laboratory.sweep_report import report
from services.laboratory.sweep_subjects import subject_of
from services.progress import progress

WORKERS: Final = 2


def sweep(
    file: Annotated[
        Path, typer.Argument(help="TOML: subject, seed, replications, grid or points.")
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The folder to write; begun before, it goes on.")
    ],
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes at work.")] = WORKERS,
    as_json: AsJson = False,
) -> None:
    """Try every point of a grid or list, with the same random numbers at each.

    Writes runs.parquet (a row for each run, failed ones with their error), means.parquet (with 95 %
    confidence intervals, and theory where it is known) and report.html. What is done stays done:
    say the same again after a break, or with more points or replications. Exit 1 when a run failed.

    Example: databourse sim sweep examples/sweep-reserve.toml --out sweep
    """
    plan = sweep_plan.read_plan(file)
    subject = subject_of(plan, file.parent)
    runs = len(plan.settings()) * plan.replications
    with progress("runs", runs, quiet=as_json) as tell:
        outcomes = run(plan, subject, out, workers, tell)
    means = summarise(plan, subject, outcomes)
    _write(out / "runs.parquet", [_run_row(outcome) for outcome in outcomes])
    _write(out / "means.parquet", [_mean_row(mean) for mean in means])
    write_whole(out / "report.html", report(plan, means, outcomes).encode(), mode=0o644)
    failed = sum(bool(outcome.error) for outcome in outcomes)
    _tell({"points": len(plan.settings()), "runs": runs, "failed": failed}, out, as_json=as_json)
    raise typer.Exit(Exit.FINDING if failed else Exit.RIGHT)


def _run_row(outcome: Outcome) -> dict[str, Any]:
    told = {"point": outcome.point, "replication": outcome.replication, "seed": outcome.seed}
    return {**told, **outcome.settings, **outcome.figures, "error": outcome.error}


def _mean_row(mean: Mean) -> dict[str, Any]:
    return {**mean.settings, **{k: v for k, v in mean._asdict().items() if k != "settings"}}


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.table(sweep_plan.as_table(rows)), path)


def _tell(summary: dict[str, int], out: Path, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**summary, "out": str(out)}))
    else:
        figures = ", ".join(f"{value:,} {name}" for name, value in summary.items())
        typer.echo(f"{figures}; written to {out}, look at {out / 'report.html'}")
