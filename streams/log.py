"""The log: what every driver of the rules reads from and appends to.

A record's position is its place in the whole log, from 0 and without gaps; it is also its leaf
index in the audit tree. `heads` are small named counters that are committed with the
records.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

READ_LIMIT_MAX: Final = 10_000
RESTORE: Final = "run `databourse audit verify`, and restore a backup if it finds something"


class LogError(Exception):
    """The log cannot do what was asked; the text says why and what to do."""


class LogInUse(LogError):
    """Another process has the data folder open for writing."""


class LogVersion(LogError):
    """The data folder was written by another version of the format."""


class LogBroken(LogError):
    """The log cannot be written or read any more: a disk fault, or a commit that failed."""


class Entry(NamedTuple):
    """A record in canonical bytes, on its way into the log."""

    topic: str
    body: bytes


class Stored(NamedTuple):
    position: int
    body: bytes


class Snapshot(NamedTuple):
    """A service's state after everything below `position`, in canonical bytes."""

    service: str
    position: int
    state_version: int
    body: bytes


class LogReader(Protocol):
    """What can be read while another thread or process appends."""

    venue: str

    @property
    def size(self) -> int:
        """How many records are committed."""

    def read(
        self, start: int, limit: int = READ_LIMIT_MAX, topics: Collection[str] | None = None
    ) -> Sequence[Stored]:
        """Return up to `limit` records from position `start`, in order, of these topics or of
        all.
        """

    def heads(self) -> dict[str, int]:
        """Return the counters as last committed."""

    def snapshots(self, service: str) -> Sequence[Snapshot]:
        """Return the snapshots of a service, newest first."""

    def close(self) -> None: ...


class Log(LogReader, Protocol):
    """The one writer. After a LogBroken it takes nothing more: reopen and recover."""

    def append(
        self,
        entries: Sequence[Entry],
        heads: Mapping[str, int],
        snapshots: Iterable[Snapshot] = (),
    ) -> int:
        """Commit all of it or nothing, durably; return the first entry's position."""
