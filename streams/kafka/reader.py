"""Reading a partition of topics from given offsets, committed records only, in no group."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.kafka.settings import (
    BATCH_RECORDS_MAX,
    CALL_SECONDS_MAX,
    FETCH_BYTES_MAX,
    POLL_MS_MAX,
    KafkaSettings,
)
from streams.log import LogBroken, LogError


@asynccontextmanager
async def reading(
    settings: KafkaSettings, partition: int, start: Mapping[str, int], *, committed: bool = True
) -> AsyncIterator[Any]:
    """Yield a consumer that stands at these offsets by topic, of committed records or of all.
    Raises LogError when the cluster cannot be reached.
    """
    consumer = AIOKafkaConsumer(
        **settings.client(),
        isolation_level="read_committed" if committed else "read_uncommitted",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
        fetch_max_wait_ms=POLL_MS_MAX,
    )
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            await consumer.start()
        consumer.assign([TopicPartition(topic, partition) for topic in start])
        for topic, offset in start.items():
            consumer.seek(TopicPartition(topic, partition), offset)
        yield consumer
    except (KafkaError, TimeoutError) as error:
        raise LogError(f"{settings!r} cannot be read: {error!r}") from error
    finally:
        await closed(consumer.stop())


async def closed(stop: Coroutine[Any, Any, None]) -> None:
    """Wait until a client has closed. Raises TimeoutError.

    aiokafka cancels its own tasks and awaits them. A fetch that just waits to try again hands that
    on, and whoever awaits `stop` himself seems to be cancelled; another takes for its own what
    cancels us, and we go on. In a task of its own neither happens.
    """
    task = asyncio.create_task(stop)
    async with asyncio.timeout(CALL_SECONDS_MAX):
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def read_to_end(
    settings: KafkaSettings, partition: int, start: Mapping[str, int]
) -> AsyncIterator[Any]:
    """Yield the committed records of these topics, each topic's in order, up to where each ended
    when this began.
    """
    async with reading(settings, partition, start) as consumer:
        ends: dict[Any, int] = await consumer.end_offsets(list(consumer.assignment()))
        found_at = time.monotonic()
        while behind := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
            found = await consumer.getmany(
                *behind, timeout_ms=POLL_MS_MAX, max_records=BATCH_RECORDS_MAX
            )
            for records in found.values():
                for record in records:
                    yield record
            if found:
                found_at = time.monotonic()
            elif time.monotonic() - found_at > CALL_SECONDS_MAX:
                names = ", ".join(sorted(tp.topic for tp in behind))
                raise LogBroken(f"the end of {names} is not to be read: is a transaction hanging?")
