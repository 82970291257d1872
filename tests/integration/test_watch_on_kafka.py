"""The watch on a real Apache Kafka: what was given up is unseen, what was committed counts once,
and it says what the watch beside the embedded market says.
"""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from market.watch.state import TOPICS
from schemas.envelope import Record
from schemas.topics import TOPIC_NAMED, Service
from services.watch.app import COMMIT_SECONDS, WatchWork
from streams.kafka.settings import KafkaSettings
from streams.memory import MemoryLog
from streams.scribe import Scribe
from streams.watching import Watcher
from tests.builders.broker import Broker
from tests.builders.days import run
from tests.builders.watch_topics import OUTPUTS, WatchTopics, days, words

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90


def expected() -> dict[str, list[tuple]]:
    """Return what the embedded watch says of the same ten days."""
    log = MemoryLog()
    run(log)
    scribe = Scribe(log.venue, {})
    return words([scribe.write(*report) for report in Watcher(log).take()])


def commits(records: list[Record], size: int) -> list[list[Record]]:
    return [records[start : start + size] for start in range(0, len(records), size)]


async def until(is_so: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await is_so():
        assert time.monotonic() < deadline, "it did not come to be"
        await asyncio.sleep(0.3)


@asynccontextmanager
async def working(topics: WatchTopics, name: str = "one") -> AsyncIterator[WatchWork]:
    work = WatchWork(KafkaSettings(topics.address), name, topics.prefix)
    task = asyncio.create_task(work.run())
    try:
        yield work
    finally:
        work.stop()
        await task


async def until_it_has_said(topics: WatchTopics, wanted: dict[str, list[tuple]]) -> None:
    async def is_said() -> bool:
        return words(await topics.read(*OUTPUTS)) == wanted

    try:
        await until(is_said)
    except AssertionError as error:
        found = words(await topics.read(*OUTPUTS))
        lags, written = await topics.lags(), await topics.tables_written()
        where = f"committed before the ends: {lags}, tables written: {written}"
        raise AssertionError("\n".join([where, *differences(found, wanted)])) from error


def differences(found: dict[str, list[tuple]], wanted: dict[str, list[tuple]]) -> list[str]:
    """Return in a line each what is missing, what should not be there, and what is out of order."""
    told: list[str] = []
    for stream in sorted(found.keys() | wanted.keys()):
        some, due = found.get(stream, []), wanted.get(stream, [])
        told += [f"{stream}: missing {word}" for word in due if word not in some]
        told += [f"{stream}: not expected {word}" for word in some if word not in due]
        if some != due and sorted(map(repr, some)) == sorted(map(repr, due)):
            told.append(f"{stream}: in another order")
    return told


async def has_written(topics: WatchTopics, before: int) -> bool:
    return await topics.tables_written() > before


def test_it_says_what_the_embedded_watch_says_and_sees_nothing_that_was_given_up(
    broker: Broker, prefix: str
) -> None:
    """Given up is what would come next, so that it would count if it were seen."""
    wanted, records = expected(), days()

    async def check() -> None:
        topics = WatchTopics(broker.address, prefix)
        await topics.make()
        for some in commits(records, 200):
            await topics.write(commits(some, 20), aborted=some[-5:])
        async with working(topics):
            await until_it_has_said(topics, wanted)

    asyncio.run(check())


def test_committed_offsets_reach_the_end_of_topics_with_many_transactions(
    broker: Broker, prefix: str
) -> None:
    """The driver as shipped moves on by one transaction with each commit, of which there are about
    seven hundred here.
    """

    async def check() -> None:
        topics = WatchTopics(broker.address, prefix)
        await topics.make()
        await topics.write(commits(days(), 1))
        async with working(topics):

            async def is_at_the_end() -> bool:
                return all(lag <= 1 for lag in (await topics.lags()).values())

            await until(is_at_the_end)

    asyncio.run(check())


def test_two_workers_share_venues_and_one_takes_over_from_the_other(
    broker: Broker, prefix: str
) -> None:
    wanted, records = expected(), days()

    async def check() -> None:
        topics = WatchTopics(broker.address, prefix)
        await topics.make()
        half = len(records) // 2
        async with working(topics, "two"):
            async with working(topics, "one"):
                await topics.write(commits(records[:half], 20))
                await asyncio.sleep(5)
            await topics.write(commits(records[half:], 20))
            await until_it_has_said(topics, wanted)

    asyncio.run(check())


@pytest.mark.parametrize("before_the_end", [0, 20])
def test_a_worker_begins_where_its_tables_stand_whatever_the_group_has_committed(
    broker: Broker, prefix: str, before_the_end: int
) -> None:
    """A worker killed after a commit has not written its tables yet: here none at all."""
    wanted, records = expected(), days()

    async def check() -> None:
        topics = WatchTopics(broker.address, prefix)
        await topics.make()
        await topics.write(commits(records, 20))
        await topics.commit(before_the_end)
        async with working(topics):
            await until_it_has_said(topics, wanted)

    asyncio.run(check())


def test_a_worker_killed_again_and_again_counts_every_event_once(
    broker: Broker, prefix: str
) -> None:
    wanted, records, rng = expected(), days(), random.Random(7)
    topics = WatchTopics(broker.address, prefix)
    command = [
        *(sys.executable, "-m", "tests.builders.watch_worker"),
        *(f"kafka://{broker.address}", prefix, "one"),
    ]

    async def check() -> None:
        await topics.make()
        for some in commits(records, len(records) // 6):
            worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
            try:
                before = await topics.tables_written()
                await topics.write(commits(some, 10))
                await until(partial(has_written, topics, before))
                await asyncio.sleep(rng.uniform(0, 2 * COMMIT_SECONDS))
            finally:
                worker.kill()
                await worker.wait()
        async with working(topics):
            await until_it_has_said(topics, wanted)
        said = await topics.read(*OUTPUTS)
        assert {record.source for record in said} == {"gx/watch"}
        of_id: dict[str, Record] = {}
        for record in said:
            assert of_id.setdefault(record.id, record).data == record.data

    asyncio.run(check())


def test_records_that_none_of_ours_wrote_are_passed_over(broker: Broker, prefix: str) -> None:
    wanted, records = expected(), days()
    foreign = [record for record in records if record.topic == "bids"][:3]

    async def check() -> None:
        topics = WatchTopics(broker.address, prefix)
        await topics.make()
        forged = [
            Record(
                topic=record.topic,
                partition=0,
                offset=0,
                source="gx/gateway",
                data=record.data,
                correlationid="cmd_forged",
                sequence=10**6,
            )
            for record in foreign
        ]
        await topics.write([forged])
        await topics.write(commits(records, 50))
        async with working(topics):
            await until_it_has_said(topics, wanted)

    asyncio.run(check())
    assert {TOPIC_NAMED[topic].writer for topic in TOPICS} == {
        Service.MATCHING,
        Service.SETTLEMENT,
    }
