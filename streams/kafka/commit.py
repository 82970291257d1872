"""Commits: outputs, consumed offsets, seal and now and then a snapshot, all in one transaction."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError
from aiokafka.producer import sender

from schemas.envelope import Record
from schemas.topics import INPUTS, SNAPSHOT_TOPICS, Service
from streams.kafka.metrics import COMMIT_SECONDS
from streams.kafka.recovery import Piece
from streams.kafka.settings import (
    BATCH_BYTES_MAX,
    CALL_SECONDS_MAX,
    NEXT_TRANSACTION_SECONDS,
    REQUEST_BYTES_MAX,
    TRANSACTION_MS_MAX,
    KafkaSettings,
)
from streams.kafka.wire import to_wire
from streams.log import LogError

ResultT = TypeVar("ResultT")
sender.BACKOFF_OVERRIDE = NEXT_TRANSACTION_SECONDS  # there is no option for it
GIVEN_UP: Final = (KafkaError, IllegalOperation, OSError, TimeoutError, AssertionError)
Message = tuple[int, bytes | None, bytes, Iterable[tuple[str, bytes]]]  # time, key, value, headers


class CommitFailed(LogError):
    """A transaction did not end well: whether it holds is known to the broker alone. The process
    must end; its successor reads what holds.
    """


class Committer:
    """The one producer of (service, partition): its transactional id is made of exactly these, so
    starting it fences every other that still believes to be the one.
    """

    def __init__(self, settings: KafkaSettings, service: Service, partition: int) -> None:
        self._group = group_of(service)
        self._service = service
        self._partition = partition
        self._topic_of_snapshots: Final = SNAPSHOT_TOPICS[service].name
        self._took = COMMIT_SECONDS.labels(service.value, partition)
        self._producer = AIOKafkaProducer(
            **settings.client(),
            transactional_id=f"databourse.{service}.{partition}",
            transaction_timeout_ms=TRANSACTION_MS_MAX,
            acks="all",
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=REQUEST_BYTES_MAX,
        )

    async def start(self) -> None:
        """Fence the others. Raises CommitFailed."""
        await self._limited(self._producer.start())

    async def stop(self) -> None:
        await self._limited(self._producer.stop())

    async def commit(
        self,
        records: Iterable[Record],
        consumed: Mapping[str, int],
        snapshot: Iterable[Piece] = (),
        also: Iterable[str] = (),
    ) -> dict[str, int]:
        """Commit all of it or nothing; return by topic where the next records will begin.

        `consumed` has the next offset to take of each input topic; `also` are topics that are to
        get the end of this transaction without a record of it. Raises CommitFailed, after which
        this producer is not to be used again.
        """
        messages: dict[str, list[Message]] = defaultdict(list)
        for record in records:
            value, headers = to_wire(record)
            messages[record.topic].append((record.data.at_ms, None, value, headers))
        for key, value, headers in snapshot:
            messages[self._topic_of_snapshots].append((0, key, value, headers))
        begin = time.monotonic()
        ends = await self._limited(self._transact(messages, consumed, also))
        self._took.observe(time.monotonic() - begin)
        return ends

    async def abort(self, topics: Iterable[str]) -> None:
        """Let a transaction without records end in these topics as one that was not to be, and
        with it whatever of ours is still open in them, offsets too. Raises CommitFailed.
        """
        await self._limited(self._abort(topics))

    async def _abort(self, topics: Iterable[str]) -> None:
        await self._begin(topics)
        void = {TopicPartition(topic, self._partition): 0 for topic in INPUTS[self._service]}
        await self._producer.send_offsets_to_transaction(void, self._group)
        await self._producer.abort_transaction()

    async def _begin(self, topics: Iterable[str]) -> None:
        """The client has no other way to take topics into a transaction than to write to them."""
        await self._producer.begin_transaction()
        for topic in topics:
            place = TopicPartition(topic, self._partition)
            self._producer._txn_manager.maybe_add_partition_to_txn(place)

    async def _transact(
        self,
        messages: Mapping[str, list[Message]],
        consumed: Mapping[str, int],
        also: Iterable[str],
    ) -> dict[str, int]:
        """The broker checks with the transaction's coordinator what is written, one request of a
        producer at a time: records and offsets on their way together are refused now and then,
        and sent again only after `BACKOFF_MS`. So the offsets go when the records are there.
        """
        producer = self._producer
        await self._begin(also)
        sent = {topic: await self._send(topic, some) for topic, some in messages.items()}
        ends = {topic: (await last).offset + count for topic, (count, last) in sent.items()}
        if consumed:
            offsets = {
                TopicPartition(topic, self._partition): offset for topic, offset in consumed.items()
            }
            await producer.send_offsets_to_transaction(offsets, self._group)
        await producer.commit_transaction()
        return ends

    async def _send(self, topic: str, messages: list[Message]) -> tuple[int, Any]:
        """Send messages in batches; return the size of the last batch and its future."""
        batch, count = self._producer.create_batch(), 0
        for at_ms, key, value, headers in messages:
            said = {"timestamp": at_ms, "key": key, "value": value, "headers": list(headers)}
            if batch.append(**said) is None:
                await self._producer.send_batch(batch, topic, partition=self._partition)
                batch, count = self._producer.create_batch(), 0
                if batch.append(**said) is None:
                    raise CommitFailed(f"a record of {len(value)} bytes for {topic} is too large")
            count += 1
        return count, await self._producer.send_batch(batch, topic, partition=self._partition)

    async def _limited(self, call: Awaitable[ResultT]) -> ResultT:
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                return await call
        except GIVEN_UP as error:
            raise CommitFailed(f"the transaction failed: {self._first(error)!r}") from error

    def _first(self, error: Exception) -> BaseException:
        """The client keeps what it gave up for; every later call finds only that it has."""
        end = self._producer._txn_manager.wait_for_transaction_end()
        return (end.exception() if end and end.done() else None) or error


# How a partition's committer is made.
Committing = Callable[[KafkaSettings, Service, int], Committer]


def group_of(service: Service) -> str:
    """Return the consumer group whose committed offsets say what a service has taken."""
    return f"databourse.{service}"
