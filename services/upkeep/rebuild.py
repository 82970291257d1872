"""Making again what the log has it all for: the audit tree and the read models."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from services.audit.checkpoint import CheckpointError, verify
from services.audit.shelf import FILE_NAME, MEND, SCHEMA, VERSION, SqliteShelf
from services.audit.store import stored_notes, stored_verifier
from services.audit.tree import Tree, leaf_hashes
from services.database import open_database, telling
from services.gateway.databases import READ_MODELS_NAME, read_models_in
from services.gateway.projector_loop import ProjectorLoop
from services.stores.base import Database
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.log import READ_LIMIT_MAX, RESTORE, LogReader

Progress = Callable[[int], None]


class Rebuilt(NamedTuple):
    records: int
    root: bytes
    checkpoints: int


def rebuild(folder: Path, progress: Progress = lambda done: None) -> Rebuilt:
    """Make the tree and the read models of a stopped market again from its log.

    Raises LogInUse while the market runs; CheckpointError, having changed nothing, when the log is
    not what the checkpoints signed; StoreError when the checkpoints cannot be read.
    """
    with closing(EmbeddedLog(folder)) as log:
        rebuilt = _rebuild_tree(folder, log, progress)
        _rebuild_read_models(folder)
    return rebuilt


def _rebuild_tree(folder: Path, log: LogReader, progress: Progress) -> Rebuilt:
    notes = stored_notes(folder)
    beside = folder / f"{FILE_NAME}.rebuilt"
    beside.unlink(missing_ok=True)
    with closing(open_database(beside, VERSION, SCHEMA, "free some disk space")) as db:
        shelf = SqliteShelf(db, beside)
        tree = grow(Tree(shelf), log, progress)
        tree.flush()
        shelf.keep_notes(notes)
        _check_newest(folder, notes, tree)
        db.execute("PRAGMA journal_mode = DELETE")  # one whole file, to be renamed
    path = folder / FILE_NAME
    if path.exists():
        with telling(path, MEND), closing(sqlite3.connect(path)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or its tail would be read into the new
    beside.rename(path)
    return Rebuilt(tree.size, tree.root(), len(notes))


def grow(tree: Tree, log: LogReader, progress: Progress = lambda done: None) -> Tree:
    """Take all records the tree does not have yet into it."""
    while stored := log.read(tree.size, READ_LIMIT_MAX):
        tree.append(leaf_hashes([body for _, body in stored]))
        progress(tree.size)
    return tree


def _check_newest(folder: Path, notes: list[tuple[int, bytes]], tree: Tree) -> None:
    if not notes:
        return
    size, note = notes[-1]
    said = verify(note, stored_verifier(folder))
    if size > tree.size or (said.size, said.root) != (size, tree.root(size)):
        raise CheckpointError(
            f"nothing was changed: the log is not what checkpoint {size} signed; {RESTORE}"
        )


def _rebuild_read_models(folder: Path) -> None:
    remove_read_models(folder)
    project_all(read_models_in(folder), EmbeddedReader(folder))


def project_all(reads: Database, log: LogReader) -> None:
    """Bring read models up to the end of a log, and close both."""
    projection = ProjectorLoop(reads, log)
    try:
        projection.catch_up()
    finally:
        projection.stop()
        reads.close()


def remove_read_models(folder: Path) -> None:
    for suffix in ("-wal", "-shm", ""):  # the file last: without its tail it is older, but whole
        (folder / f"{READ_MODELS_NAME}{suffix}").unlink(missing_ok=True)
