"""A client that cancels its own tasks must not end a venue's work unseen."""

import asyncio
from typing import Any

from schemas.topics import Service
from streams.kafka.partition import Partition
from streams.kafka.reader import closed
from streams.kafka.settings import KafkaSettings


async def stop_as_aiokafka_does() -> None:
    """A pending fetch is cancelled and awaited."""
    fetch = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    fetch.cancel()
    await fetch


def test_closing_a_client_does_not_cancel_who_closes_it() -> None:
    async def work() -> str:
        await closed(stop_as_aiokafka_does())
        return "goes on"

    assert asyncio.run(work()) == "goes on"


class Consumer:
    def pause(self, *_: Any) -> None: ...


class CancelledFromWithin(Partition):
    async def _run(self) -> None:
        raise asyncio.CancelledError


def test_work_that_is_cancelled_from_within_has_failed() -> None:
    async def fail() -> BaseException:
        failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        settings = KafkaSettings.parse("kafka://127.0.0.1:1")
        work = CancelledFromWithin(settings, Service.MATCHING, 0, Consumer(), lambda: 0)
        work.start(failed.set_result)
        async with asyncio.timeout(10):
            error = await failed
        await work.stop()
        return error

    assert "cancelled from within" in str(asyncio.run(fail()))
