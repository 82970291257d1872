"""The cascade on PostgreSQL: the same bytes as on the embedded log, and the same proofs of them."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from market.merkle import ProofError, verify_consistency, verify_inclusion
from services.audit.shared import PostgresShelf
from services.audit.shared import create as create_shelf
from services.audit.shelf import folder_shelf
from services.audit.store import AuditReader, AuditStore
from services.database import StoreError
from streams.embedded import EmbeddedReader
from streams.log import Entry, LogReader, Stored
from streams.postgres import PostgresLog, PostgresReader, create
from streams.recovery import recover_venue
from tests.builders.cli import run
from tests.builders.postgres import new_database
from tests.builders.recorded import record, record_on

pytestmark = pytest.mark.long


class Recorded:
    """One market day, recorded in a folder and in a database."""

    def __init__(self, folder: Path, keys: Path, url: str) -> None:
        self.folder, self.keys, self.url = folder, keys, url


@pytest.fixture(scope="module")
def recorded(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder, keys = tmp_path_factory.mktemp("embedded"), tmp_path_factory.mktemp("keys")
    url = new_database(postgres)
    record(folder)
    make(url)
    with closing(PostgresLog(url)) as log, closing(PostgresReader(url)) as reader:
        record_on(log, AuditStore(keys, PostgresShelf(url, "gx"), reader))
    return Recorded(folder, keys, url)


@pytest.fixture
def reader(recorded: Recorded) -> Iterator[PostgresReader]:
    with closing(PostgresReader(recorded.url)) as reader:
        yield reader


def make(url: str) -> None:
    create(url)
    create_shelf(url, "gx")


def everything(log: LogReader) -> list[Stored]:
    found: list[Stored] = []
    while stored := log.read(len(found)):
        found += stored
    return found


def test_records_heads_and_states_are_the_same(recorded: Recorded, reader: PostgresReader) -> None:
    with closing(EmbeddedReader(recorded.folder)) as embedded:
        assert everything(reader) == everything(embedded)
        assert reader.heads() == embedded.heads()
        for service in ("matching", "settlement"):
            assert reader.snapshots(service) == embedded.snapshots(service)
        ours, theirs = recover_venue(embedded), recover_venue(reader)
        assert (theirs.matching, theirs.settlement) == (ours.matching, ours.settlement)
    assert reader.size > 500


def test_tree_and_checkpoints_are_the_same(recorded: Recorded) -> None:
    with (
        closing(folder_shelf(recorded.folder)) as ours,
        closing(PostgresShelf(recorded.url, "gx")) as theirs,
    ):
        assert theirs.tiles() == ours.tiles()
        assert len(theirs.tiles()) > 1
        assert [size for size, _ in theirs.notes()] == [size for size, _ in ours.notes()]
        assert len(theirs.notes()) > 3


@pytest.mark.parametrize(
    "command",
    [
        "audit verify",
        "audit replay",
        "audit show 30",
        "audit prove 30",
        "ledger trial-balance",
        "ledger statement pty_operator",
        "topic list",
        "topic tail bids -n 5",
    ],
)
def test_commands_say_the_same_of_both(
    recorded: Recorded, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*command.split(), "--data", str(recorded.folder), "--json") == 0
    of_folder = capsys.readouterr().out
    assert run(*command.split(), "--db", recorded.url, "--venue", "gx", "--json") == 0
    of_database = capsys.readouterr().out
    if command == "audit prove 30":  # signed with another key
        ours, theirs = json.loads(of_folder), json.loads(of_database)
        assert theirs.pop("checkpoint") != ours.pop("checkpoint")
        assert theirs == ours
    else:
        assert of_database == of_folder


def test_exports_of_a_database_are_whole(
    recorded: Recorded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "trail"
    assert run("audit", "export", "--db", recorded.url, "--out", str(out)) == 0
    key = (recorded.keys / "keys" / "checkpoint.pub").read_text().strip()
    assert run("audit", "check-export", str(out), "--key", key) == 0
    books = tmp_path / "gx.beancount"
    assert run("ledger", "export", "--db", recorded.url, "--out", str(books)) == 0
    assert "transactions over" in capsys.readouterr().out


def test_a_changed_record_in_the_database_is_found(
    postgres: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = new_database(postgres)
    make(url)
    with closing(PostgresLog(url)) as log, closing(PostgresReader(url)) as reader:
        record_on(log, AuditStore(tmp_path, PostgresShelf(url, "gx"), reader))
    with psycopg.connect(url) as db:
        changed = db.execute(
            "UPDATE gx.records SET body = convert_to(replace(convert_from(body, 'UTF8'), "
            "'\"max_price_minor\":1422', '\"max_price_minor\":1423'), 'UTF8') WHERE position = "
            "(SELECT min(position) FROM gx.records WHERE convert_from(body, 'UTF8') "
            "LIKE '%\"max_price_minor\":1422%')"
        )
        assert changed.rowcount == 1
    assert run("audit", "verify", "--db", url) == 1
    assert run("audit", "replay", "--db", url) == 1
    told = capsys.readouterr().out
    assert "the records up to it are not those signed" in told
    assert "replayed: 588 records" in told


def test_a_reader_proves_what_another_process_publishes(postgres: Any, tmp_path: Path) -> None:
    url = new_database(postgres)
    make(url)
    with (
        closing(PostgresLog(url)) as log,
        closing(PostgresReader(url)) as reader,
        closing(AuditStore(tmp_path, PostgresShelf(url, "gx"), reader)) as store,
        closing(AuditReader(PostgresShelf(url, "gx"), reader)) as proofs,
    ):
        assert proofs.head()[::2] == (0, b"")
        with pytest.raises(ProofError):
            proofs.inclusion(0)
        for size in (3, 300, 1_000, 1_001, 15_000):
            old_size = log.size
            fresh = range(old_size, size)
            log.append([Entry("bids", b"%d" % number) for number in fresh], {"bids": size})
            store.integrate()
            store.publish()
            found = proofs.inclusion(old_size)
            assert (found.size, found.body) == (size, b"%d" % old_size)
            assert proofs.head() == store.head()
            assert proofs._tree._unsaved == {}, "what is kept is not kept in memory too"
            verify_inclusion(found.leaf_hash, old_size, size, found.proof, found.root)
            if old_size:
                proof = proofs.consistency(old_size, size)
                verify_consistency(old_size, size, proof, store._tree.root(old_size), found.root)
        log.append([Entry("bids", b"published")], {"bids": 15_001})
        store.integrate()
        store.publish()
        log.append([Entry("bids", b"not yet")] * 999, {"bids": 16_000})
        assert proofs.head()[0] == 15_001
        assert proofs._tree.size == 16_000, "it reads on, with tiles that nobody has kept yet"
        assert proofs.head() == store.head()
        with pytest.raises(ProofError):
            proofs.inclusion(15_001)


def test_another_key_does_not_sign_for_a_venue(recorded: Recorded, tmp_path: Path) -> None:
    with (
        closing(PostgresReader(recorded.url)) as reader,
        pytest.raises(StoreError, match="signed with another key than this process has"),
    ):
        AuditStore(tmp_path, PostgresShelf(recorded.url, "gx"), reader)


def test_the_place_is_named_once(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", "verify") == 2
    assert "give --data DIR, or --db URL" in capsys.readouterr().err
    assert run("audit", "verify", "--data", "x", "--db", recorded.url) == 2
    assert "not both" in capsys.readouterr().err
    assert run("audit", "verify", "--db", "postgresql://x:secret@127.0.0.1:1/y") == 3
    told = capsys.readouterr().err
    assert "look at the address" in told
    assert "secret" not in told
