"""The whole of what `tests/integration/test_changing_cluster.py` does a few times: 50 workers that
stood still, 20 times 1 -> 3 -> 2 -> 1 workers, and 20 times a broker that is away for up to 20 s.
"""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.broker import Broker
from tests.builders.changing import RECOVERY_SECONDS_MAX, be_away, come_and_go
from tests.builders.crash import Run
from tests.builders.stalling import stall

pytestmark = pytest.mark.chaos
Tell = Callable[[object], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Say the figures of a run, whatever is captured."""

    def say(figures: object) -> None:
        with capsys.disabled():
            print(f"\n{figures}")  # noqa: T201

    return say


def no_faults(run: Run) -> None:
    assert run.rested
    assert run.count.faults == []


def test_fifty_workers_that_stood_still_are_fenced(tmp_path: Path, tell: Tell) -> None:
    with Broker(tmp_path / "broker") as broker:
        stalls = asyncio.run(stall(broker, tmp_path, rounds=50, seed=50))
    tell(stalls)
    no_faults(stalls.run)
    assert stalls.fenced == stalls.stalled == 50
    assert stalls.reasons.keys() <= {"ProducerFenced", "TimeoutError"}  # the latter: too long ago


def test_twenty_times_three_then_two_then_one(tmp_path: Path, tell: Tell) -> None:
    with Broker(tmp_path / "broker") as broker:
        changes = asyncio.run(come_and_go(broker, tmp_path, cycles=20, seed=20))
    tell(changes)
    no_faults(changes.run)
    assert changes.left.total() == 20 * 4


def test_twenty_times_the_broker_is_away(tmp_path: Path, tell: Tell) -> None:
    pauses = [float(seconds) for seconds in range(1, 21)]
    random.Random(21).shuffle(pauses)
    with Broker(tmp_path / "broker") as broker:
        away = asyncio.run(be_away(broker, tmp_path, pauses))
    tell(away)
    no_faults(away.run)
    assert max(away.seconds) < RECOVERY_SECONDS_MAX
