"""A venue's deciding services and its sequencer in this process, on a real Kafka and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from schemas.base import Command
from schemas.topics import DECIDERS, INPUTS, PARTITION_OF_VENUE
from services.cluster.sequencing import Sequencing
from services.gateway.following import Quiet
from streams.kafka.commit import group_of
from streams.kafka.inspection import bounds, groups
from streams.kafka.publisher import Publisher
from streams.kafka.settings import KafkaSettings
from streams.kafka.worker import Worker
from streams.postgres import PostgresLog
from tests.builders.market import T0

VENUE = "gx"
QUIET_SECONDS = 1.0
WAIT_SECONDS_MAX = 60.0


def settings_of(address: str) -> KafkaSettings:
    return KafkaSettings.parse(f"kafka://{address}")


@asynccontextmanager
async def at_work(
    settings: KafkaSettings, database: str, now_ms: Callable[[], int] = lambda: T0
) -> AsyncIterator[PostgresLog]:
    """Yield the trail while the services work; at the end they have stopped, or have failed."""
    trail = PostgresLog(database, VENUE)
    workers = [Worker(settings, service, now_ms, f"{service}-1") for service in DECIDERS]
    sequencing = Sequencing(settings, trail)
    tasks = [asyncio.create_task(work.run()) for work in (*workers, sequencing)]
    try:
        yield trail
    finally:
        for work in (*workers, sequencing):
            work.stop()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        trail.close()
    assert done == [None] * len(done), done


async def say(settings: KafkaSettings, commands: Iterable[Command]) -> None:
    publisher = Publisher(settings, VENUE)
    await publisher.start()
    for command in commands:
        await publisher.publish(command)
    await publisher.stop()


async def say_in_turn(
    settings: KafkaSettings, trail: PostgresLog, commands: Iterable[Command]
) -> None:
    """Say each command when all that the one before it caused stands in the trail."""
    publisher, quiet, position = Publisher(settings, VENUE), Quiet(), trail.size
    await publisher.start()
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        for command in commands:
            quiet.expect(command.id)
            await publisher.publish(command)
            rests: list[str] = []
            while command.id not in rests:
                await asyncio.sleep(0.02)
                stored = await asyncio.to_thread(trail.read, position)
                for _, body in stored:
                    rests += quiet.take(body)
                position += len(stored)
    await publisher.stop()


async def settled(settings: KafkaSettings, trail: PostgresLog) -> None:
    """Wait until all inputs are taken and the trail has grown no more for a while."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while True:
            size = trail.size
            await asyncio.sleep(QUIET_SECONDS)
            if size and size == trail.size and not await lag(settings):
                return


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while True:
            if there():
                return
            await asyncio.sleep(0.1)


async def lag(settings: KafkaSettings) -> int:
    """Return how many inputs nobody has taken yet, transaction markers aside."""
    partition, behind = PARTITION_OF_VENUE[VENUE], 0
    found = await groups(settings, [group_of(service) for service in DECIDERS], partition)
    for service in DECIDERS:
        ends = await bounds(settings, partition, sorted(INPUTS[service]))
        taken = found[group_of(service)].taken
        behind += sum(b.end - taken.get(topic, 0) > 1 for topic, b in ends.items())
    return behind
