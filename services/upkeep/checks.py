"""`databourse doctor`: is a data folder, and what runs on it, as it must be?

Each check says what it found; the table says what to do when all is not well. Nothing is changed.
"""

import importlib.metadata
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from schemas.envelope import decode_record
from services.audit import store as audit
from services.audit.checkpoint import verify
from services.audit.replay import replay_log
from services.audit.shelf import FILE_NAME as AUDIT_NAME
from services.audit.shelf import SqliteShelf, read_folder_shelf
from services.audit.tree import Tree
from services.audit.verify import verify_log
from services.clock import JUMP_MS, wall_ns
from services.database import digest_path, read_only, rests
from services.files import sha256_of
from services.gateway.databases import EDGE_MEND, EDGE_NAME, READ_MODELS_NAME, read_models_in
from services.opening import TOKENS_NAME
from services.upkeep.backup import CONTENT
from services.upkeep.rebuild import grow, project_all
from streams import embedded
from streams.embedded import EmbeddedReader
from streams.faults import DATABASE_FAULTS, words
from streams.log import READ_LIMIT_MAX
from streams.recovery import recorded_until_ms, recover_venue

FREE_BYTES_WARN: Final = 5 * 1024**3
FREE_BYTES_FAIL: Final = 256 * 1024**2
CONTENT_SAMPLE_MAX: Final = 20
UNPUBLISHED_RECORDS_WARN: Final = 100_000
CALENDAR_AHEAD: Final = timedelta(days=30)
SQLITE_MIN: Final = (3, 37, 0)  # STRICT tables
_ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = (_ROOT / "requirements.lock", _ROOT / "requirements-dev.lock")
_PIN: Final = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;]+)", re.MULTILINE)
DATABASES: Final = (embedded.FILE_NAME, AUDIT_NAME, EDGE_NAME, READ_MODELS_NAME)
LEFTOVERS: Final = ("content/incoming-*", "*.rebuilt*", "*.new", "keys/*.new")


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """`advice` says what to do; it is empty where all is well."""

    check: str
    state: State
    found: str
    advice: str = ""


Found = tuple[State, str]


class Folder:
    """A data folder under examination; `full` reads everything instead of samples."""

    def __init__(self, path: Path, *, full: bool) -> None:
        self.path = path
        self.full = full
        self.in_use = embedded.is_in_use(path)

    @cached_property
    def log(self) -> EmbeddedReader:
        return EmbeddedReader(self.path)

    @cached_property
    def notes(self) -> list[tuple[int, bytes]]:
        return audit.stored_notes(self.path)

    def databases(self) -> Iterator[tuple[str, sqlite3.Connection]]:
        for name in DATABASES:
            if (self.path / name).exists():
                with closing(read_only(self.path / name)) as db:
                    yield name, db

    def close(self) -> None:
        if "log" in self.__dict__:
            self.log.close()


def examine(path: Path, *, full: bool) -> list[Finding]:
    """Run every check; one that cannot be made fails with the reason."""
    with closing(Folder(path, full=full)) as folder:
        return [_run(name, folder) for name in CHECKS]


def _run(name: str, folder: Folder) -> Finding:
    check, advice = CHECKS[name]
    try:
        state, found = check(folder)
    except Exception as error:  # the edge: of a damaged folder anything may come
        state, found = State.FAIL, words(error)
    return Finding(name, state, found, "" if state is State.OK else advice)


def _dependencies(folder: Folder) -> Found:
    """Each installed package stands in one of the locks, the users' or the developers'."""
    pins: dict[str, set[str]] = {}
    for path in LOCKS:
        for name, version in _PIN.findall(path.read_text() if path.exists() else ""):
            pins.setdefault(name, set()).add(version)
    other = [
        f"{distribution.name} {distribution.version}"
        for distribution in importlib.metadata.distributions()
        if distribution.version
        not in pins.get(distribution.name.lower().replace("_", "-"), {distribution.version})
    ]
    return (State.WARN, f"not as locked: {', '.join(other)}") if other else (State.OK, "as locked")


def _sqlite(folder: Folder) -> Found:
    right = sqlite3.sqlite_version_info >= SQLITE_MIN
    return State.OK if right else State.FAIL, f"SQLite {sqlite3.sqlite_version}"


def _disk(folder: Folder) -> Found:
    free = shutil.disk_usage(folder.path).free
    low = State.FAIL if free < FREE_BYTES_FAIL else State.WARN
    return State.OK if free >= FREE_BYTES_WARN else low, f"{free // 1024**2:,} MiB free"


def _format(folder: Folder) -> Found:
    version, use = folder.log.format, "in use" if folder.in_use else "not in use"
    current = version == embedded.FORMAT_VERSION
    return State.OK if current else State.WARN, f"format {version}, venue {folder.log.venue}, {use}"


