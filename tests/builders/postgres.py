"""A real PostgreSQL for tests: a server in a folder of its own, and new databases in it."""

import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from services.local.daemon import LocalError
from services.local.postgres import LocalPostgres, find_installed
from tests.builders.needs import lacking

EDGE_SERVER = "DATABOURSE_TEST_EDGE"


def start() -> str:
    """Return the folder of a started server: one that any account may enter, as pytest's own is
    not.
    """
    need_postgres()
    folder = Path(tempfile.mkdtemp(prefix="databourse-postgres-"))
    folder.chmod(0o755)
    LocalPostgres(folder).start()
    return str(folder)


def need_postgres() -> None:
    """Skip the test, or in CI fail it, where the wheel is missing."""
    try:
        find_installed()
    except LocalError as error:
        lacking(str(error))


def end(folder: str) -> None:
    LocalPostgres(Path(folder)).kill()  # nobody wants what it would still write
    shutil.rmtree(folder)


@contextmanager
def own_server() -> Iterator[LocalPostgres]:
    """A server for one test, which may kill it."""
    folder = start()
    try:
        yield LocalPostgres(Path(folder))
    finally:
        end(folder)


def new_database(server: LocalPostgres) -> str:
    """Return the URL of an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as db:
        db.execute(f'CREATE DATABASE "{name}"')
    return server.url_of(name)


def database_of(folder: Path) -> str:
    """Return the URL of the database that a market in this folder keeps what is not its log in:
    none, unless the environment names a server for all of a test run.
    """
    server = os.environ.get(EDGE_SERVER)
    if not server:
        return ""
    name = f"edge_{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]}"
    with psycopg.connect(server, autocommit=True) as db:
        if not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            db.execute(f'CREATE DATABASE "{name}"')
    return make_url(server).set(database=name).render_as_string(hide_password=False)
