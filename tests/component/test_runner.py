"""The runner: groups, deadlines, overload, failure and recovery."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from market.venue import Venue
from schemas import commands as c
from schemas.envelope import RecordHead, decode_head, decode_record, encode
from schemas.events import BidPlaced, BidRejected, TradeExecuted
from streams import runner as runners
from streams.embedded import EmbeddedLog
from streams.log import LogBroken
from streams.memory import MemoryLog
from streams.recovery import recover_venue
from streams.runner import CascadeRunner, Overloaded, Stopped
from tests.builders.drivers import Steps
from tests.builders.market import T0
from tests.builders.recorded import HOUR_MS, commands

ROOT = Path(__file__).parents[2]


class Clock:
    def __init__(self) -> None:
        self.now_ms = T0

    def __call__(self) -> int:
        return self.now_ms


def messages(log: MemoryLog) -> list:
    return [decode_record(body).data for _, body in log.read(0)]


def run_in_groups(size: int, bids: int = 40) -> MemoryLog:
    log, clock = MemoryLog(), Clock()
    runner = CascadeRunner(log, clock)
    said = commands(bids)
    for start in range(0, len(said), size):
        runner.run_now(said[start : start + size])
    clock.now_ms = T0 + HOUR_MS
    runner.run_now([])
    return log


def digest(log: MemoryLog) -> str:
    return hashlib.sha256(b"\n".join(body for _, body in log.read(0))).hexdigest()


def test_outcomes_do_not_depend_on_the_size_of_groups_or_the_hash_seed() -> None:
    whole = digest(run_in_groups(1_000))
    assert digest(run_in_groups(1)) == digest(run_in_groups(7)) == whole
    program = (
        "from tests.component.test_runner import digest, run_in_groups; "
        "print(digest(run_in_groups(13)))"
    )
    for seed in ("0", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        printed = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.strip() == whole


def test_steps_fed_one_command_at_a_time_write_what_cascades_write() -> None:
    """Byte for byte, positions aside: what a cascade passes over, a step takes without effect."""
    steps = Steps()
    steps.now_ms = T0
    for command in commands():
        steps.say(command)
        steps.settle_down()
    steps.advance(T0 + HOUR_MS)
    steps.settle_down()

    def by_place(log: MemoryLog) -> dict[tuple[str, int], bytes]:
        return {(head.topic, head.offset): body for body, head in heads(log)}

    assert by_place(steps.log) == by_place(run_in_groups(1))


def heads(log: MemoryLog) -> list[tuple[bytes, RecordHead]]:
    return [(body, decode_head(body)) for _, body in log.read(0)]


def test_a_snapshot_is_the_fold_of_the_events(tmp_path: Path) -> None:
    log, clock = EmbeddedLog(tmp_path), Clock()
    runner = CascadeRunner(log, clock)
    said = commands()
    runner.run_now(said[:100])
    runner.keep_snapshot()
    runner.run_now(said[100:])
    from_snapshot = recover_venue(log)
    log._db.execute("DELETE FROM snapshots")
    from_events = recover_venue(log)
    log.close()
    for venue in (from_snapshot, from_events):
        assert encode(venue.matching) == encode(runner.venue.matching)
        assert encode(venue.settlement) == encode(runner.venue.settlement)


def test_a_snapshot_of_other_rules_is_passed_over(tmp_path: Path) -> None:
    log, clock = EmbeddedLog(tmp_path), Clock()
    runner = CascadeRunner(log, clock)
    runner.run_now(commands())
    runner.keep_snapshot()
    log._db.execute("UPDATE snapshots SET state_version = 0, body = x'7b7d'")
    recovered = recover_venue(log)
    log.close()
    assert encode(recovered.settlement) == encode(runner.venue.settlement)


def test_a_bid_that_waited_with_an_earlier_stamp_comes_before_the_deadline() -> None:
    """The group is taken after the end; what was stamped before it still counts."""
    said = commands(bids=3)
    log, clock = MemoryLog(), Clock()
    runner = CascadeRunner(log, clock)
    runner.run_now(said)
    in_time, late = (
        c.PlaceBid(
            id=f"bid_{name}1",
            at_ms=at_ms,
            auction_id=next(iter(runner.venue.matching.auctions)),
            bidder_id="pty_anna",
            currency="CNY",
            max_price_minor=500_000,
            nonce="0" * 32,
        )
        for name, at_ms in (("intime", T0 + HOUR_MS - 1), ("late", T0 + HOUR_MS))
    )
    clock.now_ms = T0 + HOUR_MS + 50
    runner.run_now([in_time, late])
    placed = [m.bid_id for m in messages(log) if isinstance(m, BidPlaced)]
    rejected = [m.bid_id for m in messages(log) if isinstance(m, BidRejected)]
    won = [m.request_id for m in messages(log) if isinstance(m, TradeExecuted)]
    assert "bid_intime1" in placed
    assert "bid_late1" in rejected
    assert "bid_intime1" in won


def test_a_lone_deadline_fires_without_traffic() -> None:
    log, clock = MemoryLog(), Clock()
    runner = CascadeRunner(log, clock)
    runner.run_now(commands())
    traded = threading.Event()
    runner.on_commit = lambda size: traded.set()
    clock.now_ms = T0 + HOUR_MS
    runner.start()
    assert traded.wait(5)
    runner.stop()
    ticks = [m.due_ms for m in messages(log) if isinstance(m, c.TimePassed)]
    assert ticks == sorted(set(ticks)), "one tick for each deadline value"
    assert sum(isinstance(m, TradeExecuted) for m in messages(log)) >= 2


def test_a_full_queue_refuses_and_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "QUEUE_COMMANDS_MAX", 3)
    log = MemoryLog()
    runner = CascadeRunner(log, Clock())
    said = commands()
    futures = [runner.submit(command) for command in said[:3]]
    with pytest.raises(Overloaded, match="try again later"):
        runner.submit(said[3])
    runner.start()
    assert next(future.result(5).position for future in futures) == 0
    runner.stop()
    roots = [m.id for m in messages(log) if isinstance(m, c.Command)]
    assert roots == [command.id for command in said[:3]]


class FailingLog(MemoryLog):
    """Takes one append, then breaks."""

    def append(self, entries, heads, snapshots=()) -> int:
        if self.size:
            raise LogBroken("the disk is full")
        return super().append(entries, heads, snapshots)


def test_after_a_failed_commit_every_waiter_is_told_and_nothing_goes_on() -> None:
    runner = CascadeRunner(FailingLog(), Clock())
    said = commands()
    runner.start()
    assert runner.submit(said[0]).result(5).position == 0
    with pytest.raises(LogBroken, match="the disk is full"):
        runner.submit(said[1]).result(5)
    with pytest.raises(Stopped):
        runner.submit(said[2])
    with pytest.raises(runners.LogError, match="the runner had failed: the disk is full"):
        runner.stop()


def test_a_venue_begins_empty() -> None:
    assert Venue().next_deadline() is None
