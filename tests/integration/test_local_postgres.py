"""A PostgreSQL on this machine: started, found, killed, stopped; nothing committed is lost."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.cli import main
from services.local.daemon import LocalError, Stopped
from services.local.postgres import LocalPostgres, find_installed
from tests.builders.postgres import new_database, own_server


@pytest.fixture
def server() -> Iterator[LocalPostgres]:
    with own_server() as server:
        yield server


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["postgres", *arguments])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out + told.err


def test_a_missing_wheel_says_how_to_run_it() -> None:
    with pytest.raises(LocalError, match=r"run it as `python3 run.py postgres ...`, or give any"):
        find_installed("no_such_wheel")


def test_what_was_never_started_has_no_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LocalError, match="holds no PostgreSQL; start it first"):
        _ = LocalPostgres(tmp_path).url
    assert call(capsys, "stop", "--data", str(tmp_path)) == (0, "PostgreSQL: was not running\n")
    code, said = call(capsys, "status", "--data", str(tmp_path))
    assert (code, said) == (3, "databourse: PostgreSQL is not running; start it first\n")


@pytest.mark.long
def test_it_is_durable_listens_here_alone_and_keeps_its_address(server: LocalPostgres) -> None:
    url = server.url
    with psycopg.connect(url) as db:
        for setting, value in (
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""),
        ):
            assert db.execute("SELECT current_setting(%s)", (setting,)).fetchone() == (value,)
        db.execute("CREATE TABLE kept (number int)")
        db.execute("INSERT INTO kept VALUES (7)")
    server.kill()
    assert server.status() is None
    assert server.start()
    assert server.url == url
    with psycopg.connect(url) as db:
        assert db.execute("SELECT number FROM kept").fetchall() == [(7,)]


@pytest.mark.long
def test_a_second_start_finds_it_and_a_second_stop_does_nothing(server: LocalPostgres) -> None:
    assert not server.start()
    assert server.stop() is Stopped.STOPPED
    assert server.stop() is Stopped.WAS_NOT_RUNNING


@pytest.mark.long
def test_commands_tell_the_address_without_the_password(
    server: LocalPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(server.folder)
    password = (server.folder / "postgres.pgpass").read_text().strip().rpartition(":")[2]
    code, told = call(capsys, "start", "--data", folder, "--json")
    assert (code, json.loads(told)["url"], json.loads(told)["running"]) == (0, server.url, True)
    assert len(password) > 20
    assert password not in told
    assert call(capsys, "status", "--data", folder)[0] == 0
    assert call(capsys, "stop", "--data", folder) == (0, "PostgreSQL: stopped\n")
    assert call(capsys, "status", "--data", folder, "--json") == (3, '{"running": false}\n')


@pytest.mark.long
def test_nobody_gets_in_without_the_password(server: LocalPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(server.url.partition("?")[0] + "?passfile=missing")


@pytest.mark.long
def test_no_line_of_its_output_shows_a_row(server: LocalPostgres) -> None:
    with psycopg.connect(server.url, autocommit=True) as db:
        db.execute("CREATE TABLE sealed (bid text PRIMARY KEY)")
        db.execute("INSERT INTO sealed VALUES ('987654')")
        with pytest.raises(psycopg.errors.UniqueViolation, match="987654"):
            db.execute("INSERT INTO sealed VALUES ('987654')")
    output = (server.folder / "logs" / "postgres.out").read_text()
    assert "duplicate key" in output
    assert "987654" not in output


@pytest.mark.long
def test_a_taken_port_is_told(server: LocalPostgres) -> None:
    with own_server() as other:
        other.stop()
        with pytest.raises(LocalError, match="Address already in use"):
            other.start(server.port)


@pytest.mark.long
def test_each_test_has_a_database_of_its_own(postgres: LocalPostgres) -> None:
    first, second = new_database(postgres), new_database(postgres)
    with psycopg.connect(first) as db:
        db.execute("CREATE TABLE mine (number int)")
    with psycopg.connect(second) as db:
        assert db.execute("SELECT to_regclass('mine')").fetchone() == (None,)
