"""`databourse sim run`: a scenario, in virtual time."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from services.commands.options import AsJson
from services.laboratory.scenario_file import read_scenario
from services.laboratory.simulate import simulate
from services.progress import progress
from services.tuning import expect_few_cycles

SHOWN: Final = ("commands", "events", "auctions", "trades", "bids", "uses")


def run_command(
    file: Annotated[Path, typer.Argument(help="TOML, such as examples/guangxi.toml.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 7,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE, such as agents.buyers=200. May be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a scenario by the market's own rules: a log, tables, run.json and report.html.

    The folder is a market: `databourse serve --data DIR` opens it, and so do `audit verify` and
    `audit replay`.

    Example: databourse sim run examples/guangxi.toml --seed 7 --out year
    """
    expect_few_cycles()
    scenario = read_scenario(file, settings or [])
    with progress("per mille of the time", 1000, quiet=as_json) as tell:
        about = simulate(scenario, seed, out, tell, file.parent)
    if as_json:
        told = {name: about[name] for name in ("seed", "config_sha256", "events_sha256", "metrics")}
        typer.echo(json.dumps({**told, "out": str(out)}, ensure_ascii=False))
    else:
        figures = ", ".join(f"{about['metrics'][name]:,} {name}" for name in SHOWN)
        typer.echo(f"{figures}; written to {out}, look at {out / 'report.html'}")
