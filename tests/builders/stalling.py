"""Workers that stand still while others take their partitions, and then go on."""

import asyncio
import os
import random
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from schemas.topics import DECIDERS
from services.commands import Exit
from tests.builders.broker import Broker
from tests.builders.crash import Busy, Run, busy, url
from tests.builders.fleet import LOOK_EVERY_SECONDS, until
from tests.builders.worker import STALLS, command

SESSION_MS: Final = 1_500
STALL_SECONDS_MAX: Final = 60.0


class Stalls(NamedTuple):
    """How many stood still, how those ended when they went on, and what came of it all."""

    stalled: int
    fenced: int
    reasons: Counter[str]
    run: Run

    def __str__(self) -> str:
        return f"{self.fenced} of {self.stalled} fenced, {dict(self.reasons)}; {self.run}"


async def stall(broker: Broker, folder: Path, rounds: int, seed: int) -> Stalls:
    """Stop a worker before or within a commit, let another take its partitions and commit there,
    let the first go on; as often as said, each service and each of its workers in turn.
    """
    rng = random.Random(seed)
    names = [f"{service}-{number}" for number in (1, 2) for service in DECIDERS]
    workers = {
        name: command(url(broker), name, committer="stalling", session_ms=SESSION_MS)
        for name in names
    }
    reasons: Counter[str] = Counter()
    async with busy(broker, folder, workers) as market:
        for number in range(rounds):
            name = names[number % len(names)]
            await _stop_in_a_commit(market, name, rng.choice(list(STALLS)))
            await market.probe()  # the others have taken all over, and committed
            before = market.working.exits.total()
            market.working.send(name, signal.SIGCONT)
            await until(lambda: market.working.exits.total() > before)  # noqa: B023
            reasons[_last_words(market.working.log(name))] += 1
        run = await market.finish()
        return Stalls(rounds, run.exits[Exit.AGAIN], reasons, run)


async def _stop_in_a_commit(market: Busy, name: str, number: int) -> None:
    """Let there be something to commit until the worker stands still."""
    await until(lambda: name in market.working.alive())
    pid = market.working.pid(name)
    market.working.send(name, number)
    async with asyncio.timeout(STALL_SECONDS_MAX):
        while not _stands_still(pid):
            market.load.allow_more(1)
            await asyncio.sleep(LOOK_EVERY_SECONDS)


def _stands_still(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def _last_words(log: Path) -> str:
    return re.findall(r"the transaction failed: (\w+)", log.read_text())[-1]
