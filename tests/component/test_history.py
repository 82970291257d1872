"""The history of the edge's tables leads to the tables of the code, from wherever it begins."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, text
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

import services.gateway.tables  # noqa: F401  it fills the metadata
from services.database import StoreError
from services.gateway.databases import READ_MODELS_NAME, edge_in, read_models_in
from services.gateway.edge_tables import EDGE
from services.gateway.edge_upgrades import UPGRADES
from services.migrations import NEWEST, SCRIPTS
from services.stores.base import Database

OPENED = {"read models": (read_models_in, SQLModel.metadata), "edge": (edge_in, EDGE)}


@pytest.fixture(params=OPENED)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, MetaData]]:
    open_it, metadata = OPENED[request.param]
    database = open_it(tmp_path)
    yield database, metadata
    database.close()


def differences(engine: Engine, *metadata: MetaData) -> list[Any]:
    """Return in what the tables there differ from these: a change that lacks a revision."""
    with engine.connect() as db:
        context = MigrationContext.configure(db)
        found = compare_metadata(context, list(metadata))  # type: ignore[arg-type]
    # The files of before the history do not say of a row's number that it is never null; it is not.
    return [change for change in found if change[0][0:4:3] != ("modify_nullable", "number")]


def test_the_history_leads_to_the_tables_of_the_code(opened: tuple[Database, MetaData]) -> None:
    database, metadata = opened
    assert metadata.tables
    assert differences(database.engine, metadata) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE parties ADD COLUMN shoe_size INTEGER",
        "ALTER TABLE parties DROP COLUMN evidence",
        "DROP INDEX ix_listings_status",
        "DROP TABLE trades",
        "CREATE TABLE more (id TEXT)",
    ],
)
def test_a_table_that_differs_is_seen(change: str, tmp_path: Path) -> None:
    with closing(read_models_in(tmp_path)) as database:
        with database.writing() as db:
            db.execute(text(change))
        assert differences(database.engine, SQLModel.metadata) != []


def test_the_newest_revision_is_the_one_the_code_says() -> None:
    scripts = ScriptDirectory(str(SCRIPTS))
    assert scripts.get_heads() == [NEWEST]
    assert [script.revision for script in scripts.walk_revisions()][-1] == "0001"


@pytest.mark.parametrize("version", range(1, max(UPGRADES) + 2))
def test_an_edge_store_of_before_the_history_is_taken_over_with_what_it_holds(
    version: int, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "edge.sqlite3")) as old:
        for step in range(version):
            for statement in UPGRADES[step]:
                old.execute(statement)
        row = "INSERT INTO tokens (hash, id, party_id, role) VALUES (?, ?, 'pty_a', 'buyer')"
        old.executemany(row, [("h7", "tok_7"), ("h5", "tok_5"), ("h6", "tok_6")])
        old.execute(f"PRAGMA user_version = {version}")
        old.commit()
    for _ in range(2):
        with closing(edge_in(tmp_path)) as edge:
            assert differences(edge.engine, EDGE) == []
            with edge.engine.connect() as db:
                found = db.execute(text("SELECT number, id FROM tokens ORDER BY number")).all()
            assert [tuple(row) for row in found] == [(1, "tok_7"), (2, "tok_5"), (3, "tok_6")]


def test_tables_of_a_newer_revision_are_refused_unchanged(
    opened: tuple[Database, MetaData], tmp_path: Path
) -> None:
    database, _ = opened
    with database.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    open_it = next(opens for opens, metadata in OPENED.values() if metadata is opened[1])
    with pytest.raises(StoreError, match=r"written by a newer databourse \(revision 9999"):
        open_it(tmp_path)
    with database.engine.connect() as db:
        assert db.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_read_models_of_before_the_history_are_made_again(tmp_path: Path) -> None:
    before = tmp_path / "read-models-2.sqlite3"
    before.write_bytes(b"whatever it is")
    read_models_in(tmp_path).close()
    assert not before.exists()
    assert (tmp_path / READ_MODELS_NAME).exists()


def test_an_interrupted_migration_leaves_nothing(tmp_path: Path) -> None:
    """A table that stands in the way, among the last, ends it."""
    with closing(sqlite3.connect(tmp_path / READ_MODELS_NAME)) as db:
        db.execute("CREATE TABLE projection (id TEXT)")
    with pytest.raises(StoreError, match="table projection already exists"):
        read_models_in(tmp_path)
    with closing(sqlite3.connect(tmp_path / READ_MODELS_NAME)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("projection",)]


def test_in_postgresql_integers_are_wide_and_text_is_sorted_by_code_points() -> None:
    kinds = {
        str(column.type.compile(dialect=postgresql.dialect()))
        for metadata in (SQLModel.metadata, EDGE)
        for table in metadata.tables.values()
        for column in table.columns
    }
    assert kinds == {"BIGINT", "BOOLEAN", "JSON", 'TEXT COLLATE "C"'}
