"""Files of a data folder that are newer, damaged or do not fit together are told, not trusted."""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert

from schemas.envelope import encode
from services.audit.checkpoint import CheckpointError
from services.audit.shelf import folder_shelf
from services.audit.store import AuditStore
from services.commands import UsageError
from services.commands.serve import open_process
from services.database import StoreError, digest_path
from services.gateway.databases import READ_MODELS_NAME, edge_in
from services.gateway.edge_tables import TOKENS
from services.keys import KeyFileError, load_or_make_key
from streams.embedded import FILE_NAME, EmbeddedLog
from streams.log import LogBroken
from streams.memory import MemoryLog
from streams.recovery import recover_venue
from tests.builders.recorded import record

LEDGER = "SELECT max(position) FROM records WHERE topic = 2 AND position < 200"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    record(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "market"))


def change(path: Path, statement: str) -> None:
    db = sqlite3.connect(path)
    assert db.execute(statement).rowcount != 0, "a change that changes nothing proves nothing"
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


@pytest.mark.parametrize(
    ("name", "open_it"),
    [
        ("audit.sqlite3", lambda folder: AuditStore(folder, folder_shelf(folder), MemoryLog())),
        ("edge.sqlite3", edge_in),
    ],
)
def test_a_newer_database_is_refused_unchanged(
    name: str, open_it: Callable[[Path], object], folder: Path
) -> None:
    edge_in(folder).close()
    digest_path(folder / name).unlink(missing_ok=True)
    change(folder / name, "PRAGMA user_version = 99")
    before = hashlib.sha256((folder / name).read_bytes()).digest()
    with pytest.raises(StoreError, match="written by a newer databourse"):
        open_it(folder)
    assert hashlib.sha256((folder / name).read_bytes()).digest() == before


def test_a_damaged_snapshot_is_passed_over(folder: Path) -> None:
    log = EmbeddedLog(folder)
    whole = encode(recover_venue(log).settlement)
    log.close()
    change(
        folder / FILE_NAME, "UPDATE snapshots SET body = CAST(replace(body, '00', '01') AS BLOB)"
    )
    log = EmbeddedLog(folder)
    assert encode(recover_venue(log).settlement) == whole
    log.close()


def test_damaged_heads_are_told(folder: Path) -> None:
    change(folder / FILE_NAME, "UPDATE heads SET value = value + 1 WHERE name = 'bids'")
    with pytest.raises(LogBroken, match="heads are damaged; run `databourse audit verify`"):
        EmbeddedLog(folder)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"DELETE FROM records WHERE position = ({LEDGER})", "an event before it is missing"),
        (f"DELETE FROM records WHERE position > ({LEDGER})", "are missing after sequence"),
        (
            f"UPDATE records SET body = substr(body, 2) WHERE position = ({LEDGER})",
            "does not fit: SchemaError",
        ),
    ],
)
def test_a_service_does_not_start_on_a_log_with_a_hole(
    statement: str, told: str, folder: Path
) -> None:
    change(folder / FILE_NAME, "DELETE FROM snapshots")
    change(folder / FILE_NAME, statement)
    log = EmbeddedLog(folder)
    with pytest.raises(LogBroken, match=told):
        recover_venue(log)
    log.close()


def checked(folder: Path) -> None:
    log = EmbeddedLog(folder)
    store = AuditStore(folder, folder_shelf(folder), log)
    try:
        store.check()
    finally:
        store.close()
        log.close()


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("market.sqlite3", "UPDATE records SET body = CAST(replace(body, 'gx', 'xg') AS BLOB)"),
        ("audit.sqlite3", "UPDATE tiles SET hashes = zeroblob(8192)"),
        ("audit.sqlite3", "UPDATE checkpoints SET note = substr(note, 2)"),
    ],
)
def test_a_market_does_not_start_on_a_tree_other_than_its_newest_checkpoint_signed(
    name: str, statement: str, folder: Path
) -> None:
    checked(folder)
    if name == "market.sqlite3":
        change(folder / "audit.sqlite3", "DELETE FROM tiles")
    change(folder / name, statement)
    with pytest.raises(CheckpointError):
        checked(folder)


def test_a_damaged_key_is_told(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a.key"
    load_or_make_key(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(KeyFileError, match="restore it from a backup"):
        load_or_make_key(path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (FILE_NAME, "restore a backup"),
        ("audit.sqlite3", "run `databourse rebuild`"),
        ("edge.sqlite3", "restore it from a backup"),
        (READ_MODELS_NAME, "run `databourse rebuild`"),
    ],
)
def test_what_is_no_database_is_told_with_what_to_do(name: str, told: str, folder: Path) -> None:
    (folder / name).write_bytes(b"not a database at all" * 500)
    with pytest.raises(UsageError, match=told):
        open_process(folder)


def test_read_models_ahead_of_the_log_are_told(folder: Path) -> None:
    open_process(folder).stop()
    change(folder / READ_MODELS_NAME, "UPDATE projection SET position = position + 100000")
    with pytest.raises(UsageError, match="ahead of the log; stop the market and run"):
        open_process(folder)


def test_a_byte_changed_in_the_edge_store_of_a_stopped_market_is_told(folder: Path) -> None:
    edge_in(folder).close()
    edge_in(folder).close()
    with closing(edge_in(folder)) as edge, edge.writing() as db:
        row = {"hash": "h", "id": "i", "party_id": "pty_a", "role": "r"}
        db.execute(insert(TOKENS).values(**row))
    damaged = (folder / "edge.sqlite3").read_bytes().replace(b"pty_a", b"pty_b")
    assert damaged != (folder / "edge.sqlite3").read_bytes()
    (folder / "edge.sqlite3").write_bytes(damaged)
    with pytest.raises(
        StoreError, match=r"changed or damaged since; .* delete edge.sqlite3.sha256"
    ):
        edge_in(folder)


def test_a_damaged_newest_record_sets_no_clock(folder: Path) -> None:
    """Its time would otherwise become the market's, which never goes back."""
    checked(folder)
    late = "UPDATE records SET body = CAST(replace(body, ':17', ':97') AS BLOB)"
    change(folder / FILE_NAME, f"{late} WHERE position = (SELECT max(position) - 500 FROM records)")
    with pytest.raises(CheckpointError):
        checked(folder)
