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
from tests.builders.fleet import LOOK_EVERY_SECONDS, Fleet, until
from tests.builders.worker import STALLS, command

SESSION_MS: Final = 1_500
STALL_SECONDS_MAX: Final = 60.0


class Stalls(NamedTuple):
    """How many stood still, by which exit codes and for which reasons those ended when they went
    on, and what came of it all.
    """

    stalled: int
    ends: Counter[int]
    reasons: Counter[str]
    run: Run

    @property
    def fenced(self) -> int:
        return self.ends[Exit.AGAIN]

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
    ends: Counter[int] = Counter()
    reasons: Counter[str] = Counter()
    async with busy(broker, folder, workers) as market:
        for number in range(rounds):
            name = names[number % len(names)]
            await _stop_in_a_commit(market, name, rng.choice(list(STALLS)))
            await market.probe()  # the others have taken all over, and committed
            code, reason = await _go_on(market.working, name)
            ends[code] += 1
            reasons[reason] += 1
        return Stalls(rounds, ends, reasons, await market.finish())


async def _go_on(working: Fleet, name: str) -> tuple[int, str]:
    """Let a worker that stands still go on until it ends; return its exit code and why it ended."""
    log, ended = working.log(name), len(working.ends[name])
    said = log.stat().st_size
    working.send(name, signal.SIGCONT)
    try:
        await until(lambda: len(working.ends[name]) > ended)
    except TimeoutError as error:
        raise TimeoutError(f"{name} does not end\n{await working.told()}") from error
    last = log.read_bytes()[said:].decode()
    found = re.findall(r"the transaction failed: (\w+)", last)
    return working.ends[name][ended], found[0] if found else last


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
