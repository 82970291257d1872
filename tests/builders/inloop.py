"""Workers in the loop of the test, under a clock of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from schemas.topics import DECIDERS, Service
from services.clock import Clock
from streams.kafka.settings import KafkaSettings
from streams.kafka.worker import Worker


class Member:
    """A worker and its run."""

    def __init__(
        self, settings: KafkaSettings, service: Service, now_ms: Callable[[], int]
    ) -> None:
        self.worker = Worker(settings, service, now_ms)
        self.run = asyncio.create_task(self.worker.run())

    @property
    def venues(self) -> list[str]:
        """Return which it has taken up."""
        return [] if self.worker.faults() else self.worker.venues

    async def stop(self) -> None:
        """Raises what it ended with."""
        self.worker.stop()
        await self.run


@asynccontextmanager
async def working(
    settings: KafkaSettings,
    services: Sequence[Service] = DECIDERS,
    now_ms: Callable[[], int] | None = None,
) -> AsyncIterator[list[Member]]:
    """Keep a worker of each of these running while inside."""
    members = [Member(settings, service, now_ms or Clock()) for service in services]
    try:
        yield members
    finally:
        await asyncio.gather(*(member.stop() for member in members if not member.run.done()))
