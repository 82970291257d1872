"""Workers stand still, come and go, and the broker is away for a while: nothing is lost or doubled,
nobody commits in another's place, and all goes on by itself. The whole is in `tests/chaos`.
"""

import asyncio
from pathlib import Path

import pytest

from services.commands import Exit
from tests.builders.broker import Broker
from tests.builders.changing import RECOVERY_SECONDS_MAX, be_away, come_and_go
from tests.builders.stalling import stall

pytestmark = pytest.mark.long
GONE = {Exit.RIGHT, -15}  # -15: told to go before it had begun


def test_a_worker_that_stood_still_is_fenced(own_broker: Broker, tmp_path: Path) -> None:
    stalls = asyncio.run(stall(own_broker, tmp_path, rounds=6, seed=3))
    assert stalls.run.rested
    assert stalls.run.count.faults == []
    assert stalls.fenced == stalls.stalled == 6
    assert stalls.reasons.keys() <= {"ProducerFenced", "TimeoutError"}  # the latter: too long ago


def test_workers_come_and_go_under_load(own_broker: Broker, tmp_path: Path) -> None:
    changes = asyncio.run(come_and_go(own_broker, tmp_path, cycles=2, seed=4))
    assert changes.run.rested
    assert changes.run.count.faults == []
    assert changes.left.keys() <= GONE
    assert changes.left.total() == 2 * 4


def test_a_broker_that_was_away_is_found_again(own_broker: Broker, tmp_path: Path) -> None:
    away = asyncio.run(be_away(own_broker, tmp_path, [2.0, 9.0, 17.0]))
    assert away.run.rested
    assert away.run.count.faults == []
    assert max(away.seconds) < RECOVERY_SECONDS_MAX
