"""Several gateways on one PostgreSQL: one projects and one posts webhooks; others take over."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from services.gateway.databases import in_postgres, read_models_in
from services.gateway.edge_store import EdgeStore
from services.gateway.projector_loop import ProjectorLoop
from services.gateway.webhooks.kinds import KINDS
from services.gateway.webhooks.loop import WebhookLoop
from services.gateway.webhooks.store import WebhookStore
from services.stores.postgres import PostgresSchema
from services.upkeep.rebuild import project_all
from streams.embedded import EmbeddedReader
from streams.postgres import lock_number
from tests.builders.postgres import own_server
from tests.builders.receiver import Receiver
from tests.builders.recorded import record

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
SECONDS_MAX = 60.0
PROJECTING = """
import sys
from pathlib import Path
from services.gateway import projector_loop
from services.gateway.databases import in_postgres
from streams.embedded import EmbeddedReader
projector_loop.PROJECT_RECORDS_MAX = 5
reads = in_postgres(sys.argv[1], "gx").reads
loop = projector_loop.ProjectorLoop(reads, EmbeddedReader(Path(sys.argv[2])))
assert loop._lease.held()
loop.start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    record(folder)
    return folder


@pytest.fixture
def schema(database: str) -> Iterator[PostgresSchema]:
    opened = PostgresSchema(database, "gx")
    yield opened
    opened.close()


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def read_models(db: Connection) -> dict[str, list[Any]]:
    """Return all rows of all tables, in no order of the database's."""
    return {
        name: sorted((tuple(row) for row in db.execute(select(table))), key=repr)
        for name, table in SQLModel.metadata.tables.items()
    }


def of_a_folder(recorded: Path, folder: Path) -> dict[str, list[Any]]:
    project_all(read_models_in(folder), EmbeddedReader(recorded))
    with closing(read_models_in(folder)) as database, database.engine.connect() as db:
        return read_models(db)


def test_the_read_models_are_those_of_a_folder_row_for_row(
    recorded: Path, schema: PostgresSchema, tmp_path: Path
) -> None:
    loop = ProjectorLoop(schema, EmbeddedReader(recorded))
    loop.catch_up()
    loop.stop()
    with schema.engine.connect() as db:
        found = read_models(db)
    assert sum(map(len, found.values())) > 500
    assert found == of_a_folder(recorded, tmp_path)


def test_one_projects_and_when_it_is_killed_another_goes_on_where_it_was(
    recorded: Path, schema: PostgresSchema, database: str, tmp_path: Path
) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", PROJECTING, database, str(recorded)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout.readline() == "started\n"
    with closing(EmbeddedReader(recorded)) as log:
        size = log.size
    second = ProjectorLoop(schema, EmbeddedReader(recorded))

    def begun() -> bool:
        second.catch_up()
        return second._position > 0

    wait_until(begun)
    assert second._projector is None, "it stands by"
    first.kill()
    first.communicate()
    second.start()
    assert asyncio.run(second.reached(size, SECONDS_MAX))
    second.stop()
    with schema.engine.connect() as db:
        assert read_models(db) == of_a_folder(recorded, tmp_path)


def test_who_has_lost_the_lease_cannot_commit(schema: PostgresSchema) -> None:
    lease, other = schema.lease("projector"), schema.lease("projector")
    assert lease.held()
    assert not other.held()
    end_holder(schema, "projector")
    wait_until(other.held)
    with pytest.raises(DBAPIError), lease.begin() as db:
        db.exec_driver_sql("INSERT INTO counters VALUES ('x', 1)")
    with pytest.raises(AssertionError), lease.begin():
        pass
    assert not lease.held()
    other.release()
    assert lease.held()
    end_holder(schema, "projector")
    assert not lease.held(), "lost while it was idle"
    assert lease.held(), "and taken again"
    lease.release()


def end_holder(schema: PostgresSchema, name: str) -> None:
    """End the session that has a lease, as a server does with one whose network is gone."""
    number = "(classid::bigint << 32) | objid::bigint"
    holder = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND {number} = %s"
    with schema.engine.begin() as db:
        query = f"SELECT pg_terminate_backend(pid, 5000) FROM ({holder}) AS holder"
        ended = db.exec_driver_sql(query, (lock_number("gx", name),)).scalars().all()
    assert ended == [True]


def test_two_gateways_post_each_message_once_and_the_second_goes_on_alone(
    recorded: Path, schema: PostgresSchema, database: str
) -> None:
    projection = ProjectorLoop(schema, EmbeddedReader(recorded))
    projection.catch_up()
    projection.stop()
    receiver, now_ms = Receiver(), 1_800_000_000_000
    twin = in_postgres(database, "gx")
    stores = [WebhookStore(EdgeStore(one), b"s" * 32, private=True) for one in (schema, twin.edge)]
    loops = [
        WebhookLoop(store, EmbeddedReader(recorded), one, lambda: now_ms)
        for store, one in zip(stores, (schema, twin.reads), strict=True)
    ]
    with schema.writing() as db:
        for row in db.execute(select(SQLModel.metadata.tables["parties"])).all():
            about = {"party_id": row.id, "target_url": receiver.url, "kinds": json.dumps(KINDS)}
            stores[0].add(db, {"id": f"whk_{row.id}", "from_position": 0, "at_ms": 1, **about})
    for loop in loops:
        loop.start()
    wait_until(lambda: len(receiver.received) > 100)
    loops[0].stop()
    wait_until(lambda: stores[1].cursor() == projection._position and not stores[1].due(now_ms, 1))
    loops[1].stop()
    sent = [(received.id, received.headers["webhook-signature"]) for received in receiver.received]
    assert len(sent) > 100
    assert len(set(sent)) == len(sent)
    receiver.close()
    twin.close()


def test_a_server_that_restarts_is_found_again(recorded: Path, tmp_path: Path) -> None:
    with own_server() as server:
        schema = PostgresSchema(server.url, "gx")
        loop = ProjectorLoop(schema, EmbeddedReader(recorded))
        loop.start()
        with closing(EmbeddedReader(recorded)) as log:
            size = log.size
        assert asyncio.run(loop.reached(size, SECONDS_MAX))
        server.kill()
        wait_until(lambda: loop.failure is not None)
        assert "cannot be used" in str(loop.failure)
        server.start()
        wait_until(lambda: loop.failure is None)
        loop.stop()
        schema.close()
