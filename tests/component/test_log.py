"""What every log must do, and what the embedded one promises on disk."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.embedded import FILE_NAME, EmbeddedLog, EmbeddedReader
from streams.log import Entry, Log, LogBroken, LogError, LogInUse, LogVersion, Snapshot
from streams.memory import MemoryLog
from streams.postgres import PostgresLog, create


def in_postgres(request: pytest.FixtureRequest) -> Log:
    url = request.getfixturevalue("database")
    create(url)
    return PostgresLog(url)


MAKE: dict[str, Callable[[pytest.FixtureRequest], Log]] = {
    "embedded": lambda request: EmbeddedLog(request.getfixturevalue("tmp_path")),
    "memory": lambda request: MemoryLog(),
    "postgres": in_postgres,
}


@pytest.fixture(params=["embedded", "memory", pytest.param("postgres", marks=pytest.mark.long)])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    made = MAKE[request.param](request)
    yield made
    made.close()


def entries(*names: str) -> list[Entry]:
    return [Entry(topic, f'"{name}"'.encode()) for name in names for topic in (name.split("/")[0],)]


def test_a_new_log_is_empty(log: Log) -> None:
    assert (log.size, list(log.read(0)), log.heads()) == (0, [], {})
    assert log.snapshots("matching") == []


def test_positions_count_from_zero_without_gaps(log: Log) -> None:
    assert log.append(entries("bids/a", "ledger/b"), {"x": 1}) == 0
    assert log.append(entries("bids/c"), {"x": 2}) == 2
    assert [stored.position for stored in log.read(0)] == [0, 1, 2]
    assert log.read(1)[0].body == b'"ledger/b"'
    assert log.size == 3


def test_reading_takes_only_the_topics_and_as_many_as_asked_for(log: Log) -> None:
    log.append(entries("bids/a", "ledger/b", "bids/c", "bids/d"), {})
    found = log.read(0, 2, {"bids"})
    assert [(stored.position, stored.body) for stored in found] == [
        (0, b'"bids/a"'),
        (2, b'"bids/c"'),
    ]
    assert [stored.position for stored in log.read(3, topics={"bids", "ledger"})] == [3]


def test_heads_and_snapshots_are_kept_with_the_records(log: Log) -> None:
    kept = [Snapshot("matching", position, 1, b"{}") for position in (1, 2, 3)]
    for number, snapshot in enumerate(kept):
        log.append(entries("bids/a"), {"cursor/matching": number}, [snapshot])
    assert log.heads() == {"cursor/matching": 2}
    assert [snapshot.position for snapshot in log.snapshots("matching")][:2] == [3, 2]
    assert log.snapshots("settlement") == []


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path, "gx")
    log.append(entries("bids/a", "bids/b"), {"bids": 2})
    log.close()
    again = EmbeddedLog(tmp_path)
    assert (again.size, again.heads(), again.venue) == (2, {"bids": 2}, "gx")
    assert again.append(entries("bids/c"), {"bids": 3}) == 2
    again.close()


def test_a_reader_sees_commits_of_the_writer(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    reader = EmbeddedReader(tmp_path)
    assert reader.size == 0
    log.append(entries("bids/a"), {"bids": 1})
    assert (reader.size, reader.heads()) == (1, {"bids": 1})
    reader.close()
    log.close()


def test_the_folder_is_refused_while_another_process_has_it(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    program = (
        "import sys, pathlib\n"
        "from streams.embedded import EmbeddedLog\n"
        "from streams.log import LogInUse\n"
        "try: EmbeddedLog(pathlib.Path(sys.argv[1]))\n"
        "except LogInUse as error: print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "is in use by another process; stop that one or choose another folder" in told.stdout
    log.close()
    EmbeddedLog(tmp_path).close()


def test_the_same_process_cannot_open_it_twice_either(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    with pytest.raises(LogInUse):
        EmbeddedLog(tmp_path)
    log.close()


def test_a_folder_of_a_newer_version_is_refused_unchanged(tmp_path: Path) -> None:
    EmbeddedLog(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    db.close()
    for kind in (EmbeddedLog, EmbeddedReader):
        with pytest.raises(LogVersion, match="written by a newer databourse"):
            kind(tmp_path)


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 500)
    with pytest.raises(LogBroken, match=r"cannot be read|not a market's log"):
        EmbeddedLog(tmp_path)


def test_a_folder_without_a_market_says_so(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="holds no market"):
        EmbeddedReader(tmp_path)


def test_after_a_failed_commit_nothing_more_is_taken_and_nothing_was_kept(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    log.append(entries("bids/a"), {"bids": 1})
    with pytest.raises(LogBroken, match="the commit failed and nothing of it is acknowledged"):
        log.append([Entry("bids", None)], {"bids": 2})  # type: ignore[arg-type]
    with pytest.raises(LogBroken, match="nothing more is taken after a failed commit"):
        log.append(entries("bids/b"), {"bids": 2})
    log.close()
    again = EmbeddedReader(tmp_path)
    assert (again.size, again.heads()) == (1, {"bids": 1})
    again.close()


def test_commits_are_forced_to_disk(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    assert log._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert log._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    log.close()
