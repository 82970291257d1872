"""The small databases beside the log: opened with a version, durable, and told from broken ones."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from streams.faults import explain


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
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be used: {explain(error)}; {mend}") from error
