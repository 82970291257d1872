"""The topics of a venue made again from its trail, on a cluster that has lost them.

The trail stays as it is, to the byte: each record goes back to the offset that its leaf names, so
the services, the sequencer and whoever verifies go on as if nothing had been lost.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice

from schemas.envelope import Record, decode_record
from schemas.events.trail import InputsTaken
from schemas.topics import DECIDERS, INPUTS, PARTITION_OF_VENUE, Service
from services.audit.findings import in_steps
from services.audit.sequencer import SEQUENCED
from streams.kafka.commit import group_of
from streams.kafka.inspection import bounds, groups
from streams.kafka.refill import place_group, refill
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import ALL_TOPICS, ensure_topics
from streams.log import READ_LIMIT_MAX, Entry, Log, LogError, LogReader


async def restore(settings: KafkaSettings, trail: LogReader) -> int:
    """Return how many records went back.

    Raises LogError where the cluster is not empty or not idle, or the trail is no cluster's.
    """
    partition = PARTITION_OF_VENUE[trail.venue]
    if not in_steps(trail):
        raise LogError(
            "this is the trail of one process, whose order is its own: a cluster cannot go on from "
            "it; restore it with `databourse restore`"
        )
    taken = {service: _taken(trail, service) for service in DECIDERS}
    await ensure_topics(settings)
    await _check_empty(settings, partition)
    counts = await asyncio.gather(
        *(refill(settings, topic, partition, _records(trail, topic)) for topic in SEQUENCED)
    )
    for service, offsets in taken.items():
        await place_group(settings, group_of(service), partition, offsets)
    return sum(counts)


def bring_back(trail: Log, records: Iterable[Entry]) -> int:
    """Fill a trail from the records of an export; one that was interrupted goes on. Return its
    size. Raises LogError where other records are there already.
    """
    heads, position, size = trail.heads(), 0, trail.size
    source = iter(records)
    while some := list(islice(source, READ_LIMIT_MAX)):
        there = [body for _, body in trail.read(position, min(len(some), max(size - position, 0)))]
        if there != [body for _, body in some[: len(there)]]:
            raise LogError("the trail in this database is another one; restore into an empty one")
        new = some[len(there) :]
        for _, body in new:
            _follow(heads, decode_record(body))
        if new:
            trail.append(new, heads)
        position += len(some)
    if trail.size > position:
        raise LogError(f"the trail goes on after record {position}, where the export ends")
    return position


def _follow(heads: dict[str, int], record: Record) -> None:
    """Move the heads on as the sequencer did."""
    writer = record.source.partition("/")[2]
    heads[record.topic] = record.offset + 1
    if record.sequence:
        heads[writer] = record.sequence
    if isinstance(record.data, InputsTaken):
        heads[f"commit/{writer}"] = record.data.commit


async def _check_empty(settings: KafkaSettings, partition: int) -> None:
    found = await bounds(settings, partition, [topic.name for topic in ALL_TOPICS])
    used = sorted(topic for topic, (_, end) in found.items() if end)
    if used:
        raise LogError(
            f"partition {partition} is not empty in {', '.join(used)}: records are written back "
            "only where there were none; take a new cluster, or delete these topics"
        )
    at_work = await groups(settings, [group_of(service) for service in DECIDERS], partition)
    busy = sorted(name for name, group in at_work.items() if group.members)
    if busy:
        raise LogError(f"stop the services first: {', '.join(busy)} have members")


def _records(trail: LogReader, topic: str) -> Iterator[Record]:
    position = 0
    while stored := trail.read(position, READ_LIMIT_MAX, {topic}):
        yield from (decode_record(body) for _, body in stored)
        position = stored[-1].position + 1


def _taken(trail: LogReader, service: Service) -> dict[str, int]:
    """Return the next offset to take of each input topic, after the service's last seal."""
    taken, sealed = dict.fromkeys(sorted(INPUTS[service]), 0), 0
    for record in _records(trail, f"{service}.inputs"):
        assert isinstance(record.data, InputsTaken), "this topic carries nothing else"
        taken |= {run.topic: run.last + 1 for run in record.data.ranges}
        sealed = record.data.sequence
    if sealed != trail.heads().get(service.value, 0):
        raise LogError(f"the trail ends within a commit of {service}: take one that ends behind it")
    return taken
