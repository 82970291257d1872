"""`databourse postgres`: a PostgreSQL of one's own on this machine, without Docker."""

import json
from pathlib import Path
from typing import Annotated

import typer

from schemas.envelope import iso_time
from services.commands import Exit, UsageError
from services.commands.folders import usable
from services.local.postgres import LocalPostgres

app = typer.Typer(
    help="A PostgreSQL on this machine: start, stop, status. Run it as `python3 run.py postgres`.",
    no_args_is_help=True,
)
Data = Annotated[
    Path, typer.Option("--data", envvar="DATABOURSE_POSTGRES_DATA", help="The server's own folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("start")
def start_command(
    data: Data,
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65_535, help="[default: as before, or a free one]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start it on the loopback address; print its URL. Running already is right too.

    The URL names a file with the password. The folder keeps data, port and password.

    Example: databourse postgres start --data ./gx-postgres
    """
    server = LocalPostgres(data)
    with usable(Exit.UNREACHABLE):
        started = server.start(port)
        _tell(server, "started" if started else "runs already", as_json)


@app.command("stop")
def stop_command(data: Data, as_json: AsJson = False) -> None:
    """End all sessions and stop it.

    Example: databourse postgres stop --data ./gx-postgres
    """
    with usable(Exit.UNREACHABLE):
        ended = LocalPostgres(data).stop()
    words = ended.value.replace("_", " ")
    typer.echo(json.dumps({"ended": ended.value}) if as_json else f"PostgreSQL: {words}")


@app.command("status")
def status_command(data: Data, as_json: AsJson = False) -> None:
    """Tell address, process and version; exit code 3 when it does not run.

    Example: databourse postgres status --data ./gx-postgres
    """
    with usable(Exit.UNREACHABLE):
        _tell(LocalPostgres(data), "runs", as_json)


def _tell(server: LocalPostgres, what: str, as_json: bool) -> None:
    status = server.status()
    if status is None:
        if as_json:
            typer.echo(json.dumps({"running": False}))
            raise typer.Exit(Exit.UNREACHABLE)
        raise UsageError("PostgreSQL is not running; start it first", Exit.UNREACHABLE)
    pid, started_at_ms = status.running
    since = iso_time(started_at_ms)
    if as_json:
        told = {"running": True, "url": status.url, "pid": pid, "version": status.version}
        typer.echo(json.dumps({**told, "since": since}))
    else:
        typer.echo(f"PostgreSQL {status.version} {what}, process {pid}, since {since}")
        typer.echo(status.url)
