"""`databourse service`: one process of a market that runs on Kafka and PostgreSQL."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from schemas.topics import Service
from services.clock import Clock
from services.cluster.shell import Work, run
from services.cluster.supervisor import Supervisor, own_command
from services.commands.cluster_options import (
    DEFAULT_MECHANISM,
    DatabaseUrl,
    KafkaCaFile,
    KafkaCertFile,
    KafkaKeyFile,
    KafkaMechanism,
    KafkaPasswordFile,
    KafkaUser,
    LogUrl,
    Venue,
    kafka_settings,
    venue_named,
)
from services.commands.options import Data, data_folder
from services.commands.serve import listen
from streams.kafka.settings import KafkaSettings
from streams.kafka.worker import Worker

app = typer.Typer()


class Name(StrEnum):
    MATCHING = "matching"
    SETTLEMENT = "settlement"


class Place(NamedTuple):
    """What a service is given to work with."""

    kafka: KafkaSettings
    database: str
    venue: str
    folder: Path
    instance: str | None


def _decider(service: Service) -> Callable[[Place], Work]:
    return lambda place: Worker(place.kafka, service, Clock(), place.instance)


_MAKERS: Final[dict[Name, Callable[[Place], Work]]] = {
    Name.MATCHING: _decider(Service.MATCHING),
    Name.SETTLEMENT: _decider(Service.SETTLEMENT),
}


@app.command("service")
def service(
    name: Annotated[Name, typer.Argument(help="Which of the services.")],
    log: LogUrl = "",
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    data: Data = None,
    instance: Annotated[
        str,
        typer.Option(
            "--instance",
            envvar="DATABOURSE_INSTANCE",
            help="Its lasting name among its twins: matching-1. Its partitions wait for it.",
        ),
    ] = "",
    health_port: Annotated[
        int | None,
        typer.Option(
            "--health-port",
            envvar="DATABOURSE_HEALTH_PORT",
            help="Tell of /healthz, /readyz, /metrics there; 0 takes any free port.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", envvar="DATABOURSE_HOST", help="Loopback unless told.")
    ] = "127.0.0.1",
    restart: Annotated[
        bool, typer.Option("--restart", help="Start it again when it has to be, as a supervisor.")
    ] = False,
    kafka_user: KafkaUser = "",
    kafka_password_file: KafkaPasswordFile = None,
    kafka_mechanism: KafkaMechanism = DEFAULT_MECHANISM,
    kafka_ca_file: KafkaCaFile = None,
    kafka_cert_file: KafkaCertFile = None,
    kafka_key_file: KafkaKeyFile = None,
) -> None:
    """Run one service of a market on Kafka until stopped by Ctrl-C or SIGTERM.

    After a fault in a commit it ends with exit code 75 and has to be started again; with --restart
    it does that itself. matching and settlement serve all venues, shared among their twins; the
    others one venue.

    Example: databourse service matching --log kafka://127.0.0.1:9092 --instance matching-1
    """
    if restart:
        arguments = [argument for argument in sys.argv[1:] if argument != "--restart"]
        raise typer.Exit(Supervisor(own_command(arguments)).run())
    settings = kafka_settings(
        log,
        kafka_user,
        kafka_password_file,
        kafka_mechanism,
        kafka_ca_file,
        kafka_cert_file,
        kafka_key_file,
    )
    place = Place(settings, db, venue_named(venue), data_folder(data), instance or None)
    health = None if health_port is None else listen(host, health_port)
    run(name.value, lambda: _MAKERS[name](place), health)
