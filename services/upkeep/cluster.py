"""What the doctor of a cluster looks at: gathered once, judged by `cluster_checks`. Only read."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from schemas.base import SchemaError
from schemas.envelope import Record
from schemas.topics import DECIDERS, PARTITION_OF_VENUE, SNAPSHOT_TOPICS, TOPIC_NAMED, Service
from services.clock import wall_ns
from services.cluster.dead_letters import TOPICS as DEAD_LETTERS
from streams.kafka.commit import group_of
from streams.kafka.inspection import Bounds, Group, bounds, groups, hanging, newest
from streams.kafka.settings import TRANSACTION_MS_MAX, KafkaSettings
from streams.kafka.topics import describe
from streams.kafka.wire import from_wire
from streams.postgres import PostgresReader, connect, lock_number

NEWEST_OFFSETS: Final = 500  # of each topic, unless all is read
HANGING_SECONDS: Final = 1.5 * TRANSACTION_MS_MAX / 1000  # no transaction may be open for so long
LOOKED_AT: Final = (*DECIDERS, Service.WATCH)
SNAPSHOTS: Final = tuple(topic.name for topic in SNAPSHOT_TOPICS.values())
_HELD: Final = (
    "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND (classid::bigint << 32 | objid::bigint) = %s"
)


class Scan:
    """The records that were read of one topic."""

    def __init__(self) -> None:
        self.count = 0
        self.foreign: list[str] = []  # offsets with who wrote there and may not
        self.unreadable: list[str] = []
        self.commits: list[int] = []
        self.headers: dict[str, bytes] = {}  # of the newest
        self.newest: Record | None = None
        self.newest_ms = 0

    def take(self, found: Any) -> None:
        self.count += 1
        self.headers = dict(found.headers)
        topic = TOPIC_NAMED.get(found.topic)
        if topic is None:  # pieces of a snapshot: no messages
            return
        writer = self.headers.get("ce_source", b"").decode(errors="replace").rpartition("/")[2]
        if writer != topic.writer:
            self.foreign.append(f"{found.topic}/{found.offset} is of {writer or 'nobody'}")
            return
        try:
            self.newest = from_wire(
                found.topic, found.partition, found.offset, found.value, found.headers
            )
        except SchemaError as error:
            self.unreadable.append(f"{found.topic}/{found.offset}: {error}")
            return
        self.newest_ms = max(self.newest_ms, self.newest.data.at_ms)
        self.commits += [c for c in (getattr(self.newest.data, "commit", None),) if c is not None]


class Trail(NamedTuple):
    """A venue's trail in PostgreSQL. `writer` tells whether a process holds it for writing."""

    size: int
    heads: dict[str, int]
    writer: bool
    revision: str | None
    projected: int | None


class Cluster(NamedTuple):
    """`taken` by topic is where the audit service has read to; everything is of one venue."""

    venue: str
    partition: int
    now_ms: int
    full: bool
    topics: dict[str, dict[str, Any]]
    groups: dict[str, Group]
    bounds: dict[str, Bounds]
    scans: dict[str, Scan]
    hanging: list[str]
    database: str = ""
    trail: Trail | None = None


async def look(settings: KafkaSettings, venue: str, *, full: bool) -> Cluster:
    """Raises LogError when Kafka does not answer."""
    partition = PARTITION_OF_VENUE[venue]
    there = await describe(settings)
    ours = [
        name
        for name in (*TOPIC_NAMED, *SNAPSHOTS)
        if there.get(name, {}).get("partitions", 0) > partition
    ]
    found = await bounds(settings, partition, ours) if ours else {}
    scans: dict[str, Scan] = defaultdict(Scan)
    whole = {name: found[name] for name in (*DEAD_LETTERS, *SNAPSHOTS) if name in found}
    rest = {name: some for name, some in found.items() if name not in whole}
    for part, limit in ((whole, None), (rest, None if full else NEWEST_OFFSETS)):
        async for record in newest(settings, partition, part, limit):
            scans[record.topic].take(record)
    return Cluster(
        venue=venue,
        partition=partition,
        now_ms=wall_ns() // 1_000_000,
        full=full,
        topics=there,
        groups=await groups(settings, [group_of(service) for service in LOOKED_AT], partition),
        bounds=found,
        scans=scans,
        hanging=await hanging(settings, partition, ours, HANGING_SECONDS) if ours else [],
    )


def look_at_trail(database: str, venue: str) -> Trail:
    """Raises LogError when the database does not answer or holds no such venue."""
    with reading_trail(database, venue) as log:
        db = connect(database, venue)
        try:
            held = db.execute(_HELD, (lock_number(venue, "log"),)).fetchone()
            return Trail(
                size=log.size,
                heads=log.heads(),
                writer=bool(held and held[0]),
                revision=_value(db, "alembic_version", "version_num"),
                projected=_value(db, "projection", "position"),
            )
        finally:
            db.close()


@contextmanager
def reading_trail(database: str, venue: str) -> Iterator[PostgresReader]:
    log = PostgresReader(database, venue)
    try:
        yield log
    finally:
        log.close()


def _value(db: Any, table: str, column: str) -> Any:
    """Return a table's highest value of a column; None where there is no such table or row."""
    if not db.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()[0]:
        return None
    row = db.execute(f'SELECT max("{column}") FROM "{table}"').fetchone()
    return row[0] if row else None
