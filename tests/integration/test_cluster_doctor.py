"""The doctor of a cluster on a real Kafka and a real PostgreSQL."""

import asyncio
import json
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.events import CheckpointSigned
from services.audit.shared import PostgresShelf
from services.audit.store import AuditStore
from services.cluster.opening import make_tables
from services.gateway.databases import in_postgres
from services.upkeep.checks import Finding, State
from services.upkeep.cluster import look, look_at_trail
from services.upkeep.cluster_checks import OF_KAFKA, OF_TRAIL, examine
from streams.kafka.inspection import hanging
from streams.kafka.publisher import Publisher
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import administering, ensure_topics
from streams.postgres import PostgresReader
from tests.builders.broker import Broker
from tests.builders.cli import run
from tests.builders.market import T0
from tests.builders.recorded import commands
from tests.builders.small_cluster import VENUE, at_work, say, settings_of, settled

pytestmark = pytest.mark.long
ALONE = "1 of 3 replicas: a lost disk loses records"


@pytest.fixture
def settings(own_broker: Broker) -> KafkaSettings:
    return settings_of(own_broker.address)


async def prepared(settings: KafkaSettings, database: str) -> None:
    await ensure_topics(settings)
    make_tables(database, VENUE)
    in_postgres(database, VENUE).close()


async def examined(settings: KafkaSettings, database: str) -> dict[str, Finding]:
    cluster = await look(settings, VENUE, full=True)
    cluster = cluster._replace(database=database, trail=look_at_trail(database, VENUE))
    return {finding.check: finding for finding in examine(cluster)}


def unwell(found: dict[str, Finding]) -> dict[str, str]:
    assert all(f.advice for f in found.values() if f.state is not State.OK)
    return {name: f.found for name, f in found.items() if f.state is not State.OK}


def test_a_venue_at_work_is_well_and_each_fault_is_found(
    settings: KafkaSettings, database: str, tmp_path: Path
) -> None:
    asyncio.run(the_life_of_a_venue(settings, database, tmp_path))


async def the_life_of_a_venue(settings: KafkaSettings, database: str, keys: Path) -> None:
    await prepared(settings, database)
    nobody = "nobody serves partition 0 of settlement (0 members), matching (0 members)"
    assert unwell(await examined(settings, database)) == {
        "replication": ALONE,
        "members": nobody,
        "sequencer": "nobody writes the trail of gx",
    }
    async with at_work(settings, database) as trail:
        await say(settings, commands(bids=3))
        await settled(settings, trail)
        await sign(settings, database, keys)
        found = await examined(settings, database)
        assert list(found) == [*OF_KAFKA, *OF_TRAIL]
        assert unwell(found) == {"replication": ALONE}
        assert "settlement: settlement-1@127.0.0.1 has 0, 1, 2, 3" in found["members"].found
        assert found["records"].found == f"{trail.size:,} records verified and replayed"
        await spoil(settings)
        with psycopg.connect(database, autocommit=True) as db:
            db.execute("UPDATE gx.alembic_version SET version_num = '0000'")
            db.execute("UPDATE gx.projection SET position = 999999")
        found = await examined(settings, database)
    assert found["schema"].found.startswith("tables at revision 0000, not ")
    assert "bids: retention.ms is 1000, not -1" in found["configuration"].found
    assert "is of matching" in found["writers"].found
    assert "is of nobody" in found["writers"].found
    assert set(unwell(found)) >= {"schema", "configuration", "writers", "replication"}


def test_a_transaction_that_is_open_for_long_is_named(settings: KafkaSettings) -> None:
    """One that is under way while others end is none."""

    async def check() -> None:
        await ensure_topics(settings)
        topics = ["bids", "ledger"]
        assert await hanging(settings, 0, topics, 1.0) == []
        producer = AIOKafkaProducer(**settings.client(), transactional_id="one-that-hangs")
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait("bids", b"{}", partition=0)
        assert await hanging(settings, 0, topics, 1.0) == ["bids"]
        await producer.abort_transaction()
        await producer.stop()
        assert await hanging(settings, 0, topics, 20.0) == []

    asyncio.run(check())


async def sign(settings: KafkaSettings, database: str, keys: Path) -> None:
    """Sign all there is, and tell it on its topic, as the audit service does."""
    with closing(PostgresReader(database, VENUE)) as reader:
        store = AuditStore(keys, PostgresShelf(database, VENUE), reader)
        store.integrate()
        note = store.publish().decode()
        store.close()
        signed = CheckpointSigned(id="checkpoint-1", at_ms=T0, size=reader.size, note=note)
    publisher = Publisher(settings, VENUE)
    await publisher.start()
    await publisher.publish(signed)
    await publisher.stop()


async def spoil(settings: KafkaSettings) -> None:
    """Change a topic's settings, and write to another's in its writer's place."""
    async with administering(settings) as admin:
        kind = ConfigResourceType.TOPIC
        await admin.alter_configs([ConfigResource(kind, "bids", {"retention.ms": "1000"})])
    producer = AIOKafkaProducer(**settings.client())
    await producer.start()
    forged = [("ce_source", b"/venues/gx/matching")]
    await producer.send_and_wait("checkpoints", b"{}", partition=0, headers=forged)
    await producer.send_and_wait("checkpoints", b"{}", partition=0)
    await producer.stop()


def test_the_command_tells_it_all_as_a_table_and_as_json(
    own_broker: Broker, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(prepared(settings_of(own_broker.address), database))
    where = ("--log", f"kafka://{own_broker.address}", "--db", database)
    assert run("doctor", *where, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert [check["check"] for check in told["checks"]] == [*OF_KAFKA, *OF_TRAIL]
    assert run("doctor", *where[:2]) == 1
    assert "nobody serves partition 0" in capsys.readouterr().out
    assert run("doctor", *where[:2], "--db", "postgresql://nobody@127.0.0.1:9/x", "--json") == 1
    last = json.loads(capsys.readouterr().out)["checks"][-1]
    assert (last["check"], last["state"]) == ("database", "fail")


def test_a_cluster_that_does_not_answer_is_not_reachable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("doctor", "--log", "kafka://127.0.0.1:9") == 3
    assert "is the broker up?" in capsys.readouterr().err
