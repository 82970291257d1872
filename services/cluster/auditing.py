"""The audit service on a cluster: sequences every record of a venue into its trail, keeps the tree
over it, and publishes signed checkpoints. One at a time; a twin waits for its place.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from schemas.events import CheckpointSigned
from services.audit.shared import PostgresShelf
from services.audit.store import AuditLoop, AuditStore
from services.cluster.sequencing import Sequencing
from streams.kafka.publisher import Publisher
from streams.kafka.settings import KafkaSettings
from streams.log import LogError, LogInUse
from streams.postgres import PostgresLog, PostgresReader, when_free

TELL_EVERY_SECONDS: Final = 0.5
log = logging.getLogger("databourse")


class Auditing:
    """`folder` holds the key that signs checkpoints."""

    def __init__(
        self,
        settings: KafkaSettings,
        database: str,
        venue: str,
        folder: Path,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._database = database
        self._venue = venue
        self._folder = folder
        self._now_ms = now_ms
        self._stopping = threading.Event()
        self._sequencing: Sequencing | None = None
        self._loop: AuditLoop | None = None

    async def run(self) -> None:
        """Raises LogError where topics, trail or tree cannot be used any more."""
        try:
            trail = await asyncio.to_thread(when_free, self._database, self._venue, self._stopping)
        except LogInUse:
            return  # told to stop while another one had the place
        async with AsyncExitStack() as opened:
            opened.callback(trail.close)
            await self._work(opened, trail)

    def stop(self) -> None:
        self._stopping.set()
        if self._sequencing is not None:
            self._sequencing.stop()

    def faults(self) -> list[str]:
        if self._sequencing is None or self._loop is None:
            return ["another audit service has the venue; this one stands by"]
        failed = self._loop.failure
        return [*self._sequencing.faults(), *([f"audit: {failed}"] if failed else [])]

    async def _work(self, opened: AsyncExitStack, trail: PostgresLog) -> None:
        reader = PostgresReader(self._database, self._venue)
        opened.callback(reader.close)
        shelf = PostgresShelf(self._database, self._venue)
        store = AuditStore(self._folder, shelf, reader)
        opened.callback(store.close)
        await asyncio.to_thread(store.check)
        loop = AuditLoop(store)
        opened.callback(loop.stop)
        loop.start()
        publisher = Publisher(self._settings, self._venue)
        await publisher.start()
        opened.push_async_callback(publisher.stop)
        self._sequencing, self._loop = Sequencing(self._settings, trail), loop
        if self._stopping.is_set():
            return
        log.info("venue %s: its trail goes on at %d", self._venue, trail.size)
        telling = asyncio.create_task(self._tell_checkpoints(store, loop, publisher))
        try:
            await self._sequencing.run()
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell_checkpoints(
        self, store: AuditStore, loop: AuditLoop, publisher: Publisher
    ) -> None:
        """Put each new signed tree head on its topic."""
        told = 0
        while True:
            await asyncio.sleep(TELL_EVERY_SECONDS)
            if loop.failure is not None:
                assert self._sequencing is not None, "it runs"
                self._sequencing.fail(LogError(f"the tree stands still: {loop.failure}"))
                return
            size, _, note = await asyncio.to_thread(store.head)
            if size > told:
                signed = CheckpointSigned(
                    id=f"checkpoint-{size}", at_ms=self._now_ms(), size=size, note=note.decode()
                )
                await publisher.publish(signed)
                told = size
