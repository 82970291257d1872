"""Preparing a cluster for a venue: topics, tables, and the commands that open it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from schemas.topics import PARTITION_OF_VENUE, TOPICS, Service
from services.audit import shared
from services.gateway.databases import in_postgres
from services.gateway.edge_store import EdgeStore
from services.gateway.tokens import TokenStore
from services.keys import load_or_make_secret
from services.opening import issue_first_tokens, opening_commands
from streams import postgres
from streams.kafka.publisher import Publisher
from streams.kafka.reader import reading
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import ensure_topics
from streams.log import LogError

_COMMANDS = tuple(topic.name for topic in TOPICS if topic.writer is Service.GATEWAY)


class Prepared(NamedTuple):
    """What was made: names of new topics, and whether the venue was opened just now."""

    topics: list[str]
    opened: bool


async def prepare(
    settings: KafkaSettings, database: str, venue: str, folder: Path, now_ms: Callable[[], int]
) -> Prepared:
    """Make what is missing; done again it changes nothing.

    `folder` gets the keys and the first tokens. Raises LogError or StoreError where the cluster or
    the database cannot be used.
    """
    made = await ensure_topics(settings)
    make_tables(database, venue)
    databases = in_postgres(database, venue)
    try:
        tokens = TokenStore(
            EdgeStore(databases.edge), load_or_make_secret(folder / "keys" / "edge.key")
        )
        issue_first_tokens(tokens, folder, now_ms())
    finally:
        databases.close()
    opened = await _open(settings, database, venue, now_ms())
    return Prepared(made, opened)


def make_tables(database: str, venue: str) -> None:
    """Make those of the trail and its tree where they are not there yet."""
    postgres.create(database, venue)
    shared.create(database, venue)


async def _open(settings: KafkaSettings, database: str, venue: str, now_ms: int) -> bool:
    """Send what opens the venue, unless something was ever said to it. Raises LogError where that
    is lost: a venue that was opened again would not fit its trail.
    """
    start = dict.fromkeys(_COMMANDS, 0)
    async with reading(settings, PARTITION_OF_VENUE[venue], start) as consumer:
        if any((await consumer.end_offsets(list(consumer.assignment()))).values()):
            return False
    with closing(postgres.PostgresReader(database, venue)) as trail:
        if trail.size:
            raise LogError(
                f"the topics are empty, but the trail of {venue} has {trail.size} records: run "
                "`databourse audit restore` first"
            )
    publisher = Publisher(settings, venue)
    await publisher.start()
    try:
        for command in opening_commands(now_ms):
            await publisher.publish(command)
    finally:
        await publisher.stop()
    return True
