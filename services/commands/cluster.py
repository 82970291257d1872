"""`databourse cluster`: a whole market on Kafka and PostgreSQL, on this machine."""

import asyncio
import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.clock import Clock
from services.cluster.opening import prepare
from services.cluster.supervisor import own_command
from services.commands import Exit
from services.commands.cluster_options import venue_named
from services.commands.folders import usable
from services.commands.options import AsJson, Venue
from services.commands.service import Name
from services.local.cluster import LocalCluster
from services.opening import TOKENS_NAME
from streams.kafka.settings import KafkaSettings

app = typer.Typer(
    help="Kafka, PostgreSQL and every service of a market on this machine: start, stop, status.",
    no_args_is_help=True,
)
Data = Annotated[
    Path, typer.Option("--data", envvar="DATABOURSE_CLUSTER_DATA", help="The folder of all of it.")
]


@app.command("start")
def start(
    data: Data,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=1, max=65_535, help="Of the market. [default: as before, or 8321]"
        ),
    ] = None,
    venue: Venue = "gx",
    as_json: AsJson = False,
) -> None:
    """Start what is not running yet, wait until all of it works, and leave it in the background.

    Example: databourse cluster start --data ./gx-cluster
    """
    cluster = _cluster(data)
    with usable(Exit.UNREACHABLE):
        cluster.start_servers(_say)
        cluster.data.mkdir(mode=0o700, exist_ok=True)
        kafka = KafkaSettings.parse(cluster.log)
        made = prepare(kafka, cluster.db, venue_named(venue), cluster.data, Clock())
        asyncio.run(made)
        cluster.start_services(venue, port)
        tokens = str(cluster.data / TOKENS_NAME)
        if as_json:
            told = {"url": cluster.url, "tokens": tokens, "log": cluster.log, "db": cluster.db}
            typer.echo(json.dumps(told))
        else:
            typer.echo(f"the market is at {cluster.url}; the first tokens are in {tokens}")


@app.command("status")
def status(data: Data, as_json: AsJson = False) -> None:
    """Tell what runs, where, and whether it works; exit 3 when nothing runs, 1 when not all does.

    Example: databourse cluster status --data ./gx-cluster
    """
    with usable(Exit.UNREACHABLE):
        parts = _cluster(data).parts()
    if as_json:
        typer.echo(json.dumps([part._asdict() for part in parts]))
    else:
        for part in parts:
            state = "works" if part.works else "does not work" if part.running else "does not run"
            typer.echo(f"{part.name:11} {state:14} {part.address}")
    if not any(part.running for part in parts):
        raise typer.Exit(Exit.UNREACHABLE)
    raise typer.Exit(Exit.RIGHT if all(part.works for part in parts) else Exit.FINDING)


@app.command("env")
def env(data: Data, as_json: AsJson = False) -> None:
    """Tell where it is as the environment that the other commands read.

    Example: databourse cluster env --data ./gx-cluster
    """
    cluster = _cluster(data)
    with usable(Exit.UNREACHABLE):
        told = {
            "DATABOURSE_URL": cluster.url,
            "DATABOURSE_LOG": cluster.log,
            "DATABOURSE_DB": cluster.db,
        }
    if as_json:
        typer.echo(json.dumps(told))
        return
    for name, value in told.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command("stop")
def stop(data: Data, as_json: AsJson = False) -> None:
    """Stop all of it; nothing is lost, and a start goes on from there.

    Example: databourse cluster stop --data ./gx-cluster
    """
    with usable(Exit.UNREACHABLE):
        _cluster(data).stop()
    typer.echo(json.dumps({"running": False}) if as_json else "stopped")


def _cluster(data: Path) -> LocalCluster:
    return LocalCluster(data, [name.value for name in Name], own_command)


def _say(line: str) -> None:
    sys.stderr.write(f"databourse: {line}\n")
