"""An independent reader of a cluster's topics, of committed records only, and whether the services
have taken in everything there is.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.topics import DECIDERS, INPUTS, PARTITION_OF_VENUE, TOPICS
from streams.kafka.commit import group_of
from tests.builders.segments import Raw

QUIET_SECONDS_MAX = 180.0
READ_SECONDS_MAX = 60.0
LOOK_EVERY_SECONDS = 0.05
Places = dict[tuple[str, str, int], int]  # an offset by service, topic and partition


class Witness:
    """`seen` holds every record read, by topic and partition."""

    def __init__(self, consumer: Any, admin: Any) -> None:
        self._consumer = consumer
        self._admin = admin
        self.seen: dict[tuple[str, int], list[Raw]] = defaultdict(list)

    async def catch_up(self) -> None:
        """Read on to where the topics end now."""
        ends: dict[Any, int] = await self._consumer.end_offsets(list(self._consumer.assignment()))
        async with asyncio.timeout(READ_SECONDS_MAX):
            while [tp for tp, end in ends.items() if await self._consumer.position(tp) < end]:
                for tp, records in (await self._consumer.getmany(timeout_ms=200)).items():
                    self.seen[tp.topic, tp.partition] += [
                        Raw(record.offset, record.key, record.value, tuple(record.headers))
                        for record in records
                    ]

    async def wait_until_quiet(self, seconds_max: float = QUIET_SECONDS_MAX) -> None:
        """Return when the services have taken all their inputs and nothing more comes of them.
        Raises TimeoutError.
        """
        async with asyncio.timeout(seconds_max):
            while True:
                if await self._is_quiet():
                    return
                await asyncio.sleep(0.1)

    async def wait_until_taken(self, wanted: Places) -> None:
        """Return when the services have taken and committed these offsets. What is not yet taken
        stays in `wanted`.
        """
        while wanted:
            taken = await self._taken()
            for place in [p for p, offset in wanted.items() if offset < taken.get(p, 0)]:
                del wanted[place]
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _is_quiet(self) -> bool:
        """Ask for the offsets first: if what is there afterwards was all taken by then, nothing
        was left to be taken, and so nothing has come.
        """
        taken = await self._taken()
        await self.catch_up()
        return bool(taken) and all(
            records[-1].offset < taken.get((service, topic, partition), 0)
            for (topic, partition), records in self.seen.items()
            for service in DECIDERS
            if topic in INPUTS[service]
        )

    async def _taken(self) -> Places:
        """Return the next offset to take, by service, topic and partition; nothing where that is
        not to be had just now.
        """
        taken: Places = {}
        for service in DECIDERS:
            try:
                kept = await self._admin.list_consumer_group_offsets(group_of(service))
            except KafkaError as error:
                if error.retriable:
                    return {}
                raise
            taken |= {(service, tp.topic, tp.partition): at.offset for tp, at in kept.items()}
        return taken


@asynccontextmanager
async def witness(address: str) -> AsyncIterator[Witness]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=100,
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await consumer.start()
    try:
        consumer.assign(
            [
                TopicPartition(topic.name, partition)
                for topic in TOPICS
                for partition in PARTITION_OF_VENUE.values()
            ]
        )
        await admin.start()
        yield Witness(consumer, admin)
    finally:
        await admin.close()
        await consumer.stop()
