"""The audit service: integrates committed records into the tree and publishes signed checkpoints.

A record is sequenced when the log has it, integrated when the tree has it, and published when a
signed checkpoint covers it, at most a second after it was sequenced.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from market.merkle import leaf_hash
from services.audit.checkpoint import (
    Checkpoint,
    CheckpointError,
    VerifierKey,
    read_verifier,
    sign,
    verify,
)
from services.audit.tree import TILES, Tree, leaf_hashes
from services.database import open_database, read_only, telling
from services.files import write_whole
from services.keys import load_or_make_key
from streams.faults import words
from streams.log import READ_LIMIT_MAX, RESTORE, LogReader
from streams.recovery import NEWEST_RECORDS

FILE_NAME: Final = "audit.sqlite3"
PRIVATE_KEY_NAME: Final = "keys/checkpoint.key"
VERIFIER_NAME: Final = "keys/checkpoint.pub"
PUBLISH_EVERY_SECONDS: Final = 0.5
VERSION: Final = 1
MEND: Final = "run `databourse rebuild`; if that cannot read it either, restore a backup"
SCHEMA: Final = (
    TILES,
    "CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT",
)
log = logging.getLogger("databourse")


class Inclusion(NamedTuple):
    """An entry with the proof that it is in the tree of `size` with this root, and the signed
    note.
    """

    position: int
    body: bytes
    leaf_hash: bytes
    size: int
    root: bytes
    proof: list[bytes]
    note: bytes


class AuditStore:
    """The tree and checkpoints of one data folder. Calls from several threads are taken in turn."""

    def __init__(self, folder: Path, log: LogReader, venue: str) -> None:
        self.origin = f"databourse/{venue}"
        self._key = load_or_make_key(folder / PRIVATE_KEY_NAME)
        self.verifier = VerifierKey(self.origin, self._key.public_key())
        write_whole(folder / VERIFIER_NAME, f"{self.verifier}\n".encode(), mode=0o644)
        self._log = log
        self._db = open_database(folder / FILE_NAME, VERSION, SCHEMA, MEND)
        with telling(folder / FILE_NAME, MEND):
            self._tree = Tree(self._db)
            published = self._published()
        self._turn = threading.Lock()
        if published > log.size:
            raise CheckpointError(
                f"checkpoints speak of {published} records but the log has {log.size}: "
                "published records are missing; run `databourse audit verify` and restore the log"
            )

    def integrate(self) -> int:
        """Take all new records into the tree; return its size."""
        with self._turn:
            while stored := self._log.read(self._tree.size, READ_LIMIT_MAX):
                self._tree.append(leaf_hashes([body for _, body in stored]))
            self._db.execute("BEGIN")
            self._tree.flush()
            self._db.execute("COMMIT")
            return self._tree.size

    def check(self) -> None:
        """Raises CheckpointError when the newest checkpoint is not of this log, key and tree, or
        the newest records, from which the clock is set, are not those in the tree.
        """
        size = self.integrate()
        if not self._published():
            return
        try:
            said = verify(self._newest_note(), self.verifier)
        except CheckpointError as error:
            raise CheckpointError(
                f"the newest checkpoint is damaged: {error}; {RESTORE}"
            ) from error
        start = max(size - NEWEST_RECORDS, 0)
        newest = leaf_hashes([body for _, body in self._log.read(start, NEWEST_RECORDS)])
        right = newest == [self._tree.leaf(index) for index in range(start, size)]
        signed = (said.size, said.root) == (self._published(), self._tree.root(said.size))
        if not right or not signed:
            raise CheckpointError(
                f"the log and its tree are not what checkpoint {said.size} signed: {RESTORE}; "
                "if it finds nothing, the tree is damaged: run `databourse rebuild`"
            )

    def publish(self) -> bytes:
        """Return a signed checkpoint of the tree as it stands, kept if it says something new."""
        with self._turn:
            checkpoint = Checkpoint(self.origin, self._tree.size, self._tree.root())
            known = self._note(checkpoint.size)
            if known is not None:
                return known
            note = sign(checkpoint, self._key)
            self._db.execute("INSERT INTO checkpoints VALUES (?, ?)", (checkpoint.size, note))
            return note

    def head(self) -> tuple[int, bytes, bytes]:
        """Return size, root and note of the newest checkpoint."""
        note = self.publish() if not self._published() else self._newest_note()
        with self._turn:
            size = self._published()
            return size, self._tree.root(size), note

    def inclusion(self, position: int) -> Inclusion:
        """Return an entry with its proof under the newest checkpoint. Raises ProofError beyond
        it.
        """
        size, root, note = self.head()
        with self._turn:
            proof = self._tree.inclusion_proof(position, size)
            body = self._log.read(position, 1)[0].body
        return Inclusion(position, body, leaf_hash(body), size, root, proof, note)

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        with self._turn:
            return self._tree.consistency_proof(old_size, new_size)

    def close(self) -> None:
        with self._turn:
            self._db.close()

    def _published(self) -> int:
        return int(self._db.execute("SELECT ifnull(max(size), 0) FROM checkpoints").fetchone()[0])

    def _newest_note(self) -> bytes:
        size = self._published()
        note = self._note(size)
        if note is None:
            raise CheckpointError(f"the newest checkpoint, {size}, cannot be found: {RESTORE}")
        return note

    def _note(self, size: int) -> bytes | None:
        query = "SELECT note FROM checkpoints WHERE size = ?"
        row = self._db.execute(query, (size,)).fetchone()
        return None if row is None else bytes(row[0])


class AuditLoop:
    """Integrates and publishes in a thread of its own until stopped."""

    def __init__(self, store: AuditStore) -> None:
        self.store = store
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End, with everything integrated and published unless that has failed."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
            self._publish()

    def _run(self) -> None:
        while not self._stop.wait(PUBLISH_EVERY_SECONDS):
            self._publish()

    def _publish(self) -> None:
        if self.failure is not None:
            return
        try:
            if self.store.integrate():
                self.store.publish()
        except Exception as error:  # the edge: readiness tells of it, and nothing is signed on it
            self.failure = error
            log.error("audit: nothing more is published: %s; restart once mended", words(error))


def stored_notes(folder: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the checkpoints of a data folder, smallest size first, without opening it for
    writing.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return
    with telling(path, MEND), closing(read_only(path)) as db:
        yield from db.execute("SELECT size, note FROM checkpoints ORDER BY size")


def stored_verifier(folder: Path) -> VerifierKey:
    """Raises CheckpointError when the folder has no readable verifier key."""
    path = folder / VERIFIER_NAME
    if not path.exists():
        raise CheckpointError(f"{folder} has no {VERIFIER_NAME}; give the verifier key with --key")
    return read_verifier(path.read_text(errors="replace"))
