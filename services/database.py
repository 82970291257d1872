"""The small databases beside the log: opened with a version, durable, and told from broken ones."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from services.files import sha256_of, write_whole
from streams.faults import DATABASE_FAULTS, explain


class StoreError(Exception):
    """A file of the data folder cannot be used; the text says which, why, and what to do."""


def open_database(
    path: Path,
    version: int,
    schema: Iterable[str],
    mend: str,
    upgrades: Mapping[int, Iterable[str]] | None = None,
) -> sqlite3.Connection:
    """Return a connection that commits durably, to be used by one thread at a time.

    A file of an older version gets what `upgrades` lead from it to the next, step by step, and the
    schema's new tables; `mend` says what to do about a broken one.

    Raises StoreError for a newer version, leaving the file as it is, and for a broken file.
    """
    with telling(path, mend):
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            found = int(db.execute("PRAGMA user_version").fetchone()[0])
            if found > version:
                raise StoreError(
                    f"{path} was written by a newer databourse (version {found}, this one knows "
                    f"up to {version}); update databourse, nothing was changed"
                )
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            steps = [(upgrades or {}).get(step, ()) for step in range(found, version)]
            for statement in chain(*steps, schema):
                db.execute(statement)
            if found < version:
                db.execute(f"PRAGMA user_version = {version}")
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
    return db


def read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


@contextmanager
def telling(path: Path, mend: str) -> Iterator[None]:
    """Turn SQLite's errors into a StoreError that names the file and says what to do."""
    try:
        yield
    except DATABASE_FAULTS as error:
        raise StoreError(f"{path} cannot be used: {explain(error)}; {mend}") from error


def wake(path: Path, mend: str) -> None:
    """Take up a database where `put_to_rest` left it. Raises StoreError when it is another now."""
    digest = digest_path(path)
    if digest.exists():
        if not rests(path):
            raise StoreError(
                f"{path} is not as the market left it: changed or damaged since; {mend}, "
                f"and delete {digest.name}"
            )
        digest.unlink()


def put_to_rest(path: Path) -> None:
    """Keep the hash of a database that nobody has open any more: SQLite itself would not see a
    changed byte inside a row.
    """
    if not path.with_name(f"{path.name}-wal").exists():
        write_whole(digest_path(path), sha256_of(path).encode())


def rests(path: Path) -> bool:
    """Whether a database put to rest is still what it was."""
    return digest_path(path).read_bytes() == sha256_of(path).encode()


def digest_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
