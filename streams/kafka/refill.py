"""Writing a topic's records again at the offsets they had.

Transaction markers and aborted records have left holes between the offsets of a topic. Other
offsets would make other leaves of the audit tree, so the holes are made again: of records that no
reader of committed records sees, since their transaction is aborted, and of that one's marker.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.envelope import Record
from streams.kafka.settings import BACKOFF_MS, CALL_SECONDS_MAX, REQUEST_BYTES_MAX, KafkaSettings
from streams.kafka.wire import to_wire
from streams.log import LogBroken, LogError

RUN_RECORDS_MAX: Final = 1_000  # on their way at a time
OPEN_SECONDS_MAX: Final = 20.0  # of the transaction that fills holes, before a marker ends it
TRANSACTION_MS: Final = 300_000
_FILLER: Final = [("databourse-restore", b"fills an offset; its transaction is aborted")]


async def refill(
    settings: KafkaSettings,
    topic: str,
    partition: int,
    records: Iterable[Record],
    open_seconds_max: float = OPEN_SECONDS_MAX,
) -> int:
    """Write a topic's records, in order, into its empty partition; return how many.

    Nobody else may write there meanwhile. Raises LogError when that goes wrong: then the topics
    have to be made anew.
    """
    plain = AIOKafkaProducer(
        **settings.client(),
        enable_idempotence=True,
        acks="all",
        max_request_size=REQUEST_BYTES_MAX,
    )
    holes = _Holes(settings, topic, partition, open_seconds_max)
    count = at = 0
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            await plain.start()
        for run in _runs(records):
            await holes.fill(at, run[0].offset)
            await _write(plain, run)
            at, count = run[-1].offset + 1, count + len(run)
    except (KafkaError, TimeoutError) as error:
        raise LogError(f"{topic} could not be written: {error!r}") from error
    finally:
        await holes.stop()
        await plain.stop()
    return count


async def place_group(
    settings: KafkaSettings, group: str, partition: int, taken: Mapping[str, int]
) -> None:
    """Commit for a group without members what it will take next, by topic. Raises LogError."""
    consumer = AIOKafkaConsumer(**settings.client(), group_id=group, enable_auto_commit=False)
    places = {TopicPartition(topic, partition): offset for topic, offset in taken.items()}
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            await consumer.start()
            consumer.assign(list(places))
            await consumer.commit(places)
    except (KafkaError, TimeoutError) as error:
        raise LogError(f"the offsets of {group} could not be committed: {error!r}") from error
    finally:
        await consumer.stop()


class _Holes:
    """Makes offsets that hold nothing. A transaction is open while holes are filled and ends with
    its marker in the place of one of them.
    """

    def __init__(
        self, settings: KafkaSettings, topic: str, partition: int, open_seconds_max: float
    ) -> None:
        self._settings = settings
        self._open_seconds_max = open_seconds_max
        self._topic = topic
        self._partition = partition
        self._producer = AIOKafkaProducer(
            **settings.client(),
            transactional_id=f"databourse.restore.{topic}.{partition}",
            transaction_timeout_ms=TRANSACTION_MS,
            acks="all",
        )
        self._started = False
        self._opened_at: float | None = None

    async def fill(self, start: int, end: int) -> None:
        for offset in range(start, end):
            if not self._started:
                async with asyncio.timeout(CALL_SECONDS_MAX):
                    await self._producer.start()
                self._started = True
            if self._opened_at is not None and (
                time.monotonic() - self._opened_at > self._open_seconds_max
            ):
                await self._abort()
                await self._marker_at(offset)
            else:
                await self._fill_one(offset)

    async def stop(self) -> None:
        if self._opened_at is not None:
            await self._abort()
        await self._producer.stop()

    async def _fill_one(self, offset: int) -> None:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            if self._opened_at is None:
                await self._producer.begin_transaction()
                self._opened_at = time.monotonic()
            sent = await self._producer.send_and_wait(
                self._topic, b"", partition=self._partition, headers=_FILLER
            )
        _check(self._topic, sent.offset, offset)

    async def _marker_at(self, offset: int) -> None:
        """Wait for a marker: the broker answers before it is written."""
        source = TopicPartition(self._topic, self._partition)
        ends = AIOKafkaConsumer(**self._settings.client(), enable_auto_commit=False)
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                await ends.start()
                while True:
                    found = await ends.end_offsets([source])
                    if found[source] > offset:
                        return
                    await asyncio.sleep(BACKOFF_MS / 1000)
        finally:
            await ends.stop()

    async def _abort(self) -> None:
        self._opened_at = None
        async with asyncio.timeout(CALL_SECONDS_MAX):
            await self._producer.abort_transaction()


async def _write(producer: Any, run: list[Record]) -> None:
    async with asyncio.timeout(CALL_SECONDS_MAX):
        sent = []
        for record in run:
            value, headers = to_wire(record)
            sent.append(
                await producer.send(
                    record.topic,
                    value,
                    partition=record.partition,
                    timestamp_ms=record.data.at_ms,
                    headers=headers,
                )
            )
        for record, future in zip(run, sent, strict=True):
            _check(record.topic, (await future).offset, record.offset)


def _check(topic: str, offset: int, expected: int) -> None:
    if offset != expected:
        raise LogBroken(
            f"{topic} got offset {offset} where {expected} must follow: somebody else writes "
            "there, or it was not empty; make the topics anew and begin again"
        )


def _runs(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield records with offsets that follow each other."""
    run: list[Record] = []
    for record in records:
        if run and (record.offset != run[-1].offset + 1 or len(run) == RUN_RECORDS_MAX):
            yield run
            run = []
        run.append(record)
    if run:
        yield run
