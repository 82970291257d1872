"""Services, the gateway's part and the broker are killed while a market is busy."""

import asyncio
import random
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from schemas.base import Command
from schemas.topics import DECIDERS, PARTITION_OF_VENUE
from services.clock import Clock
from streams.kafka.publisher import Publisher
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import ensure_topics
from tests.builders.broker import Broker
from tests.builders.fleet import LOOK_EVERY_SECONDS, ROOT, Fleet, fleet, python, until
from tests.builders.judgement import Count, Seen, judge
from tests.builders.loader import Journal
from tests.builders.wishes import access, deposit, founding
from tests.builders.witness import QUIET_SECONDS_MAX, Places, witness

LOAD_SECONDS_MAX: Final = 240.0
LAST_AUCTION_SECONDS: Final = 10.0  # until the last one has ended
PAUSE_SECONDS_MAX: Final = 2.0  # between two kills
PROBE_SECONDS_MAX: Final = 90.0
Said = dict[str, list[Command]]  # by venue, in order


def url(broker: Broker) -> str:
    return f"kafka://{broker.address}"


async def found(broker: Broker) -> Said:
    """Make in every venue parties, listings and grants; return what was said. Services must be
    up.
    """
    settings = KafkaSettings.parse(url(broker))
    now_ms = Clock()()
    stages = {venue: founding(venue, now_ms) for venue in PARTITION_OF_VENUE}
    async with witness(broker.address) as reader:
        for number in range(max(map(len, stages.values()))):
            for venue, said in stages.items():
                await publish(settings, venue, said[number])
            await reader.wait_until_quiet()
    return {venue: [one for stage in said for one in stage] for venue, said in stages.items()}


async def publish(settings: KafkaSettings, venue: str, commands: Sequence[Command]) -> list[int]:
    """Return their offsets."""
    publisher = Publisher(settings, venue)
    await publisher.start()
    try:
        return [await publisher.publish(command) for command in commands]
    finally:
        await publisher.stop()


