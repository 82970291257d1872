"""The watch beside the market: what it says is on the log once, whatever happens in between."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from schemas.envelope import Record, decode_record, encode
from schemas.events import AlertRaised, AlertRule, IndexPointPublished
from schemas.topics import TOPIC_NAMED, Service
from services.audit.replay import replay_log
from services.audit.verify import verify_log
from services.watch.loop import WatchLoop
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.log import Entry, LogBroken, Stored
from streams.memory import MemoryLog
from streams.runner import CascadeRunner
from streams.watching import CURSOR, Watcher
from tests.builders.days import run
from tests.builders.market import T0
from tests.unit.test_checkpoint import VERIFIER


def said(log: MemoryLog) -> list[Record]:
    """Return what the watch has written to a log."""
    records = [decode_record(body) for _, body in log.read(0)]
    return [record for record in records if TOPIC_NAMED[record.topic].writer is Service.WATCH]


def spoken(log: MemoryLog) -> list[tuple]:
    return [(record.data, record.correlationid, record.causationid) for record in said(log)]


def commit(runner: CascadeRunner, watcher: Watcher, limit: int = 10_000) -> None:
    reports = watcher.take(limit=limit)
    addition = watcher.addition(reports)
    if addition is not None:
        runner.run_now([], [addition])


@pytest.fixture
def whole() -> MemoryLog:
    """A log of ten days on which the watch has said its word at the end."""
    log = MemoryLog()
    commit(run(log), Watcher(log))
    return log


def test_every_rule_and_level_is_among_what_it_says(whole: MemoryLog) -> None:
    messages = [record.data for record in said(whole)]
    assert {one.rule for one in messages if isinstance(one, AlertRaised)} == set(AlertRule)
    levels = Counter(one.level for one in messages if isinstance(one, IndexPointPublished))
    assert set(levels) == {"composite", "field", "data_set"}
    assert min(levels.values()) >= 9


def test_what_it_says_is_a_leaf_of_the_trail_that_verifies_and_is_not_decided_again(
    whole: MemoryLog,
) -> None:
    problems = [found.problem for found in verify_log(whole, [], VERIFIER).findings]
    assert problems == ["there is no checkpoint to hold the records against"]
    assert replay_log(whole).findings == []
    records = said(whole)
    assert {record.sequence for record in records} == {0}
    assert {record.source for record in records} == {"gx/watch"}
    assert all(record.id == record.data.id for record in records)
    ids = {decode_record(body).id for _, body in whole.read(0)}
    for record in records:
        assert record.causationid in ids
        if isinstance(record.data, AlertRaised):
            assert set(record.data.evidence) <= ids


@pytest.mark.parametrize("seed", range(3))
def test_restarts_at_any_place_leave_each_word_on_the_log_once(whole: MemoryLog, seed: int) -> None:
    """A watch that ends before or behind a commit is followed by one that reads the log anew."""
    rng, log = random.Random(seed), MemoryLog()
    runner = run(log)
    watcher = Watcher(log)
    while watcher.position < log.size:
        commit(runner, watcher, limit=rng.randint(1, 40))
        match rng.randrange(3):
            case 0:
                watcher = Watcher(log)
            case 1:
                watcher.take(limit=rng.randint(1, 40))  # and it ends before it could say it
                watcher = Watcher(log)
    assert spoken(log) == spoken(whole)


def test_a_snapshot_gives_the_same_state_as_the_records(whole: MemoryLog) -> None:
    log = MemoryLog()
    runner = run(log)
    watcher = Watcher(log, snapshot_every=100)
    while watcher.position < log.size:
        commit(runner, watcher, limit=30)
    assert log.snapshots("watch")
    assert log.snapshots("watch")[0].position <= log.heads()[CURSOR]
    again = Watcher(log)
    log._snapshots.clear()
    assert encode(again.state) == encode(Watcher(log).state)
    assert spoken(log) == spoken(whole)


def test_a_record_that_cannot_be_read_stops_it() -> None:
    log = MemoryLog()
    run(log)
    position = log.read(50, topics=("bids",))[0].position
    broken = log._entries[position].body[:-3]
    log._entries[position] = Entry("bids", broken)
    with pytest.raises(LogBroken, match=f"record {position} cannot be read"):
        Watcher(log).take()


def test_beside_a_running_market_it_speaks_by_itself_and_ends_with_it(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    memory = MemoryLog()
    run(memory)
    stored = [memory._entries[position] for position in range(memory.size)]
    log.append(stored, memory.heads())
    reader = EmbeddedReader(tmp_path)
    runner = CascadeRunner(log, lambda: T0)
    loop = WatchLoop(reader, runner)
    runner.start()
    loop.start()
    deadline = time.monotonic() + 20
    while CURSOR not in reader.heads() and time.monotonic() < deadline:
        time.sleep(0.05)
    loop.stop()
    runner.stop()
    assert loop.failure is None
    written = [decode_record(body) for _, body in reader.read(0, topics=("index", "alerts"))]
    commit(CascadeRunner(memory, lambda: T0), Watcher(memory))
    assert [record.data for record in written] == [record.data for record in said(memory)]
    reader.close()
    log.close()


def test_a_watch_that_fails_says_so_and_the_market_goes_on(tmp_path: Path) -> None:
    class Unreadable(MemoryLog):
        def read(self, *args: object, **kwargs: object) -> list[Stored]:
            return [Stored(0, b"{}")]

    log = Unreadable()
    log._entries.append(Entry("bids", b"{}"))
    runner = CascadeRunner(MemoryLog(), lambda: T0)
    loop = WatchLoop(log, runner)
    runner.start()
    loop.start()
    loop._thread.join(20)
    assert isinstance(loop.failure, LogBroken)
    assert runner.failure is None
    runner.stop()
