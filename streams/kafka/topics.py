"""The topics on the cluster as the table says; nothing else makes any."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.topics import PARTITION_OF_VENUE, SNAPSHOT_TOPICS, TOPICS, WATCH_TABLES, Topic
from streams.kafka.settings import CALL_SECONDS_MAX, KafkaSettings
from streams.log import LogError

PARTITIONS: Final = max(PARTITION_OF_VENUE.values()) + 1
ALL_TOPICS: Final = (*TOPICS, *SNAPSHOT_TOPICS.values(), WATCH_TABLES)
IN_SYNC_MIN: Final = 2  # of three replicas, before a commit is acknowledged
SNAPSHOT_SEGMENT_BYTES: Final = 64 << 20
log = logging.getLogger("databourse")


def configuration(topic: Topic, replicas: int) -> dict[str, str]:
    """Return the settings of a topic that has so many replicas."""
    wanted = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        "retention.bytes": "-1",
        "max.message.bytes": str(topic.message_bytes_max),
        "message.timestamp.type": "CreateTime",  # the market's own time, simulated or not
        "message.timestamp.after.max.ms": str(2**63 - 1),
        "min.insync.replicas": str(min(IN_SYNC_MIN, replicas)),
        "unclean.leader.election.enable": "false",
    }
    if topic.compacted:
        wanted |= {
            "segment.bytes": str(SNAPSHOT_SEGMENT_BYTES),
            "min.cleanable.dirty.ratio": "0.1",
        }
    return wanted


async def ensure_topics(settings: KafkaSettings) -> list[str]:
    """Make the topics that are missing and give each one partition for each venue; return the
    names of the new ones.

    Where the cluster has fewer brokers than a topic wants replicas, it gets as many as there are.
    Raises LogError when the cluster cannot be reached, or a topic has more partitions than there
    are venues.
    """
    async with administering(settings) as admin:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            brokers = len((await admin.describe_cluster())["brokers"])
            there = {about["topic"]: about for about in await admin.describe_topics()}
        missing = [topic for topic in ALL_TOPICS if topic.name not in there]
        if missing:
            await _create(admin, missing, brokers)
        for topic in ALL_TOPICS:
            if topic.name in there:
                await _extend(admin, topic, len(there[topic.name]["partitions"]))
    return [topic.name for topic in missing]


async def describe(settings: KafkaSettings) -> dict[str, dict[str, Any]]:
    """Return what the cluster has, by topic: `partitions`, `replicas`, how many of these are
    `in_sync` at least, and `configuration`.
    """
    async with administering(settings) as admin, asyncio.timeout(CALL_SECONDS_MAX):
        found: dict[str, dict[str, Any]] = {
            about["topic"]: {
                "partitions": len(about["partitions"]),
                "replicas": min(len(part["replicas"]) for part in about["partitions"]),
                "in_sync": min(len(part["isr"]) for part in about["partitions"]),
            }
            for about in await admin.describe_topics()
            if not about["is_internal"]
        }
        for name, settings_of in (await _configurations(admin, sorted(found))).items():
            found[name]["configuration"] = settings_of
    return found


@asynccontextmanager
async def administering(settings: KafkaSettings) -> AsyncIterator[Any]:
    """Yield a client that asks and changes the cluster itself. Raises LogError when it does not
    answer.
    """
    admin = AIOKafkaAdminClient(**settings.client())
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            await admin.start()
        yield admin
    except (KafkaError, TimeoutError, OSError) as error:
        raise LogError(f"{settings!r}: {error!r}; is the broker up?") from error
    finally:
        await admin.close()


async def _create(admin: Any, missing: list[Topic], brokers: int) -> None:
    scarce = [topic.name for topic in missing if topic.replication > brokers]
    if scarce:
        log.warning("%d brokers, so %d topics get fewer replicas", brokers, len(scarce))
    new = [
        NewTopic(topic.name, PARTITIONS, replicas, topic_configs=configuration(topic, replicas))
        for topic in missing
        for replicas in (min(topic.replication, brokers),)
    ]
    answer = await admin.create_topics(new, timeout_ms=int(CALL_SECONDS_MAX * 1000))
    for name, code, *_ in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise LogError(f"topic {name} cannot be made: {for_code(code).__name__}")


async def _extend(admin: Any, topic: Topic, partitions: int) -> None:
    if partitions > PARTITIONS:
        raise LogError(
            f"topic {topic.name} has {partitions} partitions, but there are {PARTITIONS} venues: "
            "it is not one of ours; use another cluster"
        )
    if partitions < PARTITIONS:
        await admin.create_partitions({topic.name: NewPartitions(PARTITIONS)})


async def _configurations(admin: Any, names: list[str]) -> Mapping[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(resources):
        for _, _, _, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found
