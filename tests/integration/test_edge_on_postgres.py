"""What the gateway keeps, kept in PostgreSQL: the same tables, the same answers, once for all."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from schemas.base import INTEGER_MAX
from schemas.parties import Role
from services.database import StoreError
from services.gateway import tables as t
from services.gateway.databases import in_postgres
from services.gateway.edge_store import Answer, EdgeStore
from services.gateway.edge_tables import CALLS, EDGE, TOKENS
from services.gateway.problems import Problem
from services.gateway.rows import Rows, look_up
from services.gateway.tokens import Principal, TokenStore
from services.local.postgres import LocalPostgres
from services.stores.postgres import PostgresSchema
from tests.builders.postgres import EDGE_SERVER
from tests.component.test_history import differences

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
MODULES = (  # of the gateway, which do not run on a cluster as those of whole deals do
    "access_matrix",
    "books",
    "content",
    "edge_limits",
    "idempotency",
    "nothing_sealed_leaks",
    "stream",
    "webhooks",
)


@pytest.fixture
def schema(database: str) -> Iterator[PostgresSchema]:
    opened = PostgresSchema(database, "gx")
    yield opened
    opened.close()


@pytest.mark.parametrize("module", MODULES)
def test_the_gateway_is_the_same(module: str, postgres: LocalPostgres) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not long"]
    command += [f"tests/component/test_{module}.py"]
    environment = {**os.environ, EDGE_SERVER: postgres.url}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]  # of the run that this is a part of
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-5_000:] + ran.stderr[-2_000:]


def test_the_history_leads_to_the_tables_of_the_code(schema: PostgresSchema) -> None:
    assert differences(schema.engine, SQLModel.metadata, EDGE) == []
    with schema.engine.connect() as db:
        names = db.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'gx'")
        ).scalars()
        assert set(names) == {*SQLModel.metadata.tables, *EDGE.tables, "alembic_version"}


def test_of_processes_that_start_at_once_one_migrates_and_the_others_wait(database: str) -> None:
    program = f"""
from services.gateway.databases import in_postgres
print("ready", flush=True)
input()
in_postgres({database!r}, "gx").close()
"""
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in starting:
        assert process.stdout.readline() == "ready\n"
    for process in starting:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in starting:
        process.communicate()
    assert [process.returncode for process in starting] == [0, 0, 0, 0]


def test_tables_of_a_newer_revision_are_refused(schema: PostgresSchema, database: str) -> None:
    with schema.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="written by a newer databourse"):
        PostgresSchema(database, "gx")


def test_venues_of_one_database_do_not_see_each_other(database: str) -> None:
    with closing(in_postgres(database, "gx")) as gx, closing(in_postgres(database, "nn")) as nn:
        token = TokenStore(EdgeStore(gx.edge), b"s" * 32).issue(
            Principal("pty_a", Role.BUYER, token_id="tok_a"), 1
        )
        there = TokenStore(EdgeStore(nn.edge), b"s" * 32)

        async def look() -> Principal | None:
            found = await there.principal(token, 1)
            await nn.leave()
            return found

        assert asyncio.run(look()) is None


@pytest.mark.parametrize(
    "url", ["mysql://u:hidden@h/d", "postgresql://u:hidden@h:port/d", "hidden"]
)
def test_an_address_that_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(StoreError) as told:
        PostgresSchema(url, "gx")
    assert "hidden" not in str(told.value)


def test_a_server_that_does_not_answer_is_told_without_the_password(database: str) -> None:
    address = make_url(database).set(port=1, password="hidden")
    with pytest.raises(StoreError, match=r"cannot be used: .*PostgreSQL runs") as told:
        PostgresSchema(address.render_as_string(hide_password=False), "gx")
    assert "hidden" not in str(told.value)


def test_text_is_sorted_by_code_points_whatever_the_database_does(schema: PostgresSchema) -> None:
    query = """
        SELECT DISTINCT collation_name FROM information_schema.columns
        WHERE table_schema = 'gx' AND data_type = 'text' AND table_name <> 'alembic_version'
    """
    with schema.engine.connect() as db:
        assert db.execute(text(query)).scalars().all() == ["C"]


def test_amounts_are_exact_to_the_last_unit_and_text_holds_what_messages_may(
    schema: PostgresSchema,
) -> None:
    rows = Rows()
    with schema.writing() as db:
        rows.db = db
        for account, kind in (("pty_b/CNY/x", "a\0b"), ("pty_B/CNY/x", "é"), ("pty_a/CNY/x", "")):
            rows.put(
                t.BalanceRow,
                account=account,
                owner_id="pty",
                currency="CNY",
                kind=kind,
                balance_minor=INTEGER_MAX,
                position=INTEGER_MAX,
            )
        rows.flush()
        found = look_up(db, t.BalanceRow, "pty_b/CNY/x")
        assert found["balance_minor"] == found["position"] == INTEGER_MAX
        assert found["kind"] == "a\ufffdb"
        query = select(t.BalanceRow.account).where(t.BalanceRow.position >= INTEGER_MAX)
        ordered = db.execute(query.order_by(t.BalanceRow.account)).scalars().all()
        assert ordered == ["pty_B/CNY/x", "pty_a/CNY/x", "pty_b/CNY/x"], "by code points"
        asked = select(func.count()).where(t.BalanceRow.kind == "a\0b")
        assert db.execute(asked).scalar() == 1, "what cannot be stored can be asked for"


def test_a_call_to_many_gateways_at_once_is_carried_out_once(database: str) -> None:
    carried_out: list[str] = []

    def act(db: Connection) -> Answer:
        carried_out.append("again")
        db.execute(insert(TOKENS).values(hash="h", id="tok_a", party_id="pty_a", role="buyer"))
        return 201, {"number": len(carried_out)}

    gateways = [in_postgres(database, "gx") for _ in range(3)]
    start = threading.Barrier(12)
    answers: list[Answer] = []

    def call(store: EdgeStore) -> None:
        start.wait()
        answers.append(store.once("cmd_a", "digest", 1, act))

    callers = [
        threading.Thread(target=call, args=(EdgeStore(gateways[number % 3].edge),))
        for number in range(12)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answers == [(201, {"number": 1})] * 12
    assert carried_out == ["again"]
    store = EdgeStore(gateways[0].edge)
    with pytest.raises(Problem, match="another request"):
        store.once("cmd_a", "other digest", 1, act)
    for gateway in gateways:
        gateway.close()


def test_a_call_that_fails_keeps_nothing_and_can_be_made_again(schema: PostgresSchema) -> None:
    store = EdgeStore(schema)

    def fail(db: Connection) -> Answer:
        db.execute(insert(TOKENS).values(hash="h", id="tok_a", party_id="pty_a", role="buyer"))
        raise Problem(409, "too_many_tokens", "one too many")

    for _ in range(2):
        with pytest.raises(Problem, match="one too many"):
            store.once("cmd_a", "digest", 1, fail)
    with schema.engine.connect() as db:
        assert db.execute(select(func.count()).select_from(TOKENS)).scalar() == 0
        assert db.execute(select(func.count()).select_from(CALLS)).scalar() == 0
    assert store.once("cmd_a", "digest", 1, lambda db: (200, {})) == (200, {})
