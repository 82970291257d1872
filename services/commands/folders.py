"""A market's data folder or database, as commands use it."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from market.merkle import ProofError
from services.audit.checkpoint import CheckpointError
from services.audit.shelf import Shelf, read_folder_shelf
from services.commands import Exit, UsageError
from services.database import StoreError
from services.keys import KeyFileError
from services.local.daemon import LocalError
from streams.embedded import EmbeddedReader
from streams.faults import words
from streams.log import LogError, LogReader

_UNUSABLE: Final = (
    LogError,
    StoreError,
    CheckpointError,
    KeyFileError,
    ProofError,
    LocalError,
    OSError,
)


class Trail(NamedTuple):
    """What there is to verify: the records, and what was signed of them."""

    log: LogReader
    shelf: Shelf
    place: str


@contextmanager
def log_reader(data: Path | None, db: str = "", venue: str = "gx") -> Iterator[LogReader]:
    """Open the log of a data folder, or of a venue in a database.

    Raises UsageError, with the exit code that fits, when the log cannot be read.
    """
    try:
        if in_database(data, db):
            from streams.postgres import PostgresReader  # not loaded where nobody needs it

            log: LogReader = PostgresReader(db, venue)
        else:
            log = EmbeddedReader(data or Path())
    except LogError as error:
        raise UsageError(str(error), Exit.UNREACHABLE) from error
    try:
        yield log
    except LogError as error:
        raise UsageError(str(error), Exit.FINDING) from error
    finally:
        log.close()


@contextmanager
def trail_reader(data: Path | None, db: str, venue: str) -> Iterator[Trail]:
    """Open a log with its checkpoints. Raises UsageError."""
    with log_reader(data, db, venue) as log, usable(Exit.FINDING):
        if in_database(data, db):
            from services.audit.shared import PostgresShelf

            shelf: Shelf = PostgresShelf(db, venue)
        else:
            shelf = read_folder_shelf(data or Path())
        with closing(shelf):
            yield Trail(log, shelf, place_of(data, db, venue))


def in_database(data: Path | None, db: str) -> bool:
    """Raises UsageError when there is no place, or two; a database in the environment gives way."""
    if data is None and not db:
        raise UsageError("say where the market is: give --data DIR, or --db URL and --venue NAME")
    if data is not None and db not in ("", os.environ.get("DATABOURSE_DB", "")):
        raise UsageError("give --data or --db, not both")
    return data is None


def place_of(data: Path | None, db: str, venue: str) -> str:
    """Return the place in words, without the address: it may hold a password."""
    return f"the database, venue {venue}," if in_database(data, db) else str(data)


@contextmanager
def usable(exit_code: Exit = Exit.USAGE) -> Iterator[None]:
    """Turn what a folder can be wrong with into a UsageError that says what to do."""
    try:
        yield
    except _UNUSABLE as error:
        raise UsageError(words(error), exit_code) from error
