"""`databourse doctor`: every check of a data folder and of the market that runs on it."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Final

import httpx2 as httpx
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.commands import Exit, UsageError
from services.commands.cluster_options import on_kafka, venue_named
from services.commands.options import DatabaseUrl, Venue
from services.upkeep.checks import Finding, State, examine
from services.upkeep.cluster import look, look_at_trail
from services.upkeep.cluster_checks import examine as examine_cluster
from streams.kafka.settings import KafkaSettings
from streams.log import LogError

app = typer.Typer()
URL_SECONDS_MAX: Final = 5.0
_STYLE: Final = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


@app.command("doctor")
@on_kafka(needed=False)
def doctor(
    kafka: KafkaSettings | None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The market's data folder; or give --log.")
    ] = None,
    url: Annotated[str, typer.Option("--url", help="Also ask the market running there.")] = "",
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    full: Annotated[
        bool, typer.Option("--full", help="Read everything: hash all, verify, replay, compare.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a data folder, or a venue on a cluster, running or not, and say what to do about what
    is wrong.

    Nothing is changed. Exit 1 when a check fails, 0 with warnings. --data is meant where both are
    known; --db adds the checks of the trail.

    Example: databourse doctor --data ./gx-data
    """
    if data is not None:
        if not data.is_dir():
            raise UsageError(f"there is no folder {data}", Exit.UNREACHABLE)
        findings = examine(data, full=full)
    elif kafka is not None:
        findings = _of_cluster(kafka, db, venue_named(venue), full=full)
    else:
        raise UsageError("give --data FOLDER, or --log kafka://HOST:PORT for a cluster")
    if url:
        findings += _ask(url.rstrip("/"))
    counts = Counter(finding.state for finding in findings)
    if as_json:
        checks = [finding._asdict() for finding in findings]
        typer.echo(json.dumps({"healthy": not counts[State.FAIL], "checks": checks}))
    else:
        Console(soft_wrap=False).print(_table(findings))
        typer.echo(", ".join(f"{counts[state]} {state}" for state in State))
    raise typer.Exit(Exit.FINDING if counts[State.FAIL] else Exit.RIGHT)


def _of_cluster(kafka: KafkaSettings, db: str, venue: str, *, full: bool) -> list[Finding]:
    try:
        cluster = asyncio.run(look(kafka, venue, full=full))
    except LogError as error:
        raise UsageError(str(error), Exit.UNREACHABLE) from error
    findings = []
    if db:
        try:
            cluster = cluster._replace(database=db, trail=look_at_trail(db, venue))
        except LogError as error:
            advice = "look whether PostgreSQL runs and takes connections there"
            findings = [Finding("database", State.FAIL, str(error), advice)]
    return [*examine_cluster(cluster), *findings]


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("check", "state", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for check, state, found, advice in findings:
        table.add_row(check, Text(state, _STYLE[state]), Text(found), Text(advice))
    return table


def _ask(url: str) -> list[Finding]:
    """Ask a running market whether it lives, is ready, and how far it has published."""
    findings = []
    with httpx.Client(base_url=url, timeout=URL_SECONDS_MAX) as http:
        for name, path, advice in (
            ("server", "/healthz", "start it with `databourse serve`, or look at the address"),
            ("ready", "/readyz", "do what it says, then restart the market"),
            ("published", "/v1/audit/head", "look at the market's standard error"),
        ):
            try:
                answer = http.get(path)
                told = answer.json()
            except (httpx.HTTPError, ValueError) as error:
                findings.append(Finding(name, State.FAIL, f"{url}{path}: {error}", advice))
                continue
            detail = told.get("detail") or told.get("status") or f"{told.get('size')} records"
            healthy = State.WARN if "detail" in told else State.OK
            state = healthy if answer.is_success else State.FAIL
            findings.append(Finding(name, state, str(detail), "" if state is State.OK else advice))
    return findings
