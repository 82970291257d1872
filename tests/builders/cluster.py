"""A whole market on Kafka and PostgreSQL: each of its services a process of its own."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from schemas.events.trail import InputsTaken
from schemas.topics import INPUTS, PARTITION_OF_VENUE
from services.audit.sequencer import SEQUENCED
from services.audit.shared import PostgresShelf
from services.audit.shelf import Shelf
from services.clock import Clock
from services.cluster.opening import prepare
from services.local.postgres import LocalPostgres
from streams.kafka.reader import read_to_end
from streams.kafka.settings import KafkaSettings
from streams.log import LogReader
from streams.postgres import PostgresReader
from tests.builders.broker import Broker
from tests.builders.exchange import Exchange
from tests.builders.places import remote
from tests.builders.postgres import new_database
from tests.builders.server import ROOT, Child, wait_for
from tests.builders.trail import records

CLI = ("-m", "services.cli")
SILENT = str(ROOT / "tests" / "e2e" / "silent_gateway.py")
REST_SECONDS_MAX = 60.0
INPUT_TOPICS = frozenset().union(*INPUTS.values())
DECIDERS = ("matching", "settlement")
AUDIT, GATEWAY = "audit", "gateway"


class Service:
    """A process that can be killed, and then started again as the same one."""

    def __init__(self, arguments: tuple[str, ...], errors: Path) -> None:
        self._start = lambda: Child((*arguments, "--health-port", "0"), errors)
        self.child = self._start()

    def start(self) -> None:
        if self.child.process.poll() is not None:
            self.child = self._start()

    def ready(self) -> str:
        """Wait until it works; return what it is reached by, if it serves anything."""
        told = self.child.told()
        wait_for(f"{told['health']}/readyz")
        return str(told.get("url", ""))

    @contextmanager
    def down(self) -> Iterator[None]:
        """Let it be dead for a while."""
        self.kill()
        try:
            yield
        finally:
            self.start()

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

    def service(self, name: str, *options: str, program: tuple[str, ...] = CLI) -> Service:
        arguments = (*program, "service", name, "--log", self.log, *options)
        return Service(arguments, self.folder / f"{name}.stderr")

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
        return remote(self, *more)

    def server(self, *more: str) -> "Services":
        return Services(self, *more)

    def silent(self) -> "Services":
        return Services(self, program=(SILENT,))

    def service(self, name: str, *more: str, program: tuple[str, ...] = CLI) -> Service:
        """Start another audit service or gateway of this venue."""
        options = ("--db", self.cluster.database, "--venue", self.name, "--data", str(self.folder))
        return self.cluster.service(name, *options, *more, program=program)

    def wait_for_rest(self) -> None:
        """Wait until all is in the trail that was ever sent, and every input taken."""
        end = time.monotonic() + REST_SECONDS_MAX
        while self._is_behind() or self._untaken():
            assert time.monotonic() < end, "the venue does not come to rest"

    def _is_behind(self) -> bool:
        """Whether there are committed records that are not in the trail yet."""

        async def ask(start: dict[str, int]) -> bool:
            partition = PARTITION_OF_VENUE[self.name]
            kafka = KafkaSettings.parse(self.cluster.log)
            return any([True async for _ in read_to_end(kafka, partition, start)])

        with closing(self.log()) as log:
            heads = log.heads()
        return asyncio.run(ask({topic: heads.get(topic, 0) for topic in SEQUENCED}))

    def _untaken(self) -> set[tuple[str, int]]:
        """Return the places of the inputs that stand under no seal."""
        untaken: set[tuple[str, int]] = set()
        for record in records(self):
            if isinstance(record.data, InputsTaken):
                for taken in record.data.ranges:
                    untaken -= {(taken.topic, at) for at in range(taken.first, taken.last + 1)}
            elif record.topic in INPUT_TOPICS:
                untaken.add((record.topic, record.offset))
        return untaken

    def log(self) -> LogReader:
        return PostgresReader(self.cluster.database, self.name)

    def shelf(self) -> Shelf:
        return PostgresShelf(self.cluster.database, self.name)

    def options(self, *command: str) -> list[str] | None:
        kafka, database = ["--log", self.cluster.log], ["--db", self.cluster.database]
        match command:
            case ("keys", "list"):
                return ["--data", str(self.folder)]
            case ("catalog", _):
                return None
            case ("doctor", _):
                return [*kafka, *database, "--venue", self.name]
        return [*database, "--venue", self.name]

    def printed(self) -> str:
        return "".join(path.read_text() for path in self.cluster.folder.glob("*.stderr"))


class Services:
    """What serves a venue, all of it at work."""

    def __init__(self, venue: Venue, *more: str, program: tuple[str, ...] = CLI) -> None:
        self._venue = venue
        self.by_name = dict(venue.cluster.deciders())
        self.by_name[AUDIT] = venue.service(AUDIT)
        self.by_name[GATEWAY] = venue.service(GATEWAY, "--port", "0", *more, program=program)
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

    @property
    def pid(self) -> int:
        return self.by_name[GATEWAY].child.pid

    def stop(self) -> int:
        """Stop what is this venue's alone, once all that was sent has come to rest; return the
        highest exit code.
        """
        codes = [self.by_name[GATEWAY].child.stop()]
        self._venue.wait_for_rest()
        return max(*codes, self.by_name[AUDIT].child.stop())
