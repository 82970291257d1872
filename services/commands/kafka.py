"""`databourse kafka`: a local Apache Kafka, for trying the market on it and for its tests."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.commands import Exit
from services.commands.folders import usable
from services.commands.options import AsJson
from services.local.daemon import LocalError, Stopped
from services.local.kafka import HEAP, STOP_SECONDS_MAX, TITLE, Kafka

app = typer.Typer(
    help="An Apache Kafka on this machine: start, stop, status. It needs Java, and Maven once.",
    no_args_is_help=True,
)
Data = Annotated[
    Path, typer.Option("--data", envvar="DATABOURSE_KAFKA_DATA", help="The broker's own folder.")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=1,
        max=65_535,
        envvar="DATABOURSE_KAFKA_PORT",
        help="[default: as before, or a free one]",
    ),
]
Heap = Annotated[
    str,
    typer.Option("--heap", envvar="DATABOURSE_KAFKA_HEAP", help="Java's memory: 512m, 2g."),
]


@app.command("start")
def start(data: Data, port: Port = None, heap: Heap = HEAP, as_json: AsJson = False) -> None:
    """Start Apache Kafka in a folder and wait until it is healthy; it goes on in the background.

    Its jars are downloaded by Maven, once. Where it runs already, that is told and nothing is done.

    Example: databourse kafka start --data ./gx-kafka
    """
    kafka = Kafka(data)
    with usable(Exit.UNREACHABLE):
        started = kafka.start(port, heap, _say)
    _tell(kafka, as_json, started=started)


@app.command("status")
def status(data: Data, as_json: AsJson = False) -> None:
    """Tell where it runs and since when; exit 3 when it does not, 1 when it does not answer.

    Example: databourse kafka status --data ./gx-kafka
    """
    kafka = Kafka(data)
    with usable(Exit.FINDING):
        if kafka.status() is None:
            _stopped(kafka, as_json)
            raise typer.Exit(Exit.UNREACHABLE)
        _tell(kafka, as_json)
        if not kafka.is_healthy():
            raise LocalError(f"{TITLE} does not answer; its log is in {kafka.folder}/logs")


@app.command("stop")
def stop(data: Data, as_json: AsJson = False) -> None:
    """Stop it; its records stay, and its next start has the same address.

    Example: databourse kafka stop --data ./gx-kafka
    """
    kafka = Kafka(data)
    with usable(Exit.UNREACHABLE):
        ended = kafka.stop()
    if ended is Stopped.KILLED and not as_json:
        _say(f"{TITLE} had not ended after {STOP_SECONDS_MAX:g} s, so it was killed")
    if as_json:
        typer.echo(json.dumps({"running": False, "was": ended}))
    else:
        typer.echo(f"{TITLE} in {kafka.folder}: {ended.replace('_', ' ')}")


def _say(line: str) -> None:
    sys.stderr.write(f"databourse: {line}\n")


def _tell(kafka: Kafka, as_json: bool, **more: bool) -> None:
    status = kafka.status()
    if status is None:
        raise LocalError(f"{TITLE} has just ended")
    if as_json:
        log = f"kafka://{status.address}"
        typer.echo(json.dumps({"running": True, "log": log, **status._asdict(), **more}))
        return
    already = "" if more.get("started", True) else " already"
    typer.echo(
        f"{TITLE} {status.version} runs{already} at kafka://{status.address} "
        f"(pid {status.pid}, up {status.uptime_seconds} s)"
    )


def _stopped(kafka: Kafka, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"running": False}))
    else:
        typer.echo(f"{TITLE} does not run in {kafka.folder}")
