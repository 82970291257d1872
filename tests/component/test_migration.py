"""A data folder of the first format: read as it is, migrated by its first writer, replayed."""

import sqlite3
import tarfile
from pathlib import Path

import pytest

from services.audit.replay import replay_log
from services.audit.store import stored_notes, stored_verifier
from services.audit.verify import verify_log
from streams.embedded import FILE_NAME, FORMAT_VERSION, EmbeddedLog, EmbeddedReader
from streams.recovery import recover_venue

COMMITTED = Path(__file__).parents[1] / "data" / "market-v1.tar.gz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with tarfile.open(COMMITTED) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "market-v1"


def format_of(folder: Path) -> int:
    db = sqlite3.connect(folder / FILE_NAME)
    version = db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()[0]
    db.close()
    return int(version)


def findings(folder: Path) -> list:
    log = EmbeddedReader(folder)
    verified = verify_log(log, stored_notes(folder), stored_verifier(folder))
    found = [*verified.findings, *replay_log(log).findings]
    assert verified.size > 300
    log.close()
    return found


def test_an_older_log_verifies_and_replays_as_it_is(folder: Path) -> None:
    assert findings(folder) == []
    assert format_of(folder) == 1


def test_an_older_log_is_migrated_by_its_first_writer_and_keeps_every_record(folder: Path) -> None:
    before = EmbeddedReader(folder)
    records = list(before.read(0))
    before.close()
    log = EmbeddedLog(folder)
    assert format_of(folder) == FORMAT_VERSION
    assert list(log.read(0)) == records
    assert sum(recover_venue(log).settlement.ledger.balances.values()) == 0
    log.close()
    assert findings(folder) == []
