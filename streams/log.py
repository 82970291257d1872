"""The log: what every driver of the rules reads from and appends to.

A record's position is its place in the whole log, from 0 and without gaps; it is also its leaf
index in the audit tree. `heads` are small named counters that are committed with the
records.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from schemas.envelope import encode
from schemas.topics import TOPICS

READ_LIMIT_MAX: Final = 10_000
SNAPSHOTS_KEPT: Final = 2
TOPIC_NUMBER: Final = {topic.name: number for number, topic in enumerate(TOPICS)}  # as stored
HEADS_SUM: Final = "sum"  # a checksum over the other heads, stored with them
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


def with_sum(changed: Mapping[str, int], heads: Mapping[str, int]) -> dict[str, int]:
    """Return the changed heads as they are stored, with the sum over all."""
    return {**changed, HEADS_SUM: _sum_of({**heads, **changed})}


def checked(stored: dict[str, int]) -> dict[str, int]:
    """Return stored heads without their sum. Raises LogBroken when it is not theirs."""
    if stored.pop(HEADS_SUM, None) not in (None, _sum_of(stored)):
        raise LogBroken(f"the log's heads are damaged; {RESTORE}")
    return stored


def _sum_of(heads: Mapping[str, int]) -> int:
    return zlib.crc32(encode(dict(heads)))
