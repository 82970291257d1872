"""What was read for one partition and waits for the end of a commit.

As long as records of any partition wait inside the consumer, it fetches no others, and hands out
what it has, often of one topic alone: a bid would wait for a commit of endings and then for its
own. So they are taken from it as they come.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from streams.kafka.settings import BATCH_RECORDS_MAX, POLL_MS_MAX


class Inbox:
    """Use as an asynchronous context: inside it reads on, up to `BATCH_RECORDS_MAX` ahead."""

    def __init__(self, consumer: Any, sources: Sequence[Any]) -> None:
        self._consumer = consumer
        self._sources = sources
        self._waiting: dict[Any, list[Any]] = {}
        self._room = BATCH_RECORDS_MAX
        self._came = asyncio.Event()
        self._went = asyncio.Event()

    async def __aenter__(self) -> "Inbox":
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(lambda _: self._came.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._reading

    async def take(self, wait_ms: int) -> dict[Any, list[Any]]:
        """Return all that waits, each topic's in order; nothing, if none comes in this time.

        Raises what reading raised.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1000):
                await self._came.wait()
        if self._reading.done():
            self._reading.result()
        found, self._waiting = self._waiting, {}
        self._room = BATCH_RECORDS_MAX
        self._came.clear()
        self._went.set()
        return found

    async def _read(self) -> None:
        while True:
            found = await self._consumer.getmany(
                *self._sources, timeout_ms=POLL_MS_MAX, max_records=self._room
            )
            for source, records in found.items():
                self._waiting.setdefault(source, []).extend(records)
                self._room -= len(records)
                self._came.set()
            if self._room <= 0:
                self._went.clear()
                await self._went.wait()
