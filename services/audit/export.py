"""The trail as a folder of files: written for others to keep, and checked without the market.

It ends where the newest checkpoint ends. A line of `records.jsonl` is a record's canonical bytes,
or, of a record that is sealed at that point, `{"leaf_hash":"..."}`. Either gives the leaf, so the
signed root covers sealed records too. A full export has no sealed lines: it is for its operator
alone, to restore from.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from market.merkle import HASH_BYTES, leaf_hash
from market.sealing import is_sealed
from schemas.base import SchemaError
from schemas.envelope import decode_head, decode_record
from services.audit.checkpoint import CheckpointError, VerifierKey, verify
from services.audit.findings import Finding, Report
from services.audit.tree import Tree
from services.files import sha256_of
from streams.endings import read_endings
from streams.log import READ_LIMIT_MAX, Entry, LogReader

RECORDS: Final = "records.jsonl"
NOTE: Final = "checkpoint.txt"
KEY: Final = "checkpoint.pub"
MANIFEST: Final = "manifest.json"
_SEALED_LINE: Final = b'{"leaf_hash":'
_MEANING: Final = "ranges of positions, both ends included, whose lines hold the leaf hash alone"


class Sealed(msgspec.Struct, frozen=True):
    count: int
    positions: list[tuple[int, int]]
    meaning: str = _MEANING


class Manifest(msgspec.Struct, frozen=True):
    records: int
    sealed: Sealed
    sha256: dict[str, str]


def write(
    log: LogReader,
    signed: tuple[int, bytes],
    verifier: VerifierKey,
    out: Path,
    progress: Callable[[int], None],
    *,
    full: bool = False,
) -> Manifest:
    """Write what is under the checkpoint `signed` (size and note) into the empty folder `out`;
    `full` means with what is sealed.
    """
    size, note = signed
    after = read_endings(log, size).after
    sealed = _Ranges()
    if full:
        (out / RECORDS).touch(0o600)
    with (out / RECORDS).open("wb") as file:
        for position, body in _bodies(log, size):
            if not full and is_sealed(decode_record(body).data, after):
                sealed.add(position)
                body = _SEALED_LINE + f'"{leaf_hash(body).hex()}"}}'.encode()
            file.write(body + b"\n")
            progress(position)
    (out / NOTE).write_bytes(note)
    (out / KEY).write_text(f"{verifier}\n")
    hashes = {name: sha256_of(out / name) for name in (RECORDS, NOTE, KEY)}
    manifest = Manifest(size, Sealed(sealed.count, sealed.found), hashes)
    (out / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def check(folder: Path, verifier: VerifierKey, progress: Callable[[int], None]) -> Report:
    """Check an export's files against its manifest, and its lines against the signed root.

    Raises OSError when a file is missing.
    """
    findings: list[Finding] = []
    tree, sealed = Tree(), _Ranges()
    with (folder / RECORDS).open("rb") as file:
        for position, line in enumerate(file):
            leaf = _leaf(line.removesuffix(b"\n"))
            if leaf is None:
                findings.append(Finding(position, "neither a record nor a sealed one's hash"))
                break
            if line.startswith(_SEALED_LINE):
                sealed.add(position)
            tree.append([leaf])
            progress(position)
    findings += _against_manifest(folder, tree.size, sealed)
    findings += _against_note(tree, (folder / NOTE).read_bytes(), verifier)
    return Report(tree.size, tree.root(), 1, findings)


def read_back(folder: Path) -> tuple[Iterator[Entry], tuple[int, bytes]]:
    """Return the records of a full export that `check` has found right, and its checkpoint, by
    size and note.

    Raises OSError when a file is missing; SchemaError at the first sealed line.
    """
    manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    return _entries(folder / RECORDS), (manifest.records, (folder / NOTE).read_bytes())


def _entries(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        for line in file:
            body = line.removesuffix(b"\n")
            yield Entry(decode_head(body).topic, body)


def _against_manifest(folder: Path, size: int, sealed: "_Ranges") -> Iterator[Finding]:
    try:
        told = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        yield Finding(-1, f"{MANIFEST}: {error}")
        return
    for name in (RECORDS, NOTE, KEY):
        if told.sha256.get(name) != sha256_of(folder / name):
            yield Finding(-1, f"{name} is not the file that {MANIFEST} speaks of")
    if told.records != size:
        yield Finding(-1, f"{size} records where {MANIFEST} speaks of {told.records}")
    if (told.sealed.count, told.sealed.positions) != (sealed.count, sealed.found):
        yield Finding(-1, f"other records are sealed than {MANIFEST} says")


def _against_note(tree: Tree, note: bytes, verifier: VerifierKey) -> list[Finding]:
    try:
        said = verify(note, verifier)
    except CheckpointError as error:
        return [Finding(-1, f"{NOTE}: {error}")]
    if (said.size, said.root) != (tree.size, tree.root()):
        return [Finding(-1, f"these are not the {said.size} records that were signed")]
    return []


def _leaf(line: bytes) -> bytes | None:
    """Return the leaf's hash, or None when the line is neither a record nor a hash."""
    try:
        if line.startswith(_SEALED_LINE):
            leaf = bytes.fromhex(json.loads(line)["leaf_hash"])
            return leaf if len(leaf) == HASH_BYTES else None
        decode_record(line)
    except (SchemaError, ValueError, TypeError):
        return None
    return leaf_hash(line)


class _Ranges:
    """Positions added in rising order, as ranges with both ends included."""

    def __init__(self) -> None:
        self.count = 0
        self.found: list[tuple[int, int]] = []

    def add(self, position: int) -> None:
        self.count += 1
        first = position
        if self.found and self.found[-1][1] == position - 1:
            first = self.found.pop()[0]
        self.found.append((first, position))


def _bodies(log: LogReader, size: int) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < size and (group := log.read(position, min(READ_LIMIT_MAX, size - position))):
        yield from group
        position = group[-1].position + 1
