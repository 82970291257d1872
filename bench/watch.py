"""The watch on Kafka: events per second of a worker that has all of them to read, against the watch
beside the embedded market over the same events, both with one core.
"""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.embedded import START_MS, bids, opening
from bench.report import Row, arguments, best_seconds, show
from market.watch.windows import DAY_MS
from schemas.envelope import Record, decode_record
from services.watch.follower import STREAMS, Follower
from streams.memory import MemoryLog
from streams.runner import CascadeRunner
from streams.watching import Watcher
from tests.builders.broker import Broker
from tests.builders.watch_topics import WatchTopics

DEALS: Final = STREAMS[0]
COMMIT_RECORDS: Final = 500
WAIT_SECONDS_MAX: Final = 300.0
PREFIX: Final = "bench."


class Mark(NamedTuple):
    """How many events a worker had taken when it wrote its table."""

    at_ms: int
    events: int


def fill(count: int) -> MemoryLog:
    log = MemoryLog()
    runner = CascadeRunner(log, lambda: START_MS)
    said = [*opening(), *bids(count)]
    # A day closes with the last one, so something is said, and the table is written at once.
    said[-1] = msgspec.structs.replace(said[-1], at_ms=said[-1].at_ms + DAY_MS)
    for start in range(0, len(said), 500):
        runner.run_now(said[start : start + 500])
    return log


def embedded(log: MemoryLog) -> None:
    watcher = Watcher(log)
    while watcher.position < log.size:
        watcher.addition(watcher.take())


async def on_kafka(address: str, records: list[Record]) -> list[Mark]:
    topics = WatchTopics(address, PREFIX)
    await topics.make()
    commits = range(0, len(records), COMMIT_RECORDS)
    await topics.write([records[start : start + COMMIT_RECORDS] for start in commits])
    command = ("-m", "tests.builders.watch_worker", f"kafka://{address}", PREFIX, "one")
    worker = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=DEVNULL)
    try:
        return await marks(topics, len(records))
    finally:
        worker.kill()
        await worker.wait()


async def marks(topics: WatchTopics, total: int) -> list[Mark]:
    """Return what the worker has noted, once it is at the end."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        found = [
            Mark(message.timestamp, Follower(DEALS, message.value).state.taken)
            for message in await topics.tables()
            if message.key.endswith(DEALS.name.encode())
        ]
        if found and found[-1].events == total:
            return found
        assert time.monotonic() < deadline, f"{found[-1:]} of {total}"
        await asyncio.sleep(1)


def main() -> None:
    options = arguments(__doc__ or "", bids=50_000)
    log = fill(options.bids)
    found = log.read(0, log.size, topics=DEALS.topics)
    records = [decode_record(body) for _, body in found]
    with tempfile.TemporaryDirectory() as name, Broker(Path(name)) as broker:
        first, *_, last = asyncio.run(on_kafka(broker.address, records))
    rate = (last.events - first.events) / (last.at_ms - first.at_ms) * 1000
    beside = len(records) / best_seconds(lambda: embedded(log))
    rows = [
        Row("taken on Kafka, one partition", rate, "events/s"),
        Row("taken beside the embedded market", beside, "events/s"),
        Row("beside the embedded market, against on Kafka", beside / rate, "x"),
    ]
    show("the watch", rows, options.json)


if __name__ == "__main__":
    main()
