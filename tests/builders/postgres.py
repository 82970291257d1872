"""A real PostgreSQL for tests: a server in a folder of its own, and new databases in it."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from services.local.daemon import LocalError
from services.local.postgres import LocalPostgres, find_installed
from tests.builders.needs import lacking


def start() -> str:
    """Return the folder of a started server: one that any account may enter, as pytest's own is
    not.
    """
    try:
        find_installed()
    except LocalError as error:
        lacking(str(error))
    folder = Path(tempfile.mkdtemp(prefix="databourse-postgres-"))
    folder.chmod(0o755)
    LocalPostgres(folder).start()
    return str(folder)


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
