"""`databourse migrate`: make a cluster ready for a venue, or bring it up to this version."""

import asyncio
import json

import typer

from services.clock import Clock
from services.cluster.opening import prepare
from services.commands.cluster_options import (
    DEFAULT_MECHANISM,
    KafkaCaFile,
    KafkaCertFile,
    KafkaKeyFile,
    KafkaMechanism,
    KafkaPasswordFile,
    KafkaUser,
    LogUrl,
    kafka_settings,
    venue_named,
)
from services.commands.folders import usable
from services.commands.options import AsJson, Data, DatabaseUrl, Venue, data_folder

app = typer.Typer()


@app.command("migrate")
def migrate(
    log: LogUrl = "",
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    data: Data = None,
    as_json: AsJson = False,
    kafka_user: KafkaUser = "",
    kafka_password_file: KafkaPasswordFile = None,
    kafka_mechanism: KafkaMechanism = DEFAULT_MECHANISM,
    kafka_ca_file: KafkaCaFile = None,
    kafka_cert_file: KafkaCertFile = None,
    kafka_key_file: KafkaKeyFile = None,
) -> None:
    """Make the topics and tables that are missing, and open the venue if it is new.

    Done again it changes nothing. The data folder gets the keys and the first tokens.

    Example: databourse migrate --log kafka://127.0.0.1:9092 --db postgresql://gx@127.0.0.1/gx
    """
    settings = kafka_settings(
        log,
        kafka_user,
        kafka_password_file,
        kafka_mechanism,
        kafka_ca_file,
        kafka_cert_file,
        kafka_key_file,
    )
    folder = data_folder(data)
    with usable():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = asyncio.run(prepare(settings, db, venue_named(venue), folder, Clock()))
    if as_json:
        typer.echo(json.dumps(made._asdict()))
        return
    typer.echo(f"new topics: {', '.join(made.topics) or 'none'}")
    typer.echo(f"venue {venue} {'is open now' if made.opened else 'was open before'}")
