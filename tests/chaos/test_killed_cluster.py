"""The whole of it: 100,000 commands, 200 kills of services and 20 of the broker itself."""

import asyncio
from pathlib import Path

import pytest

from tests.builders.broker import Broker
from tests.builders.crash import kill_under_load, url
from tests.builders.worker import command

pytestmark = pytest.mark.chaos


def test_a_hundred_thousand_commands_through_two_hundred_and_twenty_kills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = {"service": 200, "broker": 20, "loader": 20}
    with Broker(tmp_path / "broker") as broker:
        services = {
            name: command(url(broker), name, snapshot_every_events=5_000)
            for name in ("matching-1", "matching-2", "settlement-1", "settlement-2")
        }
        run = asyncio.run(kill_under_load(broker, tmp_path, services, kills, 25_000, seed=220))
    with capsys.disabled():
        print(f"\n{run}")  # noqa: T201  the figures of the whole
    assert run.rested
    assert run.count.faults == []
    assert run.count.commands > 100_000
    assert run.count.aborted > 0  # some died within a transaction
