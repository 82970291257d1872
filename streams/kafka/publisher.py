"""The gateway's end: commands onto their topics, durable when acknowledged."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.envelope import Message, Record
from schemas.topics import PARTITION_OF_VENUE
from streams.kafka.settings import (
    BATCH_BYTES_MAX,
    CALL_SECONDS_MAX,
    REQUEST_BYTES_MAX,
    KafkaSettings,
)
from streams.kafka.wire import to_wire
from streams.log import LogError
from streams.scribe import Scribe


class Publisher:
    """Idempotent: what the client sends again on its own is there once. A caller that sends again
    uses the same command id, which the rules take once.
    """

    def __init__(self, settings: KafkaSettings, venue: str) -> None:
        self._settings = settings
        self._venue = venue
        self._partition = PARTITION_OF_VENUE[venue]
        self._producer: Any = AIOKafkaProducer(
            **settings.client(),
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=REQUEST_BYTES_MAX,
        )

    async def start(self) -> None:
        """Raises LogError when the cluster cannot be reached."""
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                await self._producer.start()
        except (KafkaError, TimeoutError) as error:
            await self._producer.stop()
            raise LogError(f"{self._settings!r} cannot be reached: {error!r}") from error

    async def stop(self) -> None:
        await self._producer.stop()

    def record(self, message: Message) -> Record:
        """Return a message that nothing on record caused, such as a command, in its place."""
        return Scribe(self._venue, {}).write(message, message.id)  # type: ignore[union-attr]

    async def publish(self, message: Message) -> int:
        """Return the message's offset once it is durable.

        Raises LogError when that is not known: the caller may send the same again.
        """
        record = self.record(message)
        value, headers = to_wire(record)
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                sent = await self._producer.send_and_wait(
                    record.topic,
                    value,
                    partition=self._partition,
                    timestamp_ms=message.at_ms,
                    headers=headers,
                )
        except (KafkaError, TimeoutError) as error:
            raise LogError(
                f"it is not known whether Kafka has the message ({error!r}): send the same again"
            ) from error
        offset: int = sent.offset
        return offset
