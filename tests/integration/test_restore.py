"""The topics of a venue written back into an empty cluster, from its trail."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from schemas.commands import PlaceBid
from schemas.envelope import Record, decode_record
from schemas.events import TradeExecuted
from schemas.topics import PARTITION_OF_VENUE
from services.audit.replay import replay_log
from services.audit.sequencer import SEQUENCED
from services.audit.shared import PostgresShelf
from services.audit.shared import create as create_shelf
from services.audit.store import AuditStore
from services.cluster.restoring import restore
from services.local.postgres import LocalPostgres
from streams.kafka.inspection import bounds, newest
from streams.kafka.refill import refill
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import ensure_topics
from streams.log import LogError
from streams.memory import MemoryLog
from streams.postgres import PostgresReader, create
from streams.scribe import Scribe
from tests.builders.broker import Broker
from tests.builders.cli import run
from tests.builders.market import NONCE, T0
from tests.builders.postgres import new_database
from tests.builders.recorded import HOUR_MS, commands
from tests.builders.small_cluster import (
    VENUE,
    at_work,
    say,
    say_in_turn,
    settings_of,
    settled,
    until,
)

pytestmark = pytest.mark.long
PARTITION = PARTITION_OF_VENUE[VENUE]


@pytest.fixture
def settings(own_broker: Broker) -> KafkaSettings:
    return settings_of(own_broker.address)


def test_a_cluster_that_lost_its_topics_goes_on_where_its_trail_ends(
    settings: KafkaSettings, database: str, tmp_path: Path
) -> None:
    asyncio.run(lost_and_restored(settings, database, tmp_path))


async def lost_and_restored(settings: KafkaSettings, database: str, tmp_path: Path) -> None:
    create(database, VENUE)
    await ensure_topics(settings)
    said = commands(bids=6)
    half = len(said) // 2
    async with at_work(settings, database) as trail:
        await say_in_turn(settings, trail, said[:half])  # several commits, so several markers
        await settled(settings, trail)
        size, heads = trail.size, trail.heads()
    before = await written(settings)

    with Broker(tmp_path / "other") as other:
        empty = settings_of(other.address)
        reader = PostgresReader(database, VENUE)
        assert await restore(empty, reader) == size
        assert reader.heads() == heads
        assert await written(empty) == before
        with pytest.raises(LogError, match="is not empty in"):
            await restore(empty, reader)

        placed = {command.id for command in said[:half] if isinstance(command, PlaceBid)}
        async with at_work(empty, database, lambda: T0 + 2 * HOUR_MS) as trail:
            await say(empty, said[half:])
            await until(lambda: bool(placed & won_after(reader, size)))  # an auction's end
            await settled(empty, trail)
        report = replay_log(reader)
        assert (report.size, report.findings) == (reader.size, [])
        reader.close()


def won_after(trail: PostgresReader, position: int) -> set[str]:
    """Return what was executed after a position: of an auction, the bid."""
    after = (decode_record(body).data for _, body in trail.read(position, topics={"bids"}))
    return {event.request_id for event in after if isinstance(event, TradeExecuted)}


async def written(settings: KafkaSettings) -> dict[tuple[str, int], Any]:
    """Return all committed records of the venue by topic and offset."""
    ends = await bounds(settings, PARTITION, SEQUENCED)
    return {
        (r.topic, r.offset): (r.value, sorted(r.headers), r.timestamp)
        async for r in newest(settings, PARTITION, ends, None)
    }


def bids(count: int) -> list[Record]:
    scribe = Scribe(VENUE, {})
    return [
        scribe.write(
            PlaceBid(
                id=f"bid_{number:06}",
                at_ms=T0,
                auction_id="auc_000001",
                bidder_id="pty_000001",
                max_price_minor=100 + number,
                currency="CNY",
                nonce=NONCE,
            ),
            f"bid_{number:06}",
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("open_seconds_max", [20.0, 0.0])
def test_holes_of_every_size_and_place_are_made_again(
    settings: KafkaSettings, open_seconds_max: float
) -> None:
    offsets = [1, 2, 4, 5, 6, 9, 10, 11, 12, 20]
    records = [
        msgspec.structs.replace(record, offset=offset)
        for record, offset in zip(bids(len(offsets)), offsets, strict=True)
    ]

    async def written_back() -> list[tuple[int, bytes]]:
        await ensure_topics(settings)
        topic = "settlement.commands"
        assert await refill(settings, topic, PARTITION, records, open_seconds_max) == 10
        ends = await bounds(settings, PARTITION, [topic])
        assert ends[topic].end >= 21
        return [(r.offset, r.value) async for r in newest(settings, PARTITION, ends, None)]

    back = asyncio.run(written_back())
    assert [offset for offset, _ in back] == offsets
    assert [b'"max_price_minor":%d' % (100 + n) in value for n, (_, value) in enumerate(back)] == (
        [True] * 10
    )


def test_a_writer_in_between_is_noticed(settings: KafkaSettings) -> None:
    async def written_back() -> None:
        await ensure_topics(settings)
        producer = AIOKafkaProducer(**settings.client())
        await producer.start()
        await producer.send_and_wait("settlement.commands", b"{}", partition=PARTITION)
        await producer.stop()
        await refill(settings, "settlement.commands", PARTITION, bids(3))

    with pytest.raises(LogError, match="got offset 1 where 0 must follow"):
        asyncio.run(written_back())


def test_the_log_of_one_process_is_refused() -> None:
    log = MemoryLog(VENUE)
    with pytest.raises(LogError, match="the trail of one process"):
        asyncio.run(restore(settings_of("127.0.0.1:9"), log))


def test_from_a_full_export_an_empty_database_is_filled_too(
    settings: KafkaSettings, postgres: LocalPostgres, database: str, tmp_path: Path
) -> None:
    folder, keys = tmp_path / "full", tmp_path / "keys"
    asyncio.run(recorded(settings, database, keys))
    where = ("--db", database, "--venue", VENUE)
    assert run("audit", "export", *where, "--out", str(folder), "--full") == 0
    assert run("audit", "export", *where, "--out", str(tmp_path / "open")) == 0
    assert [oct(p.stat().st_mode & 0o777) for p in (folder, folder / "records.jsonl")] == [
        "0o700",
        "0o600",
    ]
    with Broker(tmp_path / "other") as other:
        empty = ("--log", f"kafka://{other.address}", "--db", new_database(postgres))
        assert run("audit", "restore", str(tmp_path / "open"), *empty) == 1, "it has hashes alone"
        assert run("audit", "restore", str(folder), *empty, "--json") == 0
        assert run("audit", "restore", str(folder), *empty) == 1, "the topics are not empty now"
        before, after = (whole(url) for url in (database, empty[3]))
        assert after == before
        asyncio.run(recorded(settings_of(other.address), empty[3], keys, more=True))
        assert whole(empty[3])[: len(before)] == before
        for command in ("verify", "replay"):
            assert run("audit", command, *empty[2:]) == 0


async def recorded(
    settings: KafkaSettings, database: str, keys: Path, *, more: bool = False
) -> None:
    """Let a venue live for half a day, or the other half, and sign it. Its auctions do not end."""
    create(database, VENUE)
    create_shelf(database, VENUE)
    await ensure_topics(settings)
    said = commands(bids=3)
    half = len(said) * 2 // 3
    async with at_work(settings, database) as trail:
        await say(settings, said[half:] if more else said[:half])
        await settled(settings, trail)
    reader = PostgresReader(database, VENUE)
    store = AuditStore(keys, PostgresShelf(database, VENUE), reader)
    store.integrate()
    store.publish()
    store.close()
    reader.close()


def whole(database: str) -> list[bytes]:
    with closing(PostgresReader(database, VENUE)) as reader:
        return [body for _, body in reader.read(0)]
