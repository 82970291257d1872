"""One venue's part of a service: taken over, driven, and let go without losing or doubling work."""

import asyncio
import base64
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka import TopicPartition

from market.steps import Ticks
from schemas.base import SchemaError
from schemas.envelope import Record
from schemas.events.trail import Header
from schemas.topics import INPUTS, PARTITION_OF_VENUE, Service
from streams.kafka import metrics
from streams.kafka.commit import Committer, Committing
from streams.kafka.endings import Endings, end_former
from streams.kafka.inbox import Inbox
from streams.kafka.recovery import Piece, Positions, pieces, recover
from streams.kafka.settings import (
    CALL_SECONDS_MAX,
    POLL_MS_MAX,
    KafkaSettings,
)
from streams.kafka.standstill import Standstill
from streams.kafka.wire import from_wire
from streams.log import LogError
from streams.recovery import RULES
from streams.scribe import Scribe
from streams.steps import DEAD_LETTERS, Input

TICK_EVERY_SECONDS: Final = 0.05
VENUE_OF_PARTITION: Final = {number: venue for venue, number in PARTITION_OF_VENUE.items()}
log = logging.getLogger("databourse")


class Partition:
    """`run` goes on until `stop`, or raises what makes going on wrong."""

    def __init__(
        self,
        settings: KafkaSettings,
        service: Service,
        number: int,
        consumer: Any,
        now_ms: Callable[[], int],
        committing: Committing = Committer,
    ) -> None:
        self.number = number
        self.venue = VENUE_OF_PARTITION[number]
        self.ready = False
        self._settings = settings
        self._service = service
        self._consumer = consumer
        self._now_ms = now_ms
        self._committer = committing(settings, service, number)
        self._clock = Ticks() if service is Service.SETTLEMENT else None
        self._sources = [TopicPartition(topic, number) for topic in sorted(INPUTS[service])]
        self._busy = asyncio.Lock()  # held from taking inputs until they are committed
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self, failed: Callable[[BaseException], None]) -> None:
        self._consumer.pause(*self._sources)  # until it is known where to begin
        self._task = asyncio.create_task(self._run(), name=f"{self._service}-{self.number}")

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                failed(error)
            elif not self._stopping:
                failed(LogError(f"the work on venue {self.venue} was cancelled from within"))

        self._task.add_done_callback(ended)

    async def stop(self) -> None:
        """End between two commits. Raises LogError when it does not end."""
        async with self._busy:
            self._stopping = True
            if self._task is not None:
                self._task.cancel()
        if self._task is not None:
            ended, _ = await asyncio.wait({self._task}, timeout=CALL_SECONDS_MAX)
            if not ended:
                raise LogError(f"the work on venue {self.venue} does not end")
        await self._committer.stop()

    async def _run(self) -> None:
        await self._take_over()
        standstill = Standstill(self._consumer, self._sources)
        endings = Endings(self._settings, self._service, self.number, self._committer)
        async with Inbox(self._consumer, self._sources) as inbox:
            while not self._stopping:
                found = await inbox.take(self._wait_ms())
                async with self._busy:
                    await self._take(found)
                    await endings.check(self._answered(), self._taken)
                await standstill.check()

    def _answered(self) -> list[int | None]:
        return [self._consumer.last_poll_timestamp(source) for source in self._sources]

    async def _take_over(self) -> None:
        """Fence, then the state, then the offsets: in this order nothing of a stalled twin can
        come between.
        """
        begin = time.monotonic()
        await self._committer.start()
        await end_former(self._settings, self._service, self.venue, self.number, self._committer)
        self._stepper, self._positions, self._taken = await recover(
            self._settings, self._service, self.venue, self.number
        )
        self._snapshot_at = self._stepper.sequence
        async with asyncio.timeout(CALL_SECONDS_MAX):
            for source in self._sources:
                await self._go_to_next(source)
        self._consumer.resume(*self._sources)
        self.ready = True
        took = time.monotonic() - begin
        metrics.TAKEOVER_SECONDS.labels(self._service.value, self.number).observe(took)
        log.info(
            "%s: venue %s taken up at sequence %d in %.2f s",
            self._service,
            self.venue,
            self._stepper.sequence,
            took,
        )

    async def _go_to_next(self, source: TopicPartition) -> None:
        """The group's offset is ahead of the seals where what could not be read was put aside; it
        is behind, or none, where the broker has forgotten it, as it does of a group long at rest.
        """
        kept, sealed = await self._consumer.committed(source), self._taken.get(source.topic, 0)
        if (kept or 0) < sealed:
            log.warning("%s: offset %s of the group, %d by the seals", source, kept, sealed)
        self._taken[source.topic] = max(kept or 0, sealed)
        self._consumer.seek(source, self._taken[source.topic])

    def _wait_ms(self) -> int:
        return POLL_MS_MAX if self._clock is None else int(TICK_EVERY_SECONDS * 1000)

    async def _take(self, found: dict[Any, list[Any]]) -> None:
        inputs: list[Input] = []
        outputs: list[Record] = []
        consumed: Positions = {}
        for source, records in found.items():
            consumed[source.topic] = records[-1].offset + 1
            for record in records:
                try:
                    inputs.append(_input(record))
                except SchemaError as error:
                    outputs.append(self._dead_letter(record, error))
        snapshot = await self._snapshot_if_due()
        dead = len(outputs)
        if inputs:
            outputs += self._stepper.take(inputs)
        if self._clock is not None:
            due_ms = RULES[self._service].next_deadline(self._stepper.state)
            messages = (entry.message for entry in inputs)
            for tick in self._clock.due(messages, due_ms, self._now_ms()):
                outputs.append(Scribe(self.venue, {}).write(tick, tick.id))
        if not outputs and not consumed:
            return
        ends = await self._committer.commit(outputs, consumed, snapshot)
        self._positions |= {topic: ends[topic] for topic in self._positions if topic in ends}
        self._taken |= consumed
        self._tell(inputs, outputs, dead)

    async def _snapshot_if_due(self) -> list[Piece]:
        """Nothing changes the state meanwhile; a large one must not hold the heartbeats up."""
        if self._stepper.sequence - self._snapshot_at < self._settings.snapshot_every_events:
            return []
        self._snapshot_at = self._stepper.sequence
        return await asyncio.to_thread(pieces, self._stepper, self._positions, self._taken)

    def _dead_letter(self, record: Any, error: SchemaError) -> Record:
        log.error("%s/%d/%d: %s", record.topic, record.partition, record.offset, error)
        letter = DEAD_LETTERS[self._service](
            id=f"{record.topic}-{record.partition}-{record.offset}",
            at_ms=max(record.timestamp, 0),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=str(error)[:4_000],
            value=base64.b64encode(record.value or b"").decode(),
            headers=tuple(
                Header(name=name[:4_000], value=base64.b64encode(value or b"").decode())
                for name, value in record.headers
            ),
        )
        return Scribe(self.venue, {}).write(letter, "")

    def _tell(self, inputs: list[Input], outputs: list[Record], dead: int) -> None:
        labels = (self._service.value, self.number)
        metrics.BATCH_RECORDS.labels(*labels).observe(len(inputs))
        metrics.INPUTS.labels(*labels).inc(len(inputs))
        metrics.EVENTS.labels(*labels).inc(sum(record.sequence > 0 for record in outputs))
        metrics.DEAD_LETTERS.labels(*labels).inc(dead)
        for source in self._sources:
            end = self._consumer.highwater(source)
            taken = max((i.offset for i in inputs if i.topic == source.topic), default=None)
            if end is not None and taken is not None:
                metrics.LAG.labels(*labels, source.topic).set(max(end - taken - 1, 0))


def _input(record: Any) -> Input:
    made = from_wire(record.topic, record.partition, record.offset, record.value, record.headers)
    return Input(record.topic, record.offset, made.data, made.id, made.correlationid)
