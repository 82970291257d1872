"""Backup under load, restore of what is whole and of nothing else, rebuild from the log."""

import shutil
import sqlite3
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlmodel import Session, func, select

from services.audit.checkpoint import CheckpointError, VerifierKey
from services.audit.replay import replay_log
from services.audit.store import stored_notes, stored_verifier
from services.audit.verify import verify_log
from services.gateway.databases import READ_MODELS_NAME, read_models_in
from services.gateway.tables import BalanceRow
from services.keys import load_or_make_key
from services.upkeep.backup import DATABASES, BackupError, back_up, restore
from services.upkeep.rebuild import rebuild
from streams.embedded import FILE_NAME, EmbeddedReader
from streams.log import LogInUse
from tests.builders.exchange import FREE, Exchange
from tests.builders.recorded import record


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped market with trades and content."""
    folder = tmp_path_factory.mktemp("original") / "market"
    market = Exchange(folder)
    market.party("seller", "supplier")
    market.party("anna", "buyer", money=100_000)
    market.listing("seller", FREE)
    market.close()
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "market"))


def findings(folder: Path) -> list:
    with closing(EmbeddedReader(folder)) as log:
        verified = verify_log(log, stored_notes(folder), stored_verifier(folder))
        return [*verified.findings, *replay_log(log).findings]


def test_a_backup_under_load_restores_to_a_market_that_verifies_and_trades_on(
    tmp_path: Path,
) -> None:
    market = Exchange(tmp_path / "market")
    buyer_id = market.party("anna", "buyer", money=1_000)
    market.party("seller", "supplier")
    market.listing("seller", FREE)
    path = f"/v1/parties/{buyer_id}/deposits"
    money = {"currency": "CNY", "amount_minor": 7, "reference": "bank"}
    stop = threading.Event()

    def deposit() -> None:
        while not stop.is_set():
            market.ok("operator", "POST", path, money)

    market.process.audit.store.integrate()
    market.process.audit.store.publish()
    load = threading.Thread(target=deposit)
    load.start()
    backups = [back_up(tmp_path / "market", tmp_path / f"{n}.tar") for n in range(3)]
    stop.set()
    load.join()
    acknowledged = market.process.log.size
    market.close()
    sizes = [manifest.records for _, manifest in backups]
    assert sizes == sorted(set(sizes)), "the market went on between the backups"
    assert sizes[-1] <= acknowledged
    for number, (file, manifest) in enumerate(backups):
        assert file.stat().st_mode & 0o777 == 0o600
        restored = tmp_path / f"restored{number}"
        assert restore(file, restored) == manifest
        assert findings(restored) == []
    again = Exchange(restored)
    again.ok("operator", "POST", path, money)
    again.close()
    assert findings(restored) == []


def test_a_restored_folder_and_its_keys_are_their_owners_alone(
    folder: Path, tmp_path: Path
) -> None:
    file, _ = back_up(folder, tmp_path)
    assert file.name.startswith("databourse-gx-")
    restored = tmp_path / "restored"
    restored.mkdir()
    restore(file, restored)
    assert restored.stat().st_mode & 0o777 == 0o700
    (grant_key,) = (folder / "keys/grants").glob("*.key")
    signing = f"keys/grants/{grant_key.name}"
    for name in ("keys/checkpoint.key", signing, "first-tokens.json"):
        assert (restored / name).stat().st_mode & 0o777 == 0o600
        assert (restored / name).read_bytes() == (folder / name).read_bytes()
    contents = [path.name for path in (folder / "content").iterdir()]
    assert [path.name for path in (restored / "content").iterdir()] == contents != []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("restored.")] == []


def test_a_folder_with_something_in_it_is_not_restored_into(folder: Path, tmp_path: Path) -> None:
    file, _ = back_up(folder, tmp_path / "a.tar")
    with pytest.raises(BackupError, match="not empty"):
        restore(file, folder)
    with pytest.raises(BackupError, match="exists already"):
        back_up(folder, file)


def test_nothing_unsigned_is_backed_up(folder: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(folder / "audit.sqlite3")) as db:
        db.execute("DELETE FROM checkpoints")
        db.commit()
    with pytest.raises(BackupError, match="no signed checkpoint yet"):
        back_up(folder, tmp_path / "early.tar")
    assert not (tmp_path / "early.tar").exists()


@pytest.mark.parametrize("place", range(0, 1000, 97))
def test_a_damaged_backup_restores_nothing(place: int, folder: Path, tmp_path: Path) -> None:
    file, _ = back_up(folder, tmp_path / "a.tar")
    damaged = bytearray(file.read_bytes())
    used = len(damaged.rstrip(b"\0"))
    at = used * place // 1000
    while not damaged[at]:  # what fills a block up means nothing
        at += 1
    damaged[at] ^= 0xFF
    file.write_bytes(damaged)
    with pytest.raises(BackupError):
        restore(file, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_a_backup_cut_short_restores_nothing(folder: Path, tmp_path: Path) -> None:
    file, _ = back_up(folder, tmp_path / "a.tar")
    whole = file.read_bytes()
    for parts in range(1, 10):
        file.write_bytes(whole[: len(whole) * parts // 10])
        with pytest.raises(BackupError):
            restore(file, tmp_path / "restored")
        assert not (tmp_path / "restored").exists()


def test_a_backup_with_a_file_more_or_outside_its_folder_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    file, _ = back_up(folder, tmp_path / "a.tar")
    (tmp_path / "evil").write_bytes(b"evil")
    for name in ("../outside", "content/more"):
        shutil.copy(file, tmp_path / "b.tar")
        with tarfile.open(tmp_path / "b.tar", "a") as archive:
            archive.add(tmp_path / "evil", name)
        with pytest.raises(BackupError, match="its manifest does not name"):
            restore(tmp_path / "b.tar", tmp_path / "restored")
    assert not (tmp_path / "outside").exists()


def test_a_backup_whose_trail_was_rewritten_is_refused(folder: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        db.execute("UPDATE records SET body = CAST(replace(body, '降', '升') AS BLOB)")
        db.commit()
    file, _ = back_up(folder, tmp_path / "a.tar")
    with pytest.raises(BackupError, match="does not verify, nothing was restored"):
        restore(file, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_a_backup_signed_by_another_than_the_trusted_key_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    file, _ = back_up(folder, tmp_path / "a.tar")
    other = VerifierKey("databourse/gx", load_or_make_key(tmp_path / "other.key").public_key())
    with pytest.raises(BackupError, match="signed with another key"):
        restore(file, tmp_path / "restored", other)


def test_tree_and_read_models_are_made_again_from_the_log(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "audit.sqlite3")) as db:
        db.execute("UPDATE tiles SET hashes = zeroblob(8192)")
        notes = db.execute("SELECT * FROM checkpoints").fetchall()
        db.commit()
    (folder / READ_MODELS_NAME).write_bytes(b"no database" * 1_000)
    rebuilt = rebuild(folder)
    assert rebuilt.checkpoints == len(notes) > 0
    assert list(stored_notes(folder)) == notes
    reads = read_models_in(folder)
    with Session(reads.engine) as session:
        assert session.exec(select(func.sum(BalanceRow.balance_minor))).one() == 0
    reads.close()
    again = Exchange(folder)
    assert again.ok("operator", "GET", "/v1/audit/entries/3")["tree_size"] >= rebuilt.records
    again.close()
    assert findings(folder) == []


def test_a_rebuild_changes_nothing_when_the_log_is_not_what_was_signed(tmp_path: Path) -> None:
    folder = tmp_path / "market"
    record(folder)
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        db.execute("UPDATE records SET body = CAST(replace(body, 'gx', 'xg') AS BLOB)")
        db.commit()
    before = (folder / "audit.sqlite3").read_bytes()
    with pytest.raises(CheckpointError, match="nothing was changed"):
        rebuild(folder)
    assert (folder / "audit.sqlite3").read_bytes() == before


def test_a_running_market_is_not_rebuilt(tmp_path: Path) -> None:
    market = Exchange(tmp_path / "market")
    with pytest.raises(LogInUse):
        rebuild(tmp_path / "market")
    market.close()


def test_the_log_is_copied_after_what_speaks_of_it() -> None:
    """A log copied first could be shorter than what the checkpoints, copied later, have signed."""
    assert DATABASES[-1] == FILE_NAME
