"""What services could not read and put aside: found again, and commands sent once more."""

import asyncio
import base64
from typing import Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.base import SchemaError
from schemas.events.trail import DeadLetter
from schemas.topics import PARTITION_OF_VENUE, TOPIC_NAMED, Service
from streams.kafka.inspection import Bounds, bounds, newest
from streams.kafka.settings import CALL_SECONDS_MAX, REQUEST_BYTES_MAX, KafkaSettings
from streams.kafka.wire import from_wire
from streams.log import LogError

TOPICS: Final = tuple(name for name in TOPIC_NAMED if name.endswith(".dead-letters"))
RETRY_OF: Final = "databourse-retry-of"  # header: the id of the dead letter that was sent again


class Put(NamedTuple):
    """A dead letter and the service that put it aside."""

    service: str
    letter: DeadLetter

    @property
    def value(self) -> bytes:
        return base64.b64decode(self.letter.value)

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        return [(h.name, base64.b64decode(h.value)) for h in self.letter.headers]


class Retried(NamedTuple):
    """`offset` is the message's new one; `before` says that it had been sent already."""

    offset: int
    before: bool


async def dead_letters(settings: KafkaSettings, venue: str) -> list[Put]:
    """Return a venue's, in the order they were put aside. Raises LogError."""
    partition = PARTITION_OF_VENUE[venue]
    found = await bounds(settings, partition, TOPICS)
    put = []
    async for record in newest(settings, partition, found, None):
        data = from_wire(
            record.topic, record.partition, record.offset, record.value, record.headers
        ).data
        assert isinstance(data, DeadLetter), "these topics carry nothing else"
        put.append(Put(TOPIC_NAMED[record.topic].writer.value, data))
    return put


async def retry(settings: KafkaSettings, put: Put, *, again: bool = False) -> Retried:
    """Send a command once more, as it was. It is sent once: another time only with `again`.

    Raises LogError when it is an event, or still cannot be read: it would only be put aside again.
    """
    letter = put.letter
    if TOPIC_NAMED[letter.topic].writer is not Service.GATEWAY:
        raise LogError(
            f"{letter.id} is an event of {TOPIC_NAMED[letter.topic].writer}: sent again it would "
            "stand twice; docs/operations.md says what to do"
        )
    try:
        from_wire(letter.topic, letter.partition, letter.offset, put.value, put.headers)
    except SchemaError as error:
        raise LogError(f"{letter.id} still cannot be read: {error}") from error
    before = await _sent_before(settings, letter)
    if before is not None and not again:
        return Retried(before, before=True)
    return Retried(await _send(settings, put), before=False)


async def _sent_before(settings: KafkaSettings, letter: DeadLetter) -> int | None:
    ends = await bounds(settings, letter.partition, [letter.topic])
    later = {letter.topic: Bounds(letter.offset + 1, ends[letter.topic].end)}
    async for record in newest(settings, letter.partition, later, None):
        if dict(record.headers).get(RETRY_OF) == letter.id.encode():
            return int(record.offset)
    return None


async def _send(settings: KafkaSettings, put: Put) -> int:
    producer = AIOKafkaProducer(
        **settings.client(),
        enable_idempotence=True,
        acks="all",
        max_request_size=REQUEST_BYTES_MAX,
    )
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            await producer.start()
            sent = await producer.send_and_wait(
                put.letter.topic,
                put.value,
                partition=put.letter.partition,
                timestamp_ms=put.letter.at_ms,
                headers=[*put.headers, (RETRY_OF, put.letter.id.encode())],
            )
    except (KafkaError, TimeoutError) as error:
        raise LogError(f"it is not known whether Kafka has it ({error!r}): retry") from error
    finally:
        await producer.stop()
    return int(sent.offset)
