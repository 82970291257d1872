"""`databourse migrate`: make a cluster ready for a venue, or bring it up to this version."""

import asyncio
import json

import typer

from services.clock import Clock
from services.cluster.opening import prepare
from services.commands.cluster_options import on_kafka, venue_named
from services.commands.folders import usable
from services.commands.options import AsJson, Data, DatabaseUrl, Venue, data_folder
from streams.kafka.settings import KafkaSettings

app = typer.Typer()


@app.command("migrate")
@on_kafka()
def migrate(
    kafka: KafkaSettings,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make the topics and tables that are missing, and open the venue if it is new.

    Done again it changes nothing. The data folder gets the keys and the first tokens.

    Example: databourse migrate --log kafka://127.0.0.1:9092 --db postgresql://gx@127.0.0.1/gx
    """
    folder = data_folder(data)
    with usable():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = asyncio.run(prepare(kafka, db, venue_named(venue), folder, Clock()))
    if as_json:
        typer.echo(json.dumps(made._asdict()))
        return
    typer.echo(f"new topics: {', '.join(made.topics) or 'none'}")
    typer.echo(f"venue {venue} {'is open now' if made.opened else 'was open before'}")
