"""The limit: one aiokafka loop for each venue, with the hops, records and transactions of a step
service, but nothing to decide. What it sends was encoded before.
"""

import argparse
import asyncio
from collections import defaultdict
from itertools import count
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.producer import sender

from bench.peers.recorded import Written, answers, seal
from schemas.topics import INPUTS, PARTITION_OF_VENUE, Service
from services.tuning import expect_few_cycles
from streams.kafka.inbox import Inbox
from streams.kafka.settings import (
    BATCH_BYTES_MAX,
    FETCH_BYTES_MAX,
    NEXT_TRANSACTION_SECONDS,
    POLL_MS_MAX,
)


class Loop:
    """Takes what has come, sends the answers, and commits both in one transaction."""

    def __init__(self, service: Service, address: str, partition: int, consumer: Any) -> None:
        self._group = f"bare.{service}"
        self._partition = partition
        self._consumer = consumer
        self._sources = [TopicPartition(topic, partition) for topic in sorted(INPUTS[service])]
        self._seal = seal(service)
        self._taken: dict[str, Any] = defaultdict(count)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=address,
            transactional_id=f"bare.{service}.{partition}",
            acks="all",
            max_batch_size=BATCH_BYTES_MAX,
        )

    async def run(self, known: dict[str, list[list[Written]]]) -> None:
        await self._producer.start()
        async with Inbox(self._consumer, self._sources) as inbox:
            while True:
                if found := await inbox.take(POLL_MS_MAX):
                    await self._commit(found, self._answers(found, known))

    def _answers(
        self, found: dict[Any, list[Any]], known: dict[str, list[list[Written]]]
    ) -> dict[str, list[Written]]:
        outputs: dict[str, list[Written]] = defaultdict(list)
        for source, records in found.items():
            numbers = self._taken[source.topic]
            for _, number in zip(records, numbers, strict=False):  # in this order none is lost
                for written in known[source.topic][number]:
                    outputs[written.topic].append(written)
        outputs[self._seal.topic].append(self._seal)
        return outputs

    async def _commit(self, found: Any, outputs: dict[str, list[Written]]) -> None:
        await self._producer.begin_transaction()
        for sent in [await self._send(topic, some) for topic, some in outputs.items()]:
            await sent  # before the offsets are sent, as `streams.kafka.commit` says
        offsets = {source: records[-1].offset + 1 for source, records in found.items()}
        await self._producer.send_offsets_to_transaction(offsets, self._group)
        await self._producer.commit_transaction()

    async def _send(self, topic: str, some: list[Written]) -> Any:
        batch = self._producer.create_batch()
        for _, at_ms, value, headers in some:
            said = {"timestamp": at_ms, "key": None, "value": value, "headers": headers}
            if batch.append(**said) is None:
                await self._producer.send_batch(batch, topic, partition=self._partition)
                batch = self._producer.create_batch()
                batch.append(**said)
        return await self._producer.send_batch(batch, topic, partition=self._partition)


async def run(service: Service, address: str, bids: int) -> None:
    sender.BACKOFF_OVERRIDE = NEXT_TRANSACTION_SECONDS
    known = answers(bids)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
        fetch_max_wait_ms=POLL_MS_MAX,
    )
    await consumer.start()
    partitions = PARTITION_OF_VENUE.values()
    consumer.assign([TopicPartition(t, p) for t in INPUTS[service] for p in partitions])
    loops = [Loop(service, address, partition, consumer) for partition in partitions]
    await asyncio.gather(*(loop.run(known) for loop in loops))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", type=Service)
    parser.add_argument("address")
    parser.add_argument("--bids", type=int, required=True, help="how many will come in each venue")
    options = parser.parse_args()
    expect_few_cycles()
    asyncio.run(run(options.service, options.address, options.bids))
