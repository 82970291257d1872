"""The market's clock: wall clocks that jump, machines that sleep, deadlines that wait."""

import logging
from itertools import pairwise
from pathlib import Path

import pytest

from schemas import commands as c
from schemas.envelope import decode_record
from schemas.events import InstructionRefused, TradeExecuted
from schemas.reasons import Refusal
from services.clock import JUMP_MS, SLEW_PARTS, Clock
from streams.memory import MemoryLog
from streams.recovery import recorded_until_ms
from streams.runner import CascadeRunner
from tests.builders.exchange import Exchange
from tests.builders.market import T0
from tests.builders.recorded import HOUR_MS, commands

MS = 1_000_000


class Machine:
    """A wall clock and an uninterrupted one, in milliseconds, moved by hand."""

    def __init__(self) -> None:
        self.wall_ms = T0
        self.up_ms = 77

    def clock(self, not_before_ms: int = 0) -> Clock:
        return Clock(not_before_ms, lambda: self.wall_ms * MS, lambda: self.up_ms * MS)

    def run(self, ms: int) -> None:
        self.wall_ms += ms
        self.up_ms += ms


def test_without_faults_it_is_the_wall_clock() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(5):
        machine.run(1_000)
        assert clock() == machine.wall_ms
    assert clock.notice == ""


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS, JUMP_MS + 1, -JUMP_MS - 1])
def test_a_jump_is_not_followed_and_is_told_until_it_is_mended(
    jump_ms: int, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall_ms += jump_ms
    machine.run(60_000)
    assert clock() == clock() == T0 + 60_000
    side = "ahead of" if jump_ms > 0 else "behind"
    assert f"is {abs(jump_ms):,} ms {side} the market's" in clock.notice
    machine.wall_ms -= jump_ms
    assert clock() == T0 + 60_000
    assert clock.notice == ""
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


@pytest.mark.parametrize("step_ms", [500, -500])
def test_a_small_correction_is_followed_slowly_and_never_backwards(step_ms: int) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall_ms += step_ms
    assert clock() == T0
    told = []
    for _ in range(150):
        machine.run(1_000)
        told.append(clock())
    steps = [later - earlier for earlier, later in pairwise(told)]
    slow = 1_000 // SLEW_PARTS
    assert all(1_000 - slow <= step <= 1_000 + slow for step in steps)
    assert told[-1] == machine.wall_ms
    assert clock.notice == ""


def test_a_machine_that_slept_wakes_at_the_right_time_without_a_jump() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(8 * HOUR_MS)  # nobody asked meanwhile; the uninterrupted clock counted on
    assert clock() == machine.wall_ms
    assert clock.notice == ""


def test_a_clock_that_stood_still_while_the_machine_slept_goes_on_and_says_so() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall_ms += 8 * HOUR_MS
    assert clock() == T0
    assert "if it is right and ahead, restart the market" in clock.notice
    assert machine.clock(T0)() == machine.wall_ms, "a restart believes the wall"


def test_it_does_not_begin_before_what_the_log_has_seen() -> None:
    machine = Machine()
    clock = machine.clock(T0 + HOUR_MS)
    machine.run(10)
    assert clock() == T0 + HOUR_MS + 10
    assert "behind the market's" in clock.notice


def test_a_log_has_seen_the_time_of_its_newest_record() -> None:
    log = MemoryLog()
    assert recorded_until_ms(log) == 0
    CascadeRunner(log, lambda: T0).run_now(commands())
    assert recorded_until_ms(log) == max(m.at_ms for m in messages(log)) > T0


def messages(log: MemoryLog) -> list:
    return [decode_record(body).data for _, body in log.read(0)]


def test_no_deadline_fires_early_and_none_is_lost_when_the_wall_jumps() -> None:
    machine, log = Machine(), MemoryLog()
    runner = CascadeRunner(log, machine.clock())
    runner.run_now(commands())
    machine.wall_ms += 2 * HOUR_MS
    machine.run(HOUR_MS - 1)
    runner.run_now([])
    assert not any(isinstance(m, c.TimePassed) for m in messages(log)), "an hour early"
    machine.run(1)
    runner.run_now([])
    assert sum(isinstance(m, TradeExecuted) for m in messages(log)) >= 2


def test_no_command_is_stale_because_the_wall_went_back() -> None:
    machine, log = Machine(), MemoryLog()
    clock = machine.clock()
    runner = CascadeRunner(log, clock)
    runner.run_now(commands())
    machine.run(3 * HOUR_MS)
    runner.run_now([])  # the venue's time moves on
    machine.wall_ms -= 6 * HOUR_MS
    runner.run_now([deposit("one", clock())])
    clock = machine.clock(recorded_until_ms(log))
    CascadeRunner(log, clock).run_now([deposit("two", clock())])
    assert not any(isinstance(m, InstructionRefused) for m in messages(log))
    runner = CascadeRunner(log, machine.clock())
    runner.run_now([deposit("three", machine.wall_ms)])
    refused = [m.reason for m in messages(log) if isinstance(m, InstructionRefused)]
    assert refused == [Refusal.STALE], "the wall's own time would have been refused"


def deposit(name: str, at_ms: int) -> c.Deposit:
    return c.Deposit(
        id=f"cmd_{name}",
        at_ms=at_ms,
        party_id="pty_anna",
        operator_id="pty_operator",
        currency="CNY",
        amount_minor=5,
        reference="bank",
    )


def test_readiness_tells_of_a_jump_and_stays_ready(tmp_path: Path) -> None:
    market = Exchange(tmp_path / "market")
    assert market.ok("", "GET", "/readyz") == {"status": "ready"}
    machine = Machine()
    market.process.clock._wall_ns = lambda: machine.wall_ms * MS
    answer = market.ok("", "GET", "/readyz")
    assert answer["status"] == "ready"
    assert "set the system's clock right" in answer["detail"]
    market.close()
