"""Backup of a running market into one file, and restoring it into a new folder.

The order makes the copy fit together: the checkpoints first, the log after them, so that the log is
never shorter than what was signed; content after the log that speaks of it.
"""

import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from services.audit import store as audit
from services.audit.checkpoint import VerifierKey
from services.audit.findings import Finding
from services.audit.shelf import FILE_NAME as AUDIT_NAME
from services.audit.verify import verify_log
from services.database import StoreError, read_only, telling
from services.files import OWNER_ONLY, sha256_of, sync_folder
from services.gateway.databases import EDGE_NAME
from services.opening import TOKENS_NAME
from streams import embedded
from streams.embedded import EmbeddedReader

MANIFEST_NAME: Final = "manifest.json"
MANIFEST_BYTES_MAX: Final = 64 * 1024 * 1024
BACKUP_VERSION: Final = 1
SUFFIX: Final = ".tar"
DATABASES: Final = (AUDIT_NAME, EDGE_NAME, embedded.FILE_NAME)  # the log last
CONTENT: Final = "content"
PLAIN_FILES: Final = ("keys", TOKENS_NAME)
_INCOMING: Final = "incoming-"  # uploads under way


class BackupError(StoreError):
    """A backup cannot be made or used; the text says why and what to do."""


class Manifest(msgspec.Struct, frozen=True):
    """What is in a backup: its files by name with their SHA-256, and how far its log goes."""

    version: int
    venue: str
    records: int
    sha256: dict[str, str]


def back_up(folder: Path, out: Path) -> tuple[Path, Manifest]:
    """Write a backup of a market that may be running to `out`, or into it when it is a folder.

    The file is there whole or not at all, readable by its owner alone: it holds the signing keys.
    """
    with closing(EmbeddedReader(folder)) as log:
        path = out / f"databourse-{log.venue}-{log.size}{SUFFIX}" if out.is_dir() else out
    if path.exists():
        raise BackupError(f"{path} exists already; name a file that does not")
    with tempfile.TemporaryDirectory(prefix="databourse-", dir=path.parent) as name:
        beside = Path(name)
        sources = _sources(folder, beside)
        if not audit.stored_notes(beside):
            raise BackupError(f"{folder} has no signed checkpoint yet; try again in a second")
        with closing(EmbeddedReader(beside)) as copied:
            manifest = Manifest(
                version=BACKUP_VERSION,
                venue=copied.venue,
                records=copied.size,
                sha256={name: sha256_of(source) for name, source in sources.items()},
            )
        (beside / MANIFEST_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        packed = beside / "packed"
        _pack({MANIFEST_NAME: beside / MANIFEST_NAME, **sources}, packed)
        packed.rename(path)
    sync_folder(path.parent)
    return path, manifest


def _sources(folder: Path, beside: Path) -> dict[str, Path]:
    """Return where each file of the backup is read: databases from a copy, the others in place,
    since they are written once.
    """
    sources: dict[str, Path] = {}
    for name in DATABASES:
        if (folder / name).exists():
            _copy_database(folder / name, beside / name)
            sources[name] = beside / name
    for plain in (*PLAIN_FILES, CONTENT):
        start = folder / plain
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if path.is_file() and not path.name.startswith(_INCOMING):
                sources[path.relative_to(folder).as_posix()] = path
    return sources


def _copy_database(source: Path, target: Path) -> None:
    with (
        telling(source, "run `databourse doctor`"),
        closing(read_only(source)) as running,
        closing(sqlite3.connect(target)) as copy,
    ):
        running.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a tail beside it


def _pack(sources: dict[str, Path], packed: Path) -> None:
    handle = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, source in sources.items():
                archive.add(source, name, filter=_without_owner)
        file.flush()
        os.fsync(file.fileno())


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)  # a fraction would take a header that no checksum covers
    return member


def restore(file: Path, folder: Path, key: VerifierKey | None = None) -> Manifest:
    """Make a new data folder from a backup: unpacked beside it, checked, and then renamed.

    Raises BackupError, leaving nothing, when the backup is not whole, its trail does not verify
    (with `key`, or with the key in the backup), or the folder has something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is not empty; name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        manifest = _unpack(file, beside)
        _check(beside, manifest, key)
        for path in beside.rglob("*"):
            if path.is_dir():
                sync_folder(path)
        sync_folder(beside)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sync_folder(folder.parent)
    return manifest


def _unpack(file: Path, beside: Path) -> Manifest:
    """Take out what the manifest names, and nothing else; every byte must be what it says."""
    with _telling(file), tarfile.open(file) as archive:
        members = iter(archive)
        first = next(members, None)
        if first is None or first.name != MANIFEST_NAME or first.size > MANIFEST_BYTES_MAX:
            raise BackupError(f"{file} is no backup: it does not begin with a {MANIFEST_NAME}")
        opened = archive.extractfile(first)
        assert opened is not None, "a manifest is a file"
        manifest = msgspec.json.decode(opened.read(), type=Manifest)
        if manifest.version > BACKUP_VERSION:
            raise BackupError(
                f"{file} was made by a newer databourse (version {manifest.version}); update it"
            )
        missing = dict(manifest.sha256)
        for member in members:
            expected = missing.pop(member.name, None)
            if expected is None or not member.isfile():
                raise BackupError(f"{file} holds {member.name!r}, which its manifest does not name")
            archive.extract(member, beside, filter="data")
            _force(beside / member.name)
            if sha256_of(beside / member.name) != expected:
                raise BackupError(f"{file}: {member.name} is damaged; use another backup")
    if missing:
        raise BackupError(f"{file}: {', '.join(sorted(missing)[:5])} missing; use another backup")
    return manifest


def _check(beside: Path, manifest: Manifest, key: VerifierKey | None) -> None:
    for path in (beside / CONTENT).glob("*"):
        if path.name != sha256_of(path):
            raise BackupError(f"content {path.name} is not what its name says; use another backup")
    with closing(EmbeddedReader(beside)) as log:
        found: list[Finding] = verify_log(
            log, audit.stored_notes(beside), key or audit.stored_verifier(beside)
        ).findings
        if log.size != manifest.records:
            found.append(Finding(-1, f"{log.size} records where {manifest.records} must be"))
    if found:
        position, problem = found[0]
        raise BackupError(
            f"the trail does not verify, nothing was restored: record {position}: {problem}"
        )
    for name in DATABASES:  # as readers left them: the market opens them on its own terms
        for suffix in ("-wal", "-shm"):
            (beside / f"{name}{suffix}").unlink(missing_ok=True)


@contextmanager
def _telling(file: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, msgspec.MsgspecError, EOFError) as error:
        raise BackupError(f"{file} is no backup, or a damaged one: {error}") from error


def _force(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
