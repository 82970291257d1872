"""The audit service: integrates committed records into the tree and publishes signed checkpoints.

A record is sequenced when the log has it, integrated when the tree has it, and published when a
signed checkpoint covers it, at most a second after it was sequenced.
"""

import logging
import threading
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client import Gauge

from market.merkle import leaf_hash
from services.audit.checkpoint import (
    Checkpoint,
    CheckpointError,
    VerifierKey,
    read_verifier,
    sign,
    verify,
)
from services.audit.shelf import VERIFIER_NAME, Note, Shelf, read_folder_shelf
from services.audit.tree import Tree, leaf_hashes
from services.files import write_whole
from services.keys import load_or_make_key
from streams.faults import words
from streams.log import READ_LIMIT_MAX, RESTORE, LogReader
from streams.recovery import NEWEST_RECORDS

PRIVATE_KEY_NAME: Final = "keys/checkpoint.key"
PUBLISH_EVERY_SECONDS: Final = 0.5
PUBLISHED_RECORDS: Final = Gauge(
    "databourse_published_records", "Records of the trail under a signed checkpoint", ("venue",)
)
PUBLISHED_AT: Final = Gauge(
    "databourse_published_at_seconds", "When all there was had last been signed", ("venue",)
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


class AuditReader:
    """Heads and proofs of what is published, in any process. Calls from several threads are taken
    in turn.
    """

    def __init__(self, shelf: Shelf, log: LogReader) -> None:
        self._shelf = shelf
        self._log = log
        self._tree = Tree(shelf)
        self._turn = threading.Lock()

    def head(self) -> tuple[int, bytes, bytes]:
        """Return size, root and note of the newest checkpoint; size 0 and no note before the
        first.
        """
        with self._turn:
            size = self._follow()
            note = self._newest_note() if size else self._shelf.note(0) or b""
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
            self._follow()
            return self._tree.consistency_proof(old_size, new_size)

    def close(self) -> None:
        with self._turn:
            self._shelf.close()

    def _follow(self) -> int:
        """Take what is published into the tree; return the size of the newest checkpoint."""
        size = self._shelf.published()
        if size - self._tree.size > READ_LIMIT_MAX:
            self._tree = Tree(self._shelf)
        self._grow(size)
        self._tree.forget_kept()
        return size

    def _grow(self, size: int) -> None:
        """Take records into the tree until it has at least `size`, or all there are."""
        while self._tree.size < size and (stored := self._log.read(self._tree.size)):
            self._tree.append(leaf_hashes([body for _, body in stored]))

    def _newest_note(self) -> bytes:
        size = self._shelf.published()
        note = self._shelf.note(size)
        if note is None:
            raise CheckpointError(f"the newest checkpoint, {size}, cannot be found: {RESTORE}")
        return note


class AuditStore(AuditReader):
    """The one who integrates, and publishes with the key in `folder`."""

    def __init__(self, folder: Path, shelf: Shelf, log: LogReader) -> None:
        """Closes the shelf when it is closed, or raises."""
        try:
            super().__init__(shelf, log)
            self.venue = log.venue
            self.origin = f"databourse/{log.venue}"
            self._key = load_or_make_key(folder / PRIVATE_KEY_NAME)
            self.verifier = VerifierKey(self.origin, self._key.public_key())
            write_whole(folder / VERIFIER_NAME, f"{self.verifier}\n".encode(), mode=0o644)
            shelf.keep_verifier(str(self.verifier))
            published = shelf.published()
            if published > log.size:
                raise CheckpointError(
                    f"checkpoints speak of {published} records but the log has {log.size}: "
                    "published records are missing; run `databourse audit verify` and restore the "
                    "log"
                )
        except BaseException:
            shelf.close()
            raise

    def integrate(self) -> int:
        """Take all new records into the tree; return its size."""
        with self._turn:
            self._grow(self._log.size)
            self._tree.flush()
            return self._tree.size

    def check(self) -> None:
        """Raises CheckpointError when the newest checkpoint is not of this log, key and tree, or
        the newest records, from which the clock is set, are not those in the tree.
        """
        size = self.integrate()
        if not self._shelf.published():
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
        signed = (said.size, said.root) == (self._shelf.published(), self._tree.root(said.size))
        if not right or not signed:
            raise CheckpointError(
                f"the log and its tree are not what checkpoint {said.size} signed: {RESTORE}; "
                "if it finds nothing, the tree is damaged: run `databourse rebuild`"
            )

    def publish(self) -> bytes:
        """Return a signed checkpoint of the tree as it stands, kept if it says something new."""
        with self._turn:
            return self._publish()

    def _publish(self) -> bytes:
        checkpoint = Checkpoint(self.origin, self._tree.size, self._tree.root())
        known = self._shelf.note(checkpoint.size)
        if known is not None:
            return known
        note = sign(checkpoint, self._key)
        self._shelf.keep_notes([(checkpoint.size, note)])
        return note

    def _follow(self) -> int:
        """It is the one whom the others follow."""
        if not self._shelf.published():
            self._publish()
        return self._shelf.published()


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
            if size := self.store.integrate():
                self.store.publish()
                PUBLISHED_RECORDS.labels(self.store.venue).set(size)
                PUBLISHED_AT.labels(self.store.venue).set_to_current_time()
        except Exception as error:  # the edge: readiness tells of it, and nothing is signed on it
            self.failure = error
            log.error("audit: nothing more is published: %s; restart once mended", words(error))


def stored_notes(folder: Path) -> list[Note]:
    """Return the checkpoints of a data folder, smallest size first, without opening it for
    writing.
    """
    with closing(read_folder_shelf(folder)) as shelf:
        return shelf.notes()


def stored_verifier(folder: Path) -> VerifierKey:
    """Raises CheckpointError when the folder has no readable verifier key."""
    with closing(read_folder_shelf(folder)) as shelf:
        return verifier_of(shelf, str(folder))


def verifier_of(shelf: Shelf, place: str) -> VerifierKey:
    verifier = shelf.verifier()
    if verifier is None:
        raise CheckpointError(f"{place} has no {VERIFIER_NAME}; give the verifier key with --key")
    return read_verifier(verifier)