class Load:
    """The loader's process: told how much it may say, killed, and started again."""

    def __init__(self, log: str, folder: Path) -> None:
        self.exits: Counter[int] = Counter()
        self._command = python("tests.builders.loader", log, str(folder))
        self._folder = folder
        folder.mkdir()
        self._allowed = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._done = asyncio.Event()

    def allow(self, count: int) -> None:
        """Let it have said so many of each venue's wishes."""
        self._allowed = count
        self._tell()

    def allow_more(self, count: int) -> None:
        self.allow(self._allowed + count)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End it, and all that it was spoken to through."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None, "it is told by a pipe"
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    async def tend(self) -> None:
        """Start it again when it was killed or lost contact, until it has said all."""
        while not self._done.is_set():
            self._look_after()
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def end(self) -> None:
        """Let it come to its end, all acknowledged."""
        self._ending = True
        self._tell()
        async with asyncio.timeout(LOAD_SECONDS_MAX):
            await self._done.wait()

    def said(self) -> Said:
        said = {}
        for venue in PARTITION_OF_VENUE:
            journal = Journal(self._folder, venue)
            assert journal.acknowledged == len(journal.said), "all was acknowledged"
            said[venue] = journal.said
        return said

    def _look_after(self) -> None:
        code = self._process.poll() if self._process is not None else None
        if code == 0 and self._ending:
            self._done.set()
        elif self._process is None or code is not None:
            if code is not None:
                self.exits[code] += 1
            self._start()

    def _start(self) -> None:
        self.close()
        with (self._folder / "loader.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        self._tell()

    def _tell(self) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with suppress(BrokenPipeError, ValueError):  # it has just ended; the next one is told
            self._process.stdin.write(b"%d\n" % self._allowed)
            self._process.stdin.flush()
            if self._ending:
                self._process.stdin.close()


@asynccontextmanager
async def loading(log: str, folder: Path) -> AsyncIterator[Load]:
    load = Load(log, folder)
    tending = asyncio.create_task(load.tend())
    try:
        yield load
    finally:
        tending.cancel()
        load.close()


class Run(NamedTuple):
    """What came of it: the verdict, whether the services came to rest, and by which codes processes
    ended that were not killed.
    """

    count: Count
    rested: bool
    exits: Counter[int]

    def __str__(self) -> str:
        return f"{self.count}; services ended with {dict(self.exits)}"


class Busy:
    """A market on Kafka under load."""

    def __init__(self, broker: Broker, working: Fleet, load: Load, first: Said) -> None:
        self.broker = broker
        self.working = working
        self.load = load
        self._first = first
        self._probes = 0

    async def probe(self, seconds_max: float = PROBE_SECONDS_MAX) -> None:
        """Return when in every venue both services have taken a command that is said now. Raises
        TimeoutError, with what it was that was waited for.
        """
        self._probes += 1
        wanted: Places = {}
        try:
            async with asyncio.timeout(seconds_max):
                await self._probe(wanted)
        except TimeoutError as error:
            about = f"probe {self._probes}: not taken: {wanted}\n{self.broker.told()}"
            about += f"\n{await self.working.told()}\n{await _last_seals(self.broker, wanted)}"
            raise TimeoutError(about) from error

    async def _probe(self, wanted: Places) -> None:
        for venue, partition in PARTITION_OF_VENUE.items():
            probes = (deposit(venue, self._probes), access(venue, self._probes))
            offsets = await publish(KafkaSettings.parse(url(self.broker)), venue, probes)
            for service, offset in zip(DECIDERS, offsets, strict=True):
                wanted[service, f"{service}.commands", partition] = offset
        async with witness(self.broker.address) as reader:
            await reader.wait_until_taken(wanted)

    async def finish(self, rest_seconds_max: float = QUIET_SECONDS_MAX) -> Run:
        """Let all be said and done, and judge it."""
        await self.load.end()
        later = self.load.said()
        said = {venue: [*some, *later[venue]] for venue, some in self._first.items()}
        seen, rested = await _all_done(self.broker, rest_seconds_max)
        count = judge(self.broker.kafka.folder / "kafka-data", seen, said)
        return Run(count, rested, self.working.exits)


@asynccontextmanager
async def busy(
    broker: Broker, folder: Path, services: Mapping[str, Sequence[str]]
) -> AsyncIterator[Busy]:
    await ensure_topics(KafkaSettings.parse(url(broker)))
    async with fleet(folder, services) as working:
        first = await found(broker)
        async with loading(url(broker), folder / "loader") as load:
            yield Busy(broker, working, load, first)


async def kill_under_load(
    broker: Broker,
    folder: Path,
    services: Mapping[str, Sequence[str]],
    kills: Mapping[str, int],
    commands: int,
    seed: int,
    rest_seconds_max: float = QUIET_SECONDS_MAX,
) -> Run:
    """Kill as often as said each of `service`, `broker` and `loader`, in any order, while
    `commands` of each venue are said, an equal share between any two kills; then wait until all
    is done, and judge it.
    """
    rng = random.Random(seed)
    plan = [what for what, count in kills.items() for _ in range(count)]
    rng.shuffle(plan)
    async with busy(broker, folder, services) as market:
        for number, what in enumerate(plan, start=1):
            market.load.allow(commands * number // len(plan))
            await asyncio.sleep(rng.uniform(0.2, PAUSE_SECONDS_MAX))
            await _kill(what, market, rng)
        return await market.finish(rest_seconds_max)


async def _kill(what: str, market: Busy, rng: random.Random) -> None:
    if what == "loader":
        market.load.kill()
    elif what == "broker":
        market.broker.kill()
        await asyncio.sleep(rng.uniform(0.0, PAUSE_SECONDS_MAX))
        await asyncio.to_thread(market.broker.start)
    else:
        await until(lambda: bool(market.working.alive()))
        market.working.kill_any(rng)


async def _last_seals(broker: Broker, places: Places) -> str:
    """Return what the services themselves say of what they have taken."""
    async with witness(broker.address) as reader:
        try:
            await reader.catch_up()
        except TimeoutError as error:
            return f"--- topics cannot be read to their end: {error!r}"
        sealed = {
            (service, number): reader.seen[f"{service}.inputs", number]
            for service, _, number in places
        }
        return "\n".join(f"--- {at}: {seals[-1:]}" for at, seals in sealed.items())


async def _all_done(broker: Broker, seconds_max: float) -> tuple[Seen, bool]:
    async with witness(broker.address) as reader:
        try:
            await reader.wait_until_quiet(seconds_max)
            await asyncio.sleep(LAST_AUCTION_SECONDS)
            await reader.wait_until_quiet(seconds_max)
        except TimeoutError:
            return reader.seen, False
        return reader.seen, True
