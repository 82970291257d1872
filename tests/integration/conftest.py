"""Real components for tests: one per test run, shared by its processes; or one's own."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.broker import Broker, shared_broker


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all processes of a test run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def broker(shared_folder: Path) -> Iterator[Broker]:
    """A running Apache Kafka. Others use it too: keep to topics and ids that begin with `prefix`,
    and do not stop it.
    """
    with shared_broker(shared_folder / "broker") as broker:
        yield broker


@pytest.fixture
def prefix() -> str:
    """The beginning of the names of this test's topics, groups and transactional ids."""
    return f"t{secrets.token_hex(4)}."


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A running Apache Kafka of the test's own, to be killed and paused."""
    with Broker(tmp_path / "broker") as broker:
        yield broker
