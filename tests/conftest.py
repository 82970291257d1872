"""What all tests share: how hypothesis works here, and the real servers of a run."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from services.local.postgres import LocalPostgres
from tests.builders import broker as broker_builder
from tests.builders import postgres as postgres_builder
from tests.builders.broker import Broker
from tests.builders.cluster import Cluster
from tests.builders.places import EMBEDDED, ON_BOTH, Folder, Place
from tests.builders.shared import shared

# No time limit for one example: the machine may be busy, and slow is not wrong.
settings.register_profile("databourse", deadline=None, print_blob=True)
settings.load_profile("databourse")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """The run's PostgreSQL, for all workers. A test that stops or kills one takes
    `own_server` instead.
    """
    start, end = postgres_builder.start, postgres_builder.end
    with shared(tmp_path_factory, "postgres", start, end) as folder:
        yield LocalPostgres(Path(folder))


@pytest.fixture
def database(postgres: LocalPostgres) -> str:
    """The URL of a new, empty database."""
    return postgres_builder.new_database(postgres)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The run's Apache Kafka, for all workers: a test keeps to names that begin with its `prefix`.
    One that stops, kills or pauses it takes `own_broker` instead.
    """
    with shared(tmp_path_factory, "broker", broker_builder.start, broker_builder.end) as folder:
        yield Broker(Path(folder))


@pytest.fixture
def prefix() -> str:
    """The beginning of the names of this test's topics, groups and transactional ids."""
    return f"t{secrets.token_hex(4)}."


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """An Apache Kafka of the test's own, at work."""
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture(scope="session")
def new_place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Place]]:
    """Makes places for new markets, of which a worker has one on a cluster at a time."""
    opened: list[Cluster] = []

    def make(kind: str) -> Place:
        folder = tmp_path_factory.mktemp(kind)
        if kind == EMBEDDED:
            return Folder(folder / "market")
        if not opened or not opened[-1].has_room:
            while opened:
                opened.pop().close()
            opened.append(Cluster(folder / "cluster", request.getfixturevalue("postgres")))
        return opened[-1].venue(folder / "market")

    yield make
    while opened:
        opened.pop().close()


@pytest.fixture(scope="module", params=ON_BOTH)
def place(request: pytest.FixtureRequest, new_place: Callable[[str], Place]) -> Place:
    """A place for the market of the module, on each of the two logs."""
    return new_place(request.param)


@pytest.fixture(params=ON_BOTH)
def own_place(request: pytest.FixtureRequest, new_place: Callable[[str], Place]) -> Place:
    """A place for a market of the test's own."""
    return new_place(request.param)
