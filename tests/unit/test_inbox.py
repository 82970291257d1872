"""What comes while a commit is under way waits for its end, all together and not without limit."""

import asyncio
from typing import Any

import pytest

from streams.kafka.inbox import Inbox
from streams.kafka.settings import BATCH_RECORDS_MAX

LONG_MS = 10_000


class Consumer:
    """Hands out one topic's records at a time, as the library does."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[Any] = asyncio.Queue()

    def come(self, topic: str, *records: int) -> None:
        self.coming.put_nowait({topic: list(records)})

    async def getmany(self, *sources: str, timeout_ms: int, max_records: int) -> dict[str, Any]:
        found = await self.coming.get()
        if isinstance(found, Exception):
            raise found
        assert all(len(records) <= max_records for records in found.values())
        return found


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_both_topics_of_a_commits_time_are_taken_together() -> None:
    async def scene() -> None:
        consumer = Consumer()
        async with Inbox(consumer, ["bids", "commands"]) as inbox:
            consumer.come("bids", 1)
            assert await inbox.take(LONG_MS) == {"bids": [1]}
            consumer.come("bids", 2)
            consumer.come("commands", 1, 2)
            consumer.come("bids", 3)
            await settled()
            assert await inbox.take(LONG_MS) == {"bids": [2, 3], "commands": [1, 2]}

    asyncio.run(scene())


def test_nothing_that_comes_is_an_empty_batch() -> None:
    async def scene() -> None:
        async with Inbox(Consumer(), ["bids"]) as inbox:
            assert await inbox.take(1) == {}

    asyncio.run(scene())


def test_a_full_inbox_reads_on_when_it_was_taken() -> None:
    async def scene() -> None:
        consumer = Consumer()
        async with Inbox(consumer, ["bids"]) as inbox:
            consumer.come("bids", *range(BATCH_RECORDS_MAX))
            consumer.come("bids", BATCH_RECORDS_MAX)
            await settled()
            assert await inbox.take(LONG_MS) == {"bids": list(range(BATCH_RECORDS_MAX))}
            assert await inbox.take(LONG_MS) == {"bids": [BATCH_RECORDS_MAX]}

    asyncio.run(scene())


def test_an_error_of_reading_reaches_who_takes() -> None:
    async def scene() -> None:
        consumer = Consumer()
        async with Inbox(consumer, ["bids"]) as inbox:
            consumer.coming.put_nowait(OSError("gone"))
            with pytest.raises(OSError, match="gone"):
                await inbox.take(LONG_MS)

    asyncio.run(scene())
