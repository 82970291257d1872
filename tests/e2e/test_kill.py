"""SIGKILL at random moments: every acknowledged command is there exactly once, and all still
verifies.
"""

import random
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.events import TradeExecuted, TransferPosted
from tests.builders.load import Load, prepare
from tests.builders.places import EMBEDDED, KAFKA, Place, only
from tests.builders.server import Running, Server
from tests.builders.trail import effects, findings, records

SPLIT = str(Path(__file__).with_name("split_server.py"))


@pytest.fixture
def prepared(own_place: Place) -> tuple[Place, Load]:
    return own_place, prepare(own_place)


def kill_again_and_again(
    load: Load, kills: int, start: Callable[[], Running], kill: Callable[[Any], object]
) -> None:
    rng = random.Random(kills)
    for _ in range(kills):
        server = start()
        stop = threading.Event()
        clients = load.run(server.url, stop)
        load.wait_for(rng.randint(15, 80))  # answers, so that a slow machine gives as many
        kill(server)
        stop.set()
        for client in clients:
            client.join()


def survives(place: Place, load: Load, kills: int) -> None:
    kill_again_and_again(load, kills, place.server, lambda server: server.kill())
    nothing_is_lost_or_doubled(place, load, kills)


def nothing_is_lost_or_doubled(place: Place, load: Load, kills: int) -> None:
    last = place.server()
    assert last.stop() == 0
    assert findings(place) == []
    done = effects(place)
    for kind, ids in load.acknowledged.items():
        assert {id: done[id] for id in ids} == dict.fromkeys(ids, 1), kind
        assert len(ids) >= kills // 3, f"too little of {kind} was acknowledged to prove anything"
    assert set(done.values()) == {1}
    moved = Counter(
        record.data.id
        for record in records(place)
        if isinstance(record.data, TransferPosted | TradeExecuted)
    )
    assert set(moved.values()) == {1}, "a transfer or a trade happened twice"


def test_nothing_acknowledged_is_lost_or_doubled_by_kills(prepared: tuple[Place, Load]) -> None:
    survives(*prepared, kills=3)


@only(KAFKA, "own_place")
def test_nothing_acknowledged_is_lost_or_doubled_by_kills_of_single_services(
    prepared: tuple[Any, Load],
) -> None:
    place, load = prepared
    rng = random.Random(7)
    with place.server() as services:
        kill_again_and_again(load, 6, lambda: services, lambda services: services.kill_any(rng))
        assert services.stop() == 0
    nothing_is_lost_or_doubled(place, load, kills=6)


@pytest.mark.long
@only(EMBEDDED, "own_place")  # tests/chaos kills a cluster more often
def test_nothing_acknowledged_is_lost_or_doubled_by_a_hundred_kills(
    prepared: tuple[Place, Load],
) -> None:
    survives(*prepared, kills=100)


@pytest.mark.long
@only(EMBEDDED, "own_place")
def test_a_commit_split_in_two_is_found_out(prepared: tuple[Place, Load]) -> None:
    """The negative control: the same kills on a log whose commit is not one."""
    place, load = prepared
    folder = place.folder
    for _ in range(20):
        kill_again_and_again(load, 1, lambda: Server(folder, SPLIT), lambda server: server.kill())
        try:
            survivor = Server(folder)
        except RuntimeError:
            return  # the log cannot even be opened again
        survivor.stop()
        if findings(folder):
            return
    shutil.rmtree(folder)
    pytest.fail("twenty kills of a split commit left no trace: the test cannot see such a fault")
