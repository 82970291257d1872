"""The log in PostgreSQL, beyond what every log does: one writer, all or nothing, clear errors."""

import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from services.local.postgres import LocalPostgres
from streams.log import Entry, LogBroken, LogError, LogInUse, LogVersion, Snapshot
from streams.postgres import PostgresLog, PostgresReader, create, when_free
from tests.builders.postgres import own_server

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
TOO_LARGE = 1 << 63  # for a head, as PostgreSQL finds out after it has taken the records
PASSWORD = "p4ssw0rd"
WRITER = """
import sys
from streams.log import Entry
from streams.postgres import PostgresLog
log = PostgresLog(sys.argv[1])
count = int(sys.argv[2])
print("writes", flush=True)
while count:
    first = log.append([Entry("bids", b"%d" % count)] * count, {"bids": log.size + count})
    print(first + count, flush=True)
sys.stdin.read()
"""


class Writer:
    """A process that has the log, and appends `group` records again and again."""

    def __init__(self, url: str, group: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(group)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "writes\n"

    def kill(self) -> int:
        """SIGKILL it; return the size of the log that it last told."""
        self.process.kill()
        told = self.process.stdout.read().split("\n")
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        return int(next((size for size in reversed(told[:-1]) if size), 0))


@pytest.fixture
def url(database: str) -> str:
    create(database)
    return database


@pytest.fixture
def server() -> Iterator[LocalPostgres]:
    with own_server() as server:
        create(server.url)
        yield server


def query(url: str, statement: str) -> None:
    with psycopg.connect(url) as db:
        db.execute(statement)


def test_creating_it_again_changes_nothing(url: str) -> None:
    with closing(PostgresLog(url)) as log:
        log.append([Entry("bids", b"1")], {"bids": 1})
    create(url)
    with closing(PostgresReader(url)) as again:
        assert (again.size, again.heads()) == (1, {"bids": 1})


def test_two_may_create_it_at_once(database: str) -> None:
    makers = [threading.Thread(target=create, args=(database, "gx")) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    PostgresLog(database).close()


def test_venues_of_one_database_know_nothing_of_each_other(url: str) -> None:
    create(url, "nn")
    with closing(PostgresLog(url, "gx")) as ours, closing(PostgresLog(url, "nn")) as theirs:
        ours.append([Entry("bids", b"ours")], {"bids": 1})
        assert (theirs.size, theirs.heads()) == (0, {})


def test_a_database_without_a_market_says_so(database: str) -> None:
    for kind in (PostgresReader, PostgresLog):
        with pytest.raises(LogError, match="holds no market of venue gx; run `databourse migrate`"):
            kind(database)


def test_an_unknown_venue_is_refused(database: str) -> None:
    with pytest.raises(LogError, match="there is no venue 'xx'"):
        PostgresReader(database, "xx")


def test_a_log_of_a_newer_version_is_refused_unchanged(url: str) -> None:
    query(url, "UPDATE gx.meta SET value = '99' WHERE key = 'format'")
    for kind in (PostgresReader, PostgresLog):
        with pytest.raises(LogVersion, match="written by a newer databourse"):
            kind(url)


def test_damaged_heads_are_told(url: str) -> None:
    with closing(PostgresLog(url)) as log:
        log.append([Entry("bids", b"1")], {"bids": 1})
        query(url, "UPDATE gx.heads SET value = 7 WHERE name = 'bids'")
        with pytest.raises(LogBroken, match="the log's heads are damaged"):
            log.heads()


def test_only_so_many_snapshots_are_kept(url: str) -> None:
    with closing(PostgresLog(url)) as log:
        for position in (1, 2, 3):
            log.append([], {}, [Snapshot("matching", position, 1, b"{}")])
        log.append([], {}, [Snapshot("matching", 3, 2, b"other")])
        kept = [(snap.position, snap.state_version) for snap in log.snapshots("matching")]
    assert kept == [(3, 2), (2, 1)]


def test_what_the_server_promises_is_looked_at(url: str) -> None:
    query(url, "ALTER ROLE CURRENT_USER SET synchronous_commit = off")
    try:
        with pytest.raises(LogError, match="would lose what it commits"):
            PostgresLog(url)
    finally:
        query(url, "ALTER ROLE CURRENT_USER RESET synchronous_commit")
    PostgresLog(url).close()


@pytest.mark.parametrize(
    ("bodies", "heads"), [((b"2", None), {"bids": 3}), ((b"2", b"3"), {"bids": TOO_LARGE})]
)
def test_after_a_failed_commit_nothing_more_is_taken_and_nothing_was_kept(
    url: str, bodies: tuple[bytes, bytes], heads: dict[str, int]
) -> None:
    with closing(PostgresLog(url)) as log:
        log.append([Entry("bids", b"1")], {"bids": 1})
        with pytest.raises(LogBroken, match="the commit failed and nothing of it is acknowledged"):
            log.append([Entry("bids", body) for body in bodies], heads)
        with pytest.raises(LogBroken, match="nothing more is taken after a failed commit"):
            log.append([Entry("bids", b"3")], {"bids": 2})
    with closing(PostgresReader(url)) as reader:
        assert (reader.size, reader.heads()) == (1, {"bids": 1})


def test_no_error_shows_a_row(url: str) -> None:
    query(url, "ALTER TABLE gx.heads ADD CONSTRAINT small CHECK (value < 9 OR name = 'sum')")
    with closing(PostgresLog(url)) as log, pytest.raises(LogBroken) as told:
        log.append([Entry("bids", b"1")], {"bids": 777_777})
    assert "violates check constraint" in str(told.value)
    assert "777777" not in str(told.value)
    assert "777777" in str(told.value.__cause__), "what was left out is what the server said"


@pytest.mark.parametrize("form", ["postgresql:/x:{}@h/y", "postgresql://x:{}@127.0.0.1:1/y"])
def test_no_error_shows_a_password(form: str) -> None:
    address = form.format(PASSWORD)
    with pytest.raises(LogError) as told:
        PostgresReader(address)
    assert PASSWORD not in "".join(traceback.format_exception(told.value))


def test_the_second_writer_takes_over_when_the_first_is_killed(url: str) -> None:
    first = Writer(url)
    with pytest.raises(LogInUse, match="another process writes venue gx"):
        PostgresLog(url)
    found: list[PostgresLog] = []
    stopping = threading.Event()
    second = threading.Thread(target=lambda: found.append(when_free(url, "gx", stopping)))
    second.start()
    assert not found
    first.kill()
    second.join(timeout=60)
    assert found[0].append([Entry("bids", b"1")], {"bids": 1}) == 0
    found[0].close()


def test_who_waits_to_write_can_be_stopped(url: str) -> None:
    stopping = threading.Event()
    stopping.set()
    with closing(PostgresLog(url)), pytest.raises(LogInUse):
        when_free(url, "gx", stopping)


@pytest.mark.parametrize("wait_appends", [1, 2, 3, 5, 8])
def test_a_writer_killed_in_an_append_leaves_all_of_it_or_nothing(
    url: str, wait_appends: int
) -> None:
    group = 5_000
    writer = Writer(url, group)
    for _ in range(wait_appends):
        writer.process.stdout.readline()
    told = max(writer.kill(), wait_appends * group)
    with closing(when_free(url, "gx", threading.Event())) as log:
        assert log.size % group == 0
        assert log.size in (told, told + group)
        assert log.heads() == {"bids": log.size}
        assert [stored.position for stored in log.read(log.size - 3)] == [
            log.size - 3,
            log.size - 2,
            log.size - 1,
        ]


def test_a_restart_of_the_server_is_told_and_reading_goes_on(server: LocalPostgres) -> None:
    log, reader = PostgresLog(server.url), PostgresReader(server.url)
    log.append([Entry("bids", b"1")], {"bids": 1})
    assert reader.size == 1
    server.kill()
    with pytest.raises(LogBroken, match="go on when it runs again"):
        _ = reader.size
    with pytest.raises(LogBroken, match="the commit failed and nothing of it is acknowledged"):
        log.append([Entry("bids", b"2")], {"bids": 2})
    with pytest.raises(LogBroken, match=r"[Cc]onnection refused"):
        _ = reader.size
    server.start()
    assert reader.size == 1
    assert [stored.body for stored in reader.read(0)] == [b"1"]
    with pytest.raises(LogBroken, match="nothing more is taken after a failed commit"):
        log.append([Entry("bids", b"2")], {"bids": 2})
    with closing(PostgresLog(server.url)) as again:
        assert again.append([Entry("bids", b"2")], {"bids": 2}) == 1
    assert reader.size == 2
    reader.close()
    log.close()


def test_several_threads_share_a_reader(url: str) -> None:
    with closing(PostgresLog(url)) as log, closing(PostgresReader(url)) as reader:
        log.append([Entry("bids", b"%d" % number) for number in range(500)], {"bids": 500})
        wrong: list[int] = []

        def read() -> None:
            starts = range(0, 500, 5)
            wrong.extend(at for at in starts if reader.read(at, 1)[0].body != b"%d" % at)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
