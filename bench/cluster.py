"""A system on a broker of its own, under load: what it settles, when, and what that takes."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.base import Command
from schemas.envelope import Record, decode_message
from schemas.topics import PARTITION_OF_VENUE, TOPIC_OF
from services.local.kafka import Kafka
from streams.kafka.publisher import Publisher
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import ensure_topics
from streams.kafka.wire import to_wire
from streams.scribe import Scribe

MOVING: Final = ("ledger", "listings", "bids")
# Commands of one topic are taken in when this one has grown: who comes next can rely on it.
GROWS_LAST: Final = {"settlement.commands": "listings", "matching.commands": "bids"}
LOOK_SECONDS: Final = 0.02
STILL_SECONDS: Final = 1.5  # after which nothing more is to come
WAIT_SECONDS_MAX: Final = 180.0
SENT_TOGETHER: Final = 500
OUTCOMES: Final = {"databourse.BidPlaced", "databourse.BidRejected"}
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


class System(NamedTuple):
    """`processes` are arguments of Python by name; `{address}` is the broker's. A system without
    rules needs no venue opened.
    """

    name: str
    processes: Mapping[str, Sequence[str]]
    has_rules: bool = True


class Round(NamedTuple):
    """`cpu_us` is what each process took for one bid, in microseconds."""

    bids_per_second: float
    cpu_us: dict[str, float]


class Field:
    """Use as an asynchronous context: a broker, the topics, the processes, a producer."""

    def __init__(self, folder: Path, system: System, venues: Sequence[str]) -> None:
        self.system = system
        self.venues = venues
        self._folder = folder
        self._kafka = Kafka(folder)
        self._stack = AsyncExitStack()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    async def __aenter__(self) -> "Field":
        logging.getLogger("databourse").setLevel(logging.ERROR)  # one broker is meant
        self._stack.callback(self._kafka.daemon.kill)
        self._kafka.start()
        self.settings = KafkaSettings(self._kafka.address())
        await ensure_topics(self.settings)
        self._producer = AIOKafkaProducer(
            **self.settings.client(), enable_idempotence=True, acks="all", max_batch_size=512 << 10
        )
        self._consumer = AIOKafkaConsumer(
            **self.settings.client(), isolation_level="read_committed", enable_auto_commit=False
        )
        for client in (self._producer, self._consumer):
            self._stack.push_async_callback(client.stop)
            await client.start()
        for name, arguments in self.system.processes.items():
            self._start(name, arguments)
        return self

    async def __aexit__(self, *raised: object) -> None:
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            try:
                await asyncio.to_thread(child.wait, 10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        await self._stack.aclose()

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        output = self._stack.enter_context((self._folder / f"{name}.out").open("wb"))
        said = [part.format(address=self._kafka.address()) for part in arguments]
        self._children[name] = subprocess.Popen(
            [sys.executable, *said], stdout=output, stderr=subprocess.STDOUT
        )

    async def say(self, commands: Sequence[Command]) -> None:
        """Let each venue be told these commands, one topic after the other."""
        for topic, last in GROWS_LAST.items():
            before = await self._ends()
            some = [command for command in commands if TOPIC_OF[type(command)].name == topic]
            await self._publish(topic, some)
            await self._still(before, last)

    async def settle(self, commands: Sequence[Command]) -> Round:
        """Let each venue be told these bids as fast as they can be sent; measure until the last
        effect of the last is committed.
        """
        total = len(commands) * len(self.venues)
        before, cpu = await self._ends(), self._cpu_seconds()
        start = time.perf_counter()
        await self._publish(TOPIC_OF[type(commands[0])].name, commands)
        seconds = await self._still(before, "bids", total) - start
        after = self._cpu_seconds()
        cpu_us = {name: (after[name] - cpu[name]) / total * 1e6 for name in cpu}
        return Round(total / seconds, cpu_us)

    async def latencies_ms(self, commands: Sequence[Command], rate: int) -> list[float]:
        """Send so many bids in a second in one venue; return for each, in order, the time from
        when it was due to be sent until its outcome can be read.
        """
        venue = self.venues[0]
        bids = TopicPartition("bids", PARTITION_OF_VENUE[venue])
        due: dict[str, float] = {}
        took: dict[str, float] = {}
        publisher = Publisher(self.settings, venue)
        await publisher.start()
        self._consumer.assign([bids])
        await self._consumer.seek_to_end(bids)

        async def send() -> None:
            async with asyncio.TaskGroup() as sending:
                start = time.perf_counter()
                for number, command in enumerate(commands):
                    due[command.id] = start + number / rate
                    await asyncio.sleep(max(0.0, due[command.id] - time.perf_counter()))
                    sending.create_task(publisher.publish(command))

        async with asyncio.timeout(WAIT_SECONDS_MAX), asyncio.TaskGroup() as group:
            group.create_task(send())
            while len(took) < len(commands):
                found = await self._consumer.getmany(timeout_ms=200)
                seen = time.perf_counter()
                for record in found.get(bids, ()):
                    if _type(record) in OUTCOMES:
                        bid_id: str = decode_message(record.value).bid_id  # type: ignore[union-attr]
                        took[bid_id] = (seen - due[bid_id]) * 1000
        await publisher.stop()
        return [took[command.id] for command in commands]

    def memory_mb(self) -> dict[str, float]:
        return {name: _status_kb(pid, "VmRSS") / 1024 for name, pid in self._pids().items()}

    async def _publish(self, topic: str, commands: Sequence[Command]) -> None:
        for venue in self.venues:
            scribe = Scribe(venue, {})
            records = [scribe.write(command, command.id) for command in commands]
            for start in range(0, len(records), SENT_TOGETHER):
                await self._send(topic, venue, records[start : start + SENT_TOGETHER])
        await self._producer.flush()

    async def _send(self, topic: str, venue: str, records: Iterable[Record]) -> None:
        batch = self._producer.create_batch()
        for record in records:
            value, headers = to_wire(record)
            said = {"timestamp": record.data.at_ms, "key": None, "value": value, "headers": headers}
            assert batch.append(**said) is not None, "the batch is too small"
        await self._producer.send_batch(batch, topic, partition=PARTITION_OF_VENUE[venue])

    async def _still(self, before: Mapping[Any, int], last: str, outcomes: int = 0) -> float:
        """Return when the topics last grew, once they are still, `last` has grown in each venue,
        and holds the outcomes of so many bids.
        """
        begin = moved = time.perf_counter()
        seen = before
        while time.perf_counter() - begin < WAIT_SECONDS_MAX:
            await asyncio.sleep(LOOK_SECONDS)
            ends = await self._ends()
            now = time.perf_counter()
            if ends != seen:
                seen, moved = ends, now
            elif now - moved > STILL_SECONDS:
                grown = all(ends[at] > before[at] for at in ends if at.topic == last)
                if grown and (not outcomes or await self._outcomes(before, ends) == outcomes):
                    return moved
                moved = now  # what is missing comes later
        raise TimeoutError(f"{self.system.name} has not settled: {self._words()}")

    async def _ends(self) -> dict[Any, int]:
        places = [TopicPartition(t, PARTITION_OF_VENUE[v]) for t in MOVING for v in self.venues]
        ends: dict[Any, int] = await self._consumer.end_offsets(places)
        return ends

    async def _outcomes(self, before: Mapping[Any, int], ends: Mapping[Any, int]) -> int:
        places = [place for place in ends if place.topic == "bids"]
        self._consumer.assign(places)
        counts: Counter[str] = Counter()
        for place in places:
            self._consumer.seek(place, before[place])
        while any([await self._consumer.position(place) < ends[place] for place in places]):
            for records in (await self._consumer.getmany(timeout_ms=200)).values():
                counts.update(map(_type, records))
        return sum(counts[kind] for kind in OUTCOMES)

    def _pids(self) -> dict[str, int]:
        status = self._kafka.status()
        assert status is not None, "the broker runs"
        children = {name: child.pid for name, child in self._children.items()}
        return {**children, "broker": status.pid, "load": os.getpid()}

    def _cpu_seconds(self) -> dict[str, float]:
        return {name: _cpu_seconds(pid) for name, pid in self._pids().items()}

    def _words(self) -> str:
        ends = [(self._folder / f"{name}.out").read_text()[-1500:] for name in self._children]
        return "\n".join(ends)


def _type(record: Any) -> str:
    kind: str = next(text.decode() for name, text in record.headers if name == "ce_type")
    return kind


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def _status_kb(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