def _modes(folder: Folder) -> Found:
    private = [folder.path, *(folder.path / "keys").rglob("*.key"), folder.path / TOKENS_NAME]
    open_ones = [path for path in private if path.exists() and path.stat().st_mode & 0o077]
    found = ", ".join(f"{path.name} {path.stat().st_mode & 0o777:o}" for path in open_ones)
    return (State.WARN, f"others may read: {found}") if found else (State.OK, "owner only")


def _integrity(folder: Folder) -> Found:
    pragma = "integrity_check" if folder.full else "quick_check"
    found = []
    for name, db in folder.databases():
        try:
            (verdict,) = db.execute(f"PRAGMA {pragma}(1)").fetchone()
        except DATABASE_FAULTS as error:
            verdict = words(error)
        if verdict != "ok":
            found.append(f"{name}: {verdict}")
    return (State.FAIL, "; ".join(found)) if found else (State.OK, pragma.replace("_", " "))


def _edge(folder: Folder) -> Found:
    path = folder.path / EDGE_NAME
    if folder.in_use or not digest_path(path).exists():
        return State.OK, "in use, or not put to rest: nothing to compare with"
    right = rests(path)
    return State.OK if right else State.FAIL, f"{'as' if right else 'not as'} the market left it"


def _journal(folder: Folder) -> Found:
    modes = {
        name: db.execute("PRAGMA journal_mode").fetchone()[0] for name, db in folder.databases()
    }
    wrong = [f"{name} {mode}" for name, mode in modes.items() if mode != "wal"]
    return (
        (State.WARN, ", ".join(wrong)) if wrong else (State.OK, "write-ahead, each commit forced")
    )


def _recovery(folder: Folder) -> Found:
    recover_venue(folder.log)
    return State.OK, f"both services recover from {folder.log.size:,} records"


def _checkpoint(folder: Folder) -> Found:
    if not folder.notes:
        return State.FAIL if folder.log.size else State.OK, "no checkpoint"
    size, note = folder.notes[-1]
    said = verify(note, audit.stored_verifier(folder.path))
    with closing(read_folder_shelf(folder.path)) as shelf:
        root = grow(Tree(shelf), folder.log).root(size)
    right = (said.size, said.root) == (size, root)
    return (
        State.OK if right else State.FAIL,
        f"newest of {len(folder.notes)} is over {size:,} records",
    )


def _published(folder: Folder) -> Found:
    behind = folder.log.size - max((size for size, _ in folder.notes), default=0)
    if behind < 0:
        return State.FAIL, f"{-behind:,} signed records are missing"
    late = behind > UNPUBLISHED_RECORDS_WARN
    return State.WARN if late else State.OK, f"{behind:,} records not yet signed"


def _tiles(folder: Folder) -> Found:
    if not (folder.path / AUDIT_NAME).exists():
        return State.FAIL, f"{AUDIT_NAME} is missing"
    with closing(read_folder_shelf(folder.path)) as shelf:
        if not folder.full:
            return State.OK, f"{sum(shelf.tile_counts().values())} full tiles"
        with closing(SqliteShelf()) as fresh:
            grow(Tree(fresh), folder.log).flush()
            stored, right = shelf.tiles(), set(fresh.tiles())
    # A tree that lags has fewer tiles; those it has must be right.
    wrong = [tile[:2] for tile in stored if tile not in right]
    return (
        (State.FAIL, f"wrong tiles: {wrong[:5]}") if wrong else (State.OK, f"{len(stored)} right")
    )


def _trail(folder: Folder) -> Found:
    if not folder.full:
        return State.OK, "not read; --full does"
    key = audit.stored_verifier(folder.path)
    problems = [
        *verify_log(folder.log, folder.notes, key).findings,
        *replay_log(folder.log).findings,
    ]
    if problems:
        return State.FAIL, f"record {problems[0].position}: {problems[0].problem}"
    return State.OK, f"{folder.log.size:,} records verified and replayed"


def _read_models(folder: Folder) -> Found:
    path = folder.path / READ_MODELS_NAME
    if not path.exists():
        return State.OK, "not there; the next start makes them"
    with closing(read_only(path)) as db:
        (position,) = db.execute("SELECT ifnull(max(position), 0) FROM projection").fetchone()
    behind = folder.log.size - position
    if behind < 0:
        return State.FAIL, f"{-behind:,} records ahead of the log"
    if not folder.full or folder.in_use or behind:
        why = (
            "--full of a stopped market compares them" if not behind else "the next start adds them"
        )
        return State.OK, f"{behind:,} records behind; {why}"
    wrong = _differing_tables(folder.path, path)
    return (State.FAIL, f"wrong: {', '.join(wrong)}") if wrong else (State.OK, "equal to the log")


