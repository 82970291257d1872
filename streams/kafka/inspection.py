"""What a cluster looks like just now: who is at work, how far, and what was written. Only read."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Collection, Iterable
from typing import Any, Final, NamedTuple

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.kafka.reader import read_to_end, reading
from streams.kafka.settings import BACKOFF_MS, CALL_SECONDS_MAX, KafkaSettings
from streams.kafka.topics import administering

LOOK_SECONDS: Final = 0.5
_UUID: Final = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class Group(NamedTuple):
    """A consumer group: by member the partitions of each topic it has, and by topic the next
    offset to take of one partition.
    """

    members: dict[str, dict[str, list[int]]]
    taken: dict[str, int]


class Bounds(NamedTuple):
    """Where a topic's records begin, and where its committed ones end."""

    first: int
    end: int


async def groups(
    settings: KafkaSettings, names: Collection[str], partition: int
) -> dict[str, Group]:
    """Raises LogError when the cluster does not answer."""
    async with administering(settings) as admin, asyncio.timeout(CALL_SECONDS_MAX):
        return {name: await _group(admin, name, partition) for name in names}


async def bounds(
    settings: KafkaSettings, partition: int, topics: Iterable[str]
) -> dict[str, Bounds]:
    """Raises LogError when the cluster does not answer or has no such topic."""
    async with reading(settings, partition, dict.fromkeys(topics, 0)) as consumer:
        sources = list(consumer.assignment())
        firsts = await consumer.beginning_offsets(sources)
        ends = await consumer.end_offsets(sources)
        return {tp.topic: Bounds(firsts[tp], ends[tp]) for tp in sources}


async def hanging(
    settings: KafkaSettings, partition: int, topics: Collection[str], seconds: float
) -> list[str]:
    """Return the topics whose committed records end before a transaction that was open all this
    time. Where none is open, or all go on, the answer comes at once. Raises LogError.
    """
    start = dict.fromkeys(topics, 0)
    async with (
        reading(settings, partition, start) as committed,
        reading(settings, partition, start, committed=False) as written,
    ):
        deadline = time.monotonic() + seconds
        waits: dict[Any, int] = {}
        while True:
            ends = await committed.end_offsets(list(committed.assignment()))
            all_ends = await written.end_offsets(list(written.assignment()))
            before, waits = waits, {tp: end for tp, end in ends.items() if end < all_ends[tp]}
            stuck = [tp for tp, end in waits.items() if before.get(tp, end) == end]
            if not stuck or time.monotonic() > deadline:
                return sorted(tp.topic for tp in stuck)
            await asyncio.sleep(LOOK_SECONDS)


async def newest(
    settings: KafkaSettings, partition: int, found: dict[str, Bounds], limit: int | None
) -> AsyncIterator[Any]:
    """Yield the committed records of topics, each topic's in order: all of them, or those at its
    last `limit` offsets.
    """
    start = {
        topic: first if limit is None else max(first, end - limit)
        for topic, (first, end) in found.items()
        if end > first
    }
    if start:
        async for record in read_to_end(settings, partition, start):
            yield record


async def _group(admin: Any, name: str, partition: int) -> Group:
    coordinator = await _coordinator(admin, name)
    (answer,) = await admin.describe_consumer_groups([name], coordinator)
    ((_, _, _, _, _, members, *_),) = answer.groups
    offsets = await admin.list_consumer_group_offsets(name, coordinator)
    taken = {tp.topic: said.offset for tp, said in offsets.items() if tp.partition == partition}
    return Group(dict(map(_member, members)), taken)


async def _coordinator(admin: Any, name: str) -> int:
    """A new cluster makes its topic of offsets when it is first asked, and has none until then."""
    while True:
        try:
            return int(await admin.find_coordinator(name))
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(BACKOFF_MS / 1000)


def _member(described: tuple[Any, ...]) -> tuple[str, dict[str, list[int]]]:
    member_id, _, host, _, assignment = described
    name = f"{_UUID.sub('', member_id)}@{host.lstrip('/')}"
    if not assignment:
        return name, {}
    decoded = ConsumerProtocolMemberAssignment.decode(assignment)
    return name, {topic: list(partitions) for topic, partitions in decoded.assignment}
