"""On a real broker: reading that goes on is never taken for one that stands still, markers and
aborted transactions included; reading that has stopped is.
"""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.envelope import Record
from streams.kafka.inspection import hanging
from streams.kafka.reader import reading
from streams.kafka.settings import KafkaSettings
from streams.kafka.standstill import STANDSTILL_SECONDS_MAX, Standstill
from streams.log import LogError
from tests.builders.broker import Broker
from tests.builders.watch_topics import WatchTopics, days

pytestmark = pytest.mark.long
READ_SECONDS_MAX = 60


def test_only_reading_that_has_stopped_stands_still(broker: Broker, prefix: str) -> None:
    bids = [record for record in days() if record.topic == "bids"]

    async def check() -> None:
        topics = WatchTopics(broker.address, prefix)
        await topics.make()
        source = TopicPartition(f"{prefix}bids", 0)
        settings = KafkaSettings(broker.address)
        async with reading(settings, 0, {source.topic: 0}) as consumer:
            now = 0.0

            async def look() -> None:
                nonlocal now
                now += STANDSTILL_SECONDS_MAX
                await standstill.check()

            standstill = Standstill(consumer, [source], lambda: now)
            for some in (bids[:5], bids[5:9]):
                await write(topics, some)
                assert await hanging(settings, 0, [source.topic], READ_SECONDS_MAX) == []
                await look()
                await read(consumer, source)
                await look()
                await look()
            await write(topics, bids[9:12])
            await look()
            with pytest.raises(LogError, match="bids/0 stands still"):
                await look()

    asyncio.run(check())


async def write(topics: WatchTopics, some: list[Record]) -> None:
    """The last there is to read is a transaction that was given up. Its marker may come later."""
    await topics.write([some, []], aborted=some[:1])


async def read(consumer: Any, source: TopicPartition) -> None:
    async with asyncio.timeout(READ_SECONDS_MAX):
        (end,) = (await consumer.end_offsets([source])).values()
        while await consumer.position(source) < end:
            await consumer.getmany(timeout_ms=100)
