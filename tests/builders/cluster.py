"""A whole market on Kafka and PostgreSQL: each of its services a process of its own."""

import asyncio
import random
from pathlib import Path

from schemas.topics import PARTITION_OF_VENUE
from services.audit.shared import PostgresShelf
from services.audit.shelf import Shelf
from services.clock import Clock
from services.cluster.opening import prepare
from services.local.postgres import LocalPostgres
from streams.kafka.settings import KafkaSettings
from streams.log import LogReader
from streams.postgres import PostgresReader
from tests.builders.broker import Broker
from tests.builders.exchange import Exchange, Remote
from tests.builders.postgres import new_database
from tests.builders.server import Child, wait_for

DECIDERS = ("matching", "settlement")
AUDIT, GATEWAY = "audit", "gateway"


class Service:
    """A process that can be killed, and then started again as the same one."""

    def __init__(self, name: str, errors: Path, *options: str) -> None:
        arguments = ("-m", "services.cli", "service", name, *options, "--health-port", "0")
        self._start = lambda: Child(arguments, errors)
        self.child = self._start()

    def start(self) -> None:
        if self.child.process.poll() is not None:
            self.child = self._start()

    def ready(self) -> str:
        """Wait until it works; return what it is reached by, if it serves anything."""
        told = self.child.told()
        wait_for(f"{told['health']}/readyz")
        return str(told.get("url", ""))

    def kill(self) -> None:
        if self.child.process.poll() is None:
            self.child.kill()


class Cluster:
    """A broker, a database, and the deciders of all venues. Each venue is a market by itself."""

    def __init__(self, folder: Path, postgres: LocalPostgres) -> None:
        self.folder = folder
        self.broker = Broker(folder / "broker")
        self.broker.start()
        self.log = f"kafka://{self.broker.address}"
        self.database = new_database(postgres)
        self._unused = list(PARTITION_OF_VENUE)
        self._deciders: dict[str, Service] = {}

    @property
    def has_room(self) -> bool:
        return bool(self._unused)

    def venue(self, folder: Path) -> "Venue":
        """Return a place where no market has been yet."""
        return Venue(self, self._unused.pop(0), folder)

    def service(self, name: str, *options: str) -> Service:
        return Service(name, self.folder / f"{name}.stderr", "--log", self.log, *options)

    def deciders(self) -> dict[str, Service]:
        """Return them at work."""
        for name in DECIDERS:
            if name in self._deciders:
                self._deciders[name].start()
            else:
                options = ("--instance", f"{name}-1", "--data", str(self.folder))
                self._deciders[name] = self.service(name, *options)
        return self._deciders

    def close(self) -> None:
        for service in self._deciders.values():
            service.kill()
        self.broker.kill()


class Venue:
    """A place on a cluster; `folder` has keys, content and the first tokens."""

    def __init__(self, cluster: Cluster, name: str, folder: Path) -> None:
        self.cluster, self.name, self.folder = cluster, name, folder
        folder.mkdir(parents=True, exist_ok=True)
        kafka = KafkaSettings.parse(cluster.log)
        asyncio.run(prepare(kafka, cluster.database, name, folder, Clock()))

    def market(self, *, private_webhooks: bool = False) -> Exchange:
        more = ("--allow-private-webhooks",) if private_webhooks else ()
        return Remote(self.server(*more), self.folder, self.log)

    def server(self, *more: str) -> "Services":
        return Services(self, *more)

    def service(self, name: str, *more: str) -> Service:
        """Start another audit service or gateway of this venue."""
        options = ("--db", self.cluster.database, "--venue", self.name, "--data", str(self.folder))
        return self.cluster.service(name, *options, *more)

    def log(self) -> LogReader:
        return PostgresReader(self.cluster.database, self.name)

    def shelf(self) -> Shelf:
        return PostgresShelf(self.cluster.database, self.name)


class Services:
    """What serves a venue, all of it at work."""

    def __init__(self, venue: Venue, *more: str) -> None:
        self.by_name = dict(venue.cluster.deciders())
        self.by_name[AUDIT] = venue.service(AUDIT)
        self.by_name[GATEWAY] = venue.service(GATEWAY, "--port", "0", *more)
        self.url = self.by_name[GATEWAY].ready()

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        for service in self.by_name.values():
            service.kill()

    def kill_any(self, rng: random.Random) -> str:
        """SIGKILL one of them, and start it again; return which."""
        name = rng.choice(sorted(self.by_name))
        self.by_name[name].kill()
        self.by_name[name].start()
        if name == GATEWAY:
            self.url = self.by_name[name].ready()
        return name

    def stop(self) -> int:
        """Stop what is this venue's alone; return the highest exit code."""
        return max([self.by_name[name].child.stop() for name in (GATEWAY, AUDIT)])
