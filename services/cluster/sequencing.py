"""The audit service on a cluster: every committed record of a venue, in one order, in its trail."""

import asyncio
import logging
import time
from typing import Any, Final

from prometheus_client import Counter, Gauge

from schemas.base import SchemaError
from schemas.envelope import Record, encode
from schemas.topics import PARTITION_OF_VENUE
from services.audit.sequencer import SEQUENCED, Sequencer
from streams.kafka.reader import reading
from streams.kafka.settings import POLL_MS_MAX, KafkaSettings
from streams.kafka.wire import from_wire
from streams.log import Entry, Log, LogError

READ_RECORDS_MAX: Final = 2_000
WAITING_RECORDS_MAX: Final = 20_000  # of one topic, for their place; then others are read first
STUCK_SECONDS: Final = 30.0
SEQUENCED_RECORDS: Final = Counter(
    "databourse_sequenced_records", "Records placed in the trail", ("venue",)
)
WAITING_RECORDS: Final = Gauge(
    "databourse_waiting_records", "Records read that wait for their place", ("venue",)
)
TRAIL_RECORDS: Final = Gauge("databourse_trail_records", "Records in the trail", ("venue",))
log = logging.getLogger("databourse")


class Sequencing:
    """Reads on from where the trail's heads say; the trail commits records and heads together, so
    each record is in it once.
    """

    def __init__(self, settings: KafkaSettings, trail: Log) -> None:
        self._settings = settings
        self._trail = trail
        self._partition = PARTITION_OF_VENUE[trail.venue]
        self._sequencer = Sequencer(trail.heads())
        self._stopping = False
        self._failure: LogError | None = None
        self._placed_at = time.monotonic()

    async def run(self) -> None:
        """Raises LogError when topics or trail cannot be used any more."""
        start = {topic: self._sequencer.heads.get(topic, 0) for topic in SEQUENCED}
        async with reading(self._settings, self._partition, start) as consumer:
            while not self._stopping:
                room = [tp for tp in consumer.assignment() if self._has_room(tp.topic)]
                found = await consumer.getmany(
                    *room, timeout_ms=POLL_MS_MAX, max_records=READ_RECORDS_MAX
                )
                if found:
                    await self._place(found)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        self._stopping = True

    def fail(self, error: LogError) -> None:
        """Stop, and let `run` raise this."""
        self._failure = error
        self.stop()

    def faults(self) -> list[str]:
        waited = time.monotonic() - self._placed_at
        waiting = self._waiting()
        if waiting and waited > STUCK_SECONDS:
            return [
                f"{waiting} records of {self._trail.venue} wait for their place: {waited:.0f} s"
            ]
        return []

    async def _place(self, found: dict[Any, list[Any]]) -> None:
        placed: list[Record] = []
        for records in found.values():
            readable = []
            for record in records:
                try:
                    readable.append(
                        from_wire(
                            record.topic,
                            record.partition,
                            record.offset,
                            record.value,
                            record.headers,
                        )
                    )
                except SchemaError as error:
                    log.error("%s/%d: passed over: %s", record.topic, record.offset, error)
                    placed += self._sequencer.place(readable)
                    readable = []
                    self._sequencer.skip(record.topic, record.offset)
            placed += self._sequencer.place(readable)
        entries = [Entry(record.topic, encode(record)) for record in placed]
        await asyncio.to_thread(self._trail.append, entries, dict(self._sequencer.heads))
        if placed:
            self._placed_at = time.monotonic()
        SEQUENCED_RECORDS.labels(self._trail.venue).inc(len(placed))
        WAITING_RECORDS.labels(self._trail.venue).set(self._waiting())
        TRAIL_RECORDS.labels(self._trail.venue).set(self._trail.size)

    def _has_room(self, topic: str) -> bool:
        return self._sequencer.waiting(topic) < WAITING_RECORDS_MAX

    def _waiting(self) -> int:
        return sum(self._sequencer.waiting(topic) for topic in SEQUENCED)
