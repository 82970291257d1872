"""A client that cancels its own tasks must not end a venue's work unseen."""

import asyncio
from contextlib import suppress
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


async def stop_that_takes_a_cancellation_for_its_own() -> None:
    async def lasting() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    await asyncio.create_task(lasting())


def test_who_closes_a_client_can_be_cancelled() -> None:
    async def work() -> bool:
        task = asyncio.create_task(closed(stop_that_takes_a_cancellation_for_its_own()))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(work())


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
