"""Services and broker are killed while a market on Kafka is busy: nothing is lost, nothing doubled,
and each venue's order is kept. The whole is `tests/chaos/test_killed_cluster.py`.
"""

import asyncio
from pathlib import Path

import pytest

from services.cluster.supervisor import own_command
from tests.builders.broker import Broker
from tests.builders.crash import kill_under_load, url
from tests.builders.worker import command

pytestmark = pytest.mark.long
NAMES = ("matching-1", "matching-2", "settlement-1", "settlement-2")


def service_of(name: str) -> str:
    return name.partition("-")[0]


def test_killed_services_and_brokers_lose_and_double_nothing(
    own_broker: Broker, tmp_path: Path
) -> None:
    services = {
        name: own_command(
            ["service", service_of(name), "--log", url(own_broker), "--instance", name]
        )
        for name in NAMES
    }
    kills = {"service": 15, "broker": 2, "loader": 2}
    run = asyncio.run(kill_under_load(own_broker, tmp_path, services, kills, 1_000, seed=1))
    assert run.rested
    assert run.count.faults == []
    assert run.count.commands > 4_000
    assert run.count.takers > 15
    assert run.exits[0] == 4  # and each of them ended rightly when it was told to


def test_without_transactions_the_same_loses_or_doubles(own_broker: Broker, tmp_path: Path) -> None:
    """What the test above finds nothing of is there to be found: a service that was killed between
    its events and their seal refuses to go on, or does its work again.
    """
    services = {name: command(url(own_broker), name, committer="loose") for name in NAMES}
    run = asyncio.run(
        kill_under_load(
            own_broker, tmp_path, services, {"service": 8}, 300, seed=2, rest_seconds_max=20
        )
    )
    assert run.count.lost or run.count.doubled