def _differing_tables(folder: Path, path: Path) -> list[str]:
    """Return the tables in which the read models differ from those made from the log just now."""
    with tempfile.TemporaryDirectory(prefix="databourse-") as beside:
        project_all(read_models_in(Path(beside)), EmbeddedReader(folder))
        with (
            closing(read_only(Path(beside) / READ_MODELS_NAME)) as fresh,
            closing(read_only(path)) as stored,
        ):
            names = fresh.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return [name for (name,) in names if not _equal(fresh, stored, name)]


def _equal(one: sqlite3.Connection, other: sqlite3.Connection, table: str) -> bool:
    columns = ", ".join(row[1] for row in one.execute(f"PRAGMA table_info({table})"))
    query = f"SELECT {columns} FROM {table} ORDER BY {columns}"
    return all(a == b for a, b in zip_longest(one.execute(query), other.execute(query)))


def _content(folder: Folder) -> Found:
    """Every file the log speaks of is there; a sample, or all, have the hash they are named by."""
    named = sorted(_contents(folder.log))
    store = folder.path / CONTENT
    missing = [name for name in named if not (store / name).is_file()]
    if missing:
        return State.FAIL, f"{len(missing)} of {len(named)} missing: {missing[0]} ..."
    read = named if folder.full else named[:CONTENT_SAMPLE_MAX]
    wrong = [name for name in read if sha256_of(store / name) != name]
    if wrong:
        return State.FAIL, f"{len(wrong)} damaged: {wrong[0]} ..."
    return State.OK, f"{len(named)} files, {len(read)} of them hashed"


def _contents(log: EmbeddedReader) -> set[str]:
    position, found = 0, set()
    while stored := log.read(position, READ_LIMIT_MAX, {"listings"}):
        contents = (getattr(decode_record(body).data, "content", None) for _, body in stored)
        found |= {content.sha256 for content in contents if content is not None}
        position = stored[-1].position + 1
    return found


def _clock(folder: Folder) -> Found:
    ahead_ms = recorded_until_ms(folder.log) - wall_ns() // 1_000_000
    if ahead_ms > JUMP_MS:
        return State.WARN, f"the log is {ahead_ms:,} ms ahead of the system's clock"
    return State.OK, "the system's clock is not behind the log"


def _calendar(folder: Folder) -> Found:
    """Deadlines in working days are counted by the calendar on record; beyond it, by weekends."""
    calendar = recover_venue(folder.log).matching.access.calendar
    needed = datetime.fromtimestamp(wall_ns() // 10**9, UTC).date() + CALENDAR_AHEAD
    state = State.OK if calendar.last_day >= needed.isoformat() else State.WARN
    return state, f"{calendar.name}, to {calendar.last_day}"


def _leftovers(folder: Folder) -> Found:
    left = [path for pattern in LEFTOVERS for path in folder.path.glob(pattern)]
    if not left or folder.in_use:
        return State.OK, "none"
    return (
        State.WARN,
        f"left by an interrupted process: {', '.join(path.name for path in left[:5])}",
    )


Check = Callable[[Folder], Found]
_REBUILD: Final = "stop the market and run `databourse rebuild`"
_RESTORE: Final = "stop the market and restore a backup with `databourse restore`"
CHECKS: Final[dict[str, tuple[Check, str]]] = {
    "dependencies": (_dependencies, "start databourse with run.py, which mends its environment"),
    "sqlite": (_sqlite, "use a Python with a newer SQLite"),
    "disk space": (_disk, "free some disk space; a full disk stops the market"),
    "format": (_format, "the next start migrates an older format; nothing else reads a newer one"),
    "file modes": (_modes, "chmod 700 the folder and 600 the files named"),
    "integrity": (_integrity, f"read models or audit: {_REBUILD}; others: {_RESTORE}"),
    "edge": (_edge, f"{EDGE_MEND}, and delete its .sha256"),
    "journal": (_journal, "start the market once; it sets the mode"),
    "recovery": (_recovery, _RESTORE),
    "checkpoint": (_checkpoint, f"run `databourse audit verify`; if it finds nothing, {_REBUILD}"),
    "publication": (_published, "start the market, and look at /readyz"),
    "tree": (_tiles, _REBUILD),
    "trail": (_trail, _RESTORE),
    "read models": (_read_models, _REBUILD),
    "content": (_content, f"put the files back from a backup, or {_RESTORE}"),
    "clock": (_clock, "set the system's clock right; until then the market's runs ahead of it"),
    "calendar": (_calendar, "set a calendar that goes further: POST /v1/calendar"),
    "leftovers": (_leftovers, "delete them while the market is stopped"),
}
