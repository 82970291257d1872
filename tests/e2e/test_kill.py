"""SIGKILL at random moments: every acknowledged command is there exactly once, and all still
verifies.
"""

import random
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest

from schemas.events import TradeExecuted, TransferPosted
from tests.builders.load import Load, prepare
from tests.builders.server import Server
from tests.builders.trail import effects, findings, records

SPLIT = str(Path(__file__).with_name("split_server.py"))


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[Path, Load]:
    folder = tmp_path / "market"
    return folder, prepare(folder)


def kill_again_and_again(folder: Path, load: Load, kills: int, *command: str) -> None:
    rng = random.Random(kills)
    for _ in range(kills):
        server = Server(folder, *command)
        stop = threading.Event()
        clients = load.run(server.url, stop)
        load.wait_for(rng.randint(15, 80))  # answers, so that a slow machine gives as many
        server.kill()
        stop.set()
        for client in clients:
            client.join()


def survives(folder: Path, load: Load, kills: int) -> None:
    kill_again_and_again(folder, load, kills)
    last = Server(folder)
    assert last.stop() == 0
    assert findings(folder) == []
    done = effects(folder)
    for kind, ids in load.acknowledged.items():
        assert {id: done[id] for id in ids} == dict.fromkeys(ids, 1), kind
        assert len(ids) >= kills // 3, f"too little of {kind} was acknowledged to prove anything"
    assert set(done.values()) == {1}
    moved = Counter(
        record.data.id
        for record in records(folder)
        if isinstance(record.data, TransferPosted | TradeExecuted)
    )
    assert set(moved.values()) == {1}, "a transfer or a trade happened twice"


def test_nothing_acknowledged_is_lost_or_doubled_by_kills(prepared: tuple[Path, Load]) -> None:
    survives(*prepared, kills=3)


@pytest.mark.long
def test_nothing_acknowledged_is_lost_or_doubled_by_a_hundred_kills(
    prepared: tuple[Path, Load],
) -> None:
    survives(*prepared, kills=100)


@pytest.mark.long
def test_a_commit_split_in_two_is_found_out(prepared: tuple[Path, Load], tmp_path: Path) -> None:
    """The negative control: the same kills on a log whose commit is not one."""
    folder, load = prepared
    for _ in range(20):
        kill_again_and_again(folder, load, 1, SPLIT)
        try:
            survivor = Server(folder)
        except RuntimeError:
            return  # the log cannot even be opened again
        survivor.stop()
        if findings(folder):
            return
    shutil.rmtree(folder)
    pytest.fail("twenty kills of a split commit left no trace: the test cannot see such a fault")
