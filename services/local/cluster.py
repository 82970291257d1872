"""A whole market on this machine: Apache Kafka, PostgreSQL, and every service under a supervisor.

All of it is in one folder; what is started again has the address it had before.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from services.files import write_whole
from services.local.daemon import Daemon, LocalError
from services.local.kafka import Kafka
from services.local.ports import HOST, free_port, is_free
from services.local.postgres import LocalPostgres

READY_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 45.0  # a service finishes what it has taken
ANSWER_SECONDS_MAX: Final = 2.0
GATEWAY: Final = "gateway"
DEFAULT_PORT: Final = 8321


class Part(NamedTuple):
    """One process as it is told; `works` is whether it says so itself."""

    name: str
    running: bool
    works: bool
    address: str


class LocalCluster:
    """`services` are those it has; `own` is how our command line is called. Every error is a
    LocalError that says what to do.
    """

    def __init__(
        self, folder: Path, services: Sequence[str], own: Callable[[Sequence[str]], Sequence[str]]
    ) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "market"
        self.kafka = Kafka(self.folder / "kafka")
        self.postgres = LocalPostgres(self.folder / "postgres")
        self._services = services
        self._own = own
        self._ports_file = self.folder / "ports.json"
        self._daemons = {
            name: Daemon(self.folder / "services", name, f"the {name} service") for name in services
        }

    @property
    def log(self) -> str:
        return f"kafka://{self.kafka.address()}"

    @property
    def db(self) -> str:
        return self.postgres.url

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._ports()['http']}"

    def start_servers(self, tell: Callable[[str], None]) -> None:
        """Start what the services work with."""
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        _at_once([lambda: self.kafka.start(tell=tell), self.postgres.start])

    def start_services(self, venue: str, port: int | None) -> None:
        """Start the services, for a venue that is prepared, and wait until all of them work."""
        ports = self._settle(port)
        _at_once([partial(self._start, name, venue, ports) for name in self._services])

    def stop(self) -> None:
        """Stop the services, which finish what they have taken, and then the servers."""
        _at_once([partial(self._daemons[name].stop, STOP_SECONDS_MAX) for name in self._services])
        _at_once([self.postgres.stop, self.kafka.stop])

    def kill(self) -> None:
        for daemon in self._daemons.values():
            daemon.stop(STOP_SECONDS_MAX)  # a supervisor that is killed leaves its service
        self.postgres.kill()
        self.kafka.daemon.kill()

    def parts(self) -> list[Part]:
        """Return all there is, the servers first."""
        kafka, postgres, ports = self.kafka.status(), self.postgres.status(), self._ports()
        found = [
            Part("kafka", kafka is not None, self.kafka.is_healthy(), self.log),
            Part("postgres", postgres is not None, postgres is not None, self.db),
        ]
        for name, daemon in self._daemons.items():
            address = self.url if name == GATEWAY else f"http://{HOST}:{ports[name]}"
            found.append(Part(name, bool(daemon.running()), _says_ready(ports[name]), address))
        return found

    def _start(self, name: str, venue: str, ports: dict[str, int]) -> None:
        self._daemons[name].start(
            lambda: self._command(name, venue, ports),
            healthy=lambda: _says_ready(ports[name]),
            wait_seconds=READY_SECONDS_MAX,
        )

    def _command(self, name: str, venue: str, ports: dict[str, int]) -> Sequence[str]:
        where = ["--log", self.log, "--db", self.db, "--venue", venue, "--data", str(self.data)]
        known_as = ["--instance", f"{name}-1", "--health-port", str(ports[name])]
        listens = ["--port", str(ports["http"])] if name == GATEWAY else []
        return self._own(["service", name, *where, *known_as, *listens, "--restart"])

    def _settle(self, port: int | None) -> dict[str, int]:
        """Return everybody's ports, those of before if there are."""
        ports = self._ports() if self._ports_file.exists() else {}
        runs = self._daemons[GATEWAY].running() is not None
        if runs and port not in (None, ports["http"]):
            raise LocalError(f"the gateway runs already, at {self.url}: stop it first")
        ports["http"] = port or ports.get("http") or DEFAULT_PORT
        if not runs and not is_free(ports["http"]):
            raise LocalError(f"port {ports['http']} is in use; choose another with --port")
        for name in self._services:
            while name not in ports or list(ports.values()).count(ports[name]) > 1:
                ports[name] = free_port()
        write_whole(self._ports_file, json.dumps(ports).encode())
        return ports

    def _ports(self) -> dict[str, int]:
        try:
            ports: dict[str, int] = json.loads(self._ports_file.read_text())
        except FileNotFoundError:
            raise LocalError(
                f"no cluster was ever started in {self.folder}: "
                f"`databourse cluster start --data {self.folder}`"
            ) from None
        return ports


def _at_once(actions: Sequence[Callable[[], object]]) -> None:
    """Do all of them; the first error is raised when all have ended."""
    with ThreadPoolExecutor(len(actions)) as pool:
        for done in [pool.submit(action) for action in actions]:
            done.result()


def _says_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=ANSWER_SECONDS_MAX):
            return True
    except (OSError, urllib.error.URLError):
        return False
