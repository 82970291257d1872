"""Workers that come and go, and a broker that is away for a while, under load."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from schemas.topics import DECIDERS
from tests.builders.broker import Broker
from tests.builders.crash import Run, busy, url
from tests.builders.worker import command

SAY_EACH_STEP: Final = 40
RECOVERY_SECONDS_MAX: Final = 30.0  # a requirement
STEADY_SHARE: Final = 0.5  # of the steps, after which is waited until all is handed round
SIZES: Final = (3, 2, 1)  # of each service's group, one after the other


class Changes(NamedTuple):
    """How those ended that were sent away, by exit code, and what came of it all."""

    left: Counter[int]
    run: Run

    def __str__(self) -> str:
        return f"those sent away ended with {dict(self.left)}; {self.run}"


async def come_and_go(broker: Broker, folder: Path, cycles: int, seed: int) -> Changes:
    """From one worker of each service to three, to two, to one again, as often as said; the next
    step sometimes comes while the last is still being handed round.
    """
    rng = random.Random(seed)
    here = {service: [f"{service}-0!"] for service in DECIDERS}
    numbers = count(1)
    left: Counter[int] = Counter()
    first = {name: command(url(broker), name) for names in here.values() for name in names}
    async with busy(broker, folder, first) as market:
        for size in SIZES * cycles:
            market.load.allow_more(SAY_EACH_STEP)
            for service, names in here.items():
                while len(names) < size:
                    names.append(f"{service}-{next(numbers)}!")
                    market.working.add(names[-1], command(url(broker), names[-1]))
            going = [
                names.pop(rng.randrange(len(names))) for names in here.values() if len(names) > size
            ]
            left.update(await asyncio.gather(*map(market.working.remove, going)))
            if rng.random() < STEADY_SHARE:
                await market.probe()
            else:
                await asyncio.sleep(rng.uniform(0.0, 3.0))
        return Changes(left, await market.finish())


class Away(NamedTuple):
    """How long it took from the broker's return until every service had committed again, and what
    came of it all.
    """

    seconds: list[float]
    run: Run

    def __str__(self) -> str:
        told = ", ".join(f"{seconds:.1f}" for seconds in self.seconds)
        return f"recovered in {told} s; {self.run}"


async def be_away(broker: Broker, folder: Path, pauses: Sequence[float]) -> Away:
    """Let the broker stand still for so many seconds each, its connections kept."""
    names = [f"{service}-{number}" for service in DECIDERS for number in (1, 2)]
    took: list[float] = []
    async with busy(broker, folder, {n: command(url(broker), n) for n in names}) as market:
        for pause in pauses:
            market.load.allow_more(SAY_EACH_STEP)
            with broker.paused():
                await asyncio.sleep(pause)
            begin = time.monotonic()
            await market.probe()
            took.append(time.monotonic() - begin)
        return Away(took, await market.finish())
