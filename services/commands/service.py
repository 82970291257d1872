"""`databourse service`: one process of a market that runs on Kafka and PostgreSQL."""

import json
import socket
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from schemas.topics import Service
from services.clock import Clock
from services.cluster.auditing import Auditing
from services.cluster.gateway import Edge, Gateway
from services.cluster.shell import Work, run
from services.cluster.supervisor import Supervisor, own_command
from services.commands import UsageError
from services.commands.cluster_options import on_kafka, venue_named
from services.commands.edge_options import (
    ADDRESS,
    FAILED,
    HOST,
    PARTY,
    PORT,
    Host,
    Port,
    PrivateWebhooks,
    Proxy,
    RateLimit,
    RateLimitAddress,
    RateLimitFailed,
    address_of,
    edge_settings,
    listen,
)
from services.commands.options import AsJson, Data, DatabaseUrl, Venue, data_folder
from streams.kafka.settings import KafkaSettings
from streams.kafka.worker import Worker

app = typer.Typer()


class Name(StrEnum):
    MATCHING = "matching"
    SETTLEMENT = "settlement"
    AUDIT = "audit"
    GATEWAY = "gateway"
    WATCH = "watch"


class Place(NamedTuple):
    """What a service is given to work with; a gateway listens."""

    kafka: KafkaSettings
    database: str
    venue: str
    folder: Path
    instance: str | None
    edge: Edge
    listener: socket.socket | None


def _decider(service: Service) -> Callable[[Place], Work]:
    return lambda place: Worker(place.kafka, service, Clock(), place.instance)


def _audit(place: Place) -> Work:
    return Auditing(place.kafka, place.database, place.venue, place.folder, Clock())


def _gateway(place: Place) -> Work:
    assert place.listener is not None, "a gateway listens"
    return Gateway(
        place.kafka, place.database, place.venue, place.folder, place.listener, place.edge
    )


def _watch(place: Place) -> Work:
    from services.watch.app import WatchWork  # Faust takes a second to load

    return WatchWork(place.kafka, place.instance)


_MAKERS: Final[dict[Name, Callable[[Place], Work]]] = {
    Name.MATCHING: _decider(Service.MATCHING),
    Name.SETTLEMENT: _decider(Service.SETTLEMENT),
    Name.AUDIT: _audit,
    Name.GATEWAY: _gateway,
    Name.WATCH: _watch,
}
_ON_THE_DATABASE: Final = frozenset({Name.AUDIT, Name.GATEWAY})


@app.command("service")
@on_kafka()
def service(
    kafka: KafkaSettings,
    name: Annotated[Name, typer.Argument(help="Which of the services.")],
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
    host: Host = HOST,
    port: Port = PORT,
    rate_limit: RateLimit = PARTY,
    rate_limit_address: RateLimitAddress = ADDRESS,
    rate_limit_failed: RateLimitFailed = FAILED,
    proxy: Proxy = "",
    private_webhooks: PrivateWebhooks = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start it again when it has to be, as a supervisor.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run one service of a market on Kafka until stopped by Ctrl-C or SIGTERM.

    After a fault in a commit it ends with exit code 75 and has to be started again; with --restart
    it does that itself. matching, settlement and watch serve all venues, shared among their twins;
    the others one venue. Port and rate limits are the gateway's.

    Example: databourse service matching --log kafka://127.0.0.1:9092 --instance matching-1
    """
    if restart:
        arguments = [argument for argument in sys.argv[1:] if argument != "--restart"]
        raise typer.Exit(Supervisor(own_command(arguments)).run())
    if name in _ON_THE_DATABASE and not db:
        raise UsageError(f"{name} needs --db postgresql://USER@HOST:PORT/NAME")
    limits = edge_settings(rate_limit, rate_limit_address, rate_limit_failed)
    place = Place(
        kafka,
        db,
        venue_named(venue),
        data_folder(data),
        instance or None,
        Edge(limits, proxy, private_webhooks),
        listen(host, port) if name is Name.GATEWAY else None,
    )
    health = None if health_port is None else listen(host, health_port)
    _tell(name, place, health, as_json)
    run(name.value, lambda: _MAKERS[name](place), health)


def _tell(name: Name, place: Place, health: socket.socket | None, as_json: bool) -> None:
    """Say where the service is to be found, before it takes up work."""
    found = {
        what: address_of(listener)
        for what, listener in (("url", place.listener), ("health", health))
        if listener is not None
    }
    if as_json:
        typer.echo(json.dumps({"service": name, "instance": place.instance, **found}))
    else:
        for what, url in found.items():
            typer.echo(f"{name}: {what} {url}")
    sys.stdout.flush()
