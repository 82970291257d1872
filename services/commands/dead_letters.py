"""`databourse dead-letters`: what services on a cluster could not read and put aside."""

import asyncio
import json
from typing import Annotated, Any

import typer

from schemas.envelope import iso_time
from services.cluster.dead_letters import Put, dead_letters, retry
from services.commands import Exit, UsageError
from services.commands.cluster_options import on_kafka, venue_named
from services.commands.options import AsJson, Venue
from streams.kafka.settings import KafkaSettings
from streams.log import LogError

app = typer.Typer(
    help="What services could not read and put aside: list, show, retry.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="Its id, as `list` tells it.")]


@app.command("list")
@on_kafka()
def list_command(kafka: KafkaSettings, venue: Venue = "gx", as_json: AsJson = False) -> None:
    """List a venue's: where each stood, how large it is and why it was not readable.

    Example: databourse dead-letters list --log kafka://127.0.0.1:9092
    """
    found = _found(kafka, venue)
    if as_json:
        typer.echo(json.dumps([_about(put) for put in found]))
        return
    for put in found:
        about = _about(put)
        typer.echo(f"{about['id']}  {about['at']}  {about['size_bytes']} bytes  {about['reason']}")
    typer.echo(f"{len(found)} dead letters of {venue}")


@app.command("show")
@on_kafka()
def show_command(
    kafka: KafkaSettings,
    name: Name,
    venue: Venue = "gx",
    raw: Annotated[
        bool, typer.Option("--raw", help="Its bytes too. They may be a bid that is sealed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one, without what is in it.

    Example: databourse dead-letters show settlement.commands-0-17 --log kafka://127.0.0.1:9092
    """
    put = _named(_found(kafka, venue), name)
    shown = _about(put)
    if raw:
        shown["value_base64"] = put.letter.value
        shown["headers_base64"] = {header.name: header.value for header in put.letter.headers}
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=None if as_json else 2))


@app.command("retry")
@on_kafka()
def retry_command(
    kafka: KafkaSettings,
    name: Name,
    venue: Venue = "gx",
    again: Annotated[
        bool, typer.Option("--again", help="Even if it was sent again before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a command once more, after what made it unreadable has been mended.

    It keeps its id, so the rules take it once. Exit 1 when it still cannot be read.

    Example: databourse dead-letters retry settlement.commands-0-17 --log kafka://127.0.0.1:9092
    """
    put = _named(_found(kafka, venue), name)
    try:
        retried = asyncio.run(retry(kafka, put, again=again))
    except LogError as error:
        raise UsageError(str(error), Exit.FINDING) from error
    place = f"{put.letter.topic} at {retried.offset}"
    if as_json:
        typer.echo(json.dumps({"id": name, **retried._asdict()}))
    elif retried.before:
        typer.echo(f"{name} was sent again before, to {place}; --again sends it once more")
    else:
        typer.echo(f"{name} was sent to {place}")


def _found(kafka: KafkaSettings, venue: str) -> list[Put]:
    try:
        return asyncio.run(dead_letters(kafka, venue_named(venue)))
    except LogError as error:
        raise UsageError(str(error), Exit.UNREACHABLE) from error


def _named(found: list[Put], name: str) -> Put:
    for put in found:
        if put.letter.id == name:
            return put
    raise UsageError(f"there is no dead letter {name!r}; `databourse dead-letters list` has them")


def _about(put: Put) -> dict[str, Any]:
    letter = put.letter
    return {
        "id": letter.id,
        "service": put.service,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "at": iso_time(letter.at_ms),
        "size_bytes": len(put.value),
        "reason": letter.reason,
    }
