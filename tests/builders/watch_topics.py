"""The watch's topics on a real broker, under a prefix: made, written to in transactions, and read
back.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from market.watch.state import TOPICS
from schemas.envelope import Record, decode_record
from schemas.topics import TOPIC_NAMED, WATCH_TABLES
from services.watch.app import GROUP
from streams.kafka.topics import PARTITIONS, configuration
from streams.kafka.wire import from_wire, to_wire
from streams.memory import MemoryLog
from tests.builders.days import run

OUTPUTS = ("index", "alerts")
PARTITION = 0


class WatchTopics:
    def __init__(self, address: str, prefix: str) -> None:
        self.address = address
        self.prefix = prefix

    async def make(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        topics = [*(TOPIC_NAMED[name] for name in (*sorted(TOPICS), *OUTPUTS)), WATCH_TABLES]
        await admin.create_topics(
            [
                NewTopic(
                    self.prefix + topic.name,
                    PARTITIONS,
                    1,
                    topic_configs=configuration(topic, 1),
                )
                for topic in topics
            ]
        )
        await admin.close()

    async def write(
        self,
        commits: Sequence[Sequence[Record]],
        aborted: Sequence[Record] = (),
        partition: int = PARTITION,
    ) -> None:
        """Write each commit as one transaction; before each of them one that is given up."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.address, transactional_id=f"{self.prefix}writer", linger_ms=5
        )
        await producer.start()
        try:
            for records in commits:
                if aborted:
                    await producer.begin_transaction()
                    await self._send(producer, aborted, partition)
                    await producer.abort_transaction()
                await producer.begin_transaction()
                await self._send(producer, records, partition)
                await producer.commit_transaction()
        finally:
            await producer.stop()

    async def _send(
        self, producer: AIOKafkaProducer, records: Sequence[Record], partition: int
    ) -> None:
        sent = []
        for record in records:
            value, headers = to_wire(record)
            topic = self.prefix + record.topic
            sent.append(await producer.send(topic, value, partition=partition, headers=headers))
        await asyncio.gather(*sent)

    async def read(self, *topics: str) -> list[Record]:
        """Return what stands on these topics by now."""
        return [
            from_wire(m.topic.removeprefix(self.prefix), m.partition, m.offset, m.value, m.headers)
            for m in await self._messages(*topics)
        ]

    async def tables(self) -> list[Any]:
        """Return what the watch has written down, as far as it is still there."""
        return await self._messages(WATCH_TABLES.name)

    async def _messages(self, *topics: str) -> list[Any]:
        consumer = self._consumer(isolation_level="read_committed")
        await consumer.start()
        try:
            places = [TopicPartition(self.prefix + topic, PARTITION) for topic in topics]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            found: list[Any] = []
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for messages in (await consumer.getmany(timeout_ms=100)).values():
                    found += messages
            return found
        finally:
            await consumer.stop()

    async def lags(self) -> dict[str, int]:
        """Return by topic how many offsets before its end the group has committed."""
        consumer = self._consumer(group_id=self.prefix + GROUP, enable_auto_commit=False)
        await consumer.start()
        try:
            places = [TopicPartition(self.prefix + topic, PARTITION) for topic in sorted(TOPICS)]
            ends = await consumer.end_offsets(places)
            return {
                tp.topic.removeprefix(self.prefix): end - (await consumer.committed(tp) or 0)
                for tp, end in ends.items()
            }
        finally:
            await consumer.stop()

    async def commit(self, before_the_end: int) -> None:
        """Commit for the group, while it has no members, so many offsets before each end."""
        consumer = self._consumer(group_id=self.prefix + GROUP, enable_auto_commit=False)
        await consumer.start()
        try:
            places = [TopicPartition(self.prefix + topic, PARTITION) for topic in sorted(TOPICS)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            await consumer.commit({tp: end - before_the_end for tp, end in ends.items()})
        finally:
            await consumer.stop()

    async def tables_written(self) -> int:
        """Return how often the watch has written down what it remembers."""
        consumer = self._consumer()
        await consumer.start()
        try:
            place = TopicPartition(self.prefix + WATCH_TABLES.name, PARTITION)
            return int((await consumer.end_offsets([place]))[place])
        finally:
            await consumer.stop()

    def _consumer(self, **settings: Any) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(bootstrap_servers=self.address, **settings)


def days() -> list[Record]:
    """Return what matching and settlement have written in ten days, in the order of the log."""
    log = MemoryLog()
    run(log)
    return [decode_record(body) for _, body in log.read(0, topics=TOPICS)]


def words(records: Sequence[Record]) -> dict[str, list[tuple]]:
    """Return what a watch said with its causes, by topic and stream, in order; repetitions left
    out. The two streams may race each other.
    """
    found: dict[str, list[tuple]] = {}
    for record in records:
        stream = record.causationid.partition("-")[0]
        word = (record.data, record.correlationid, record.causationid)
        some = found.setdefault(f"{record.topic} of {stream}", [])
        if word not in some:
            some.append(word)
    return found
