"""What an audit finds, and how it walks through a log."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from services.audit.tree import Tree, leaf_hashes
from streams.log import READ_LIMIT_MAX, LogReader, Stored

Progress = Callable[[int], None]


class Finding(NamedTuple):
    """Something that is not as it must be; `position` is -1 where no single record is meant."""

    position: int
    problem: str


class Report(NamedTuple):
    """`root` is the tree's over all records; no findings means right."""

    size: int
    root: bytes
    checkpoints: int
    findings: list[Finding]


def groups(log: LogReader, tree: Tree, progress: Progress) -> Iterator[Sequence[Stored]]:
    """Yield all records in order, a group at a time, each taken into the tree."""
    position = 0
    while stored := log.read(position, READ_LIMIT_MAX):
        tree.append(leaf_hashes([body for _, body in stored]))
        tree.flush()
        yield stored
        position = stored[-1].position + 1
        progress(position)


def in_steps(log: LogReader) -> bool:
    """Whether this is the trail of services that ran apart: their order is in the seals of their
    commits, and offsets have holes.
    """
    return any(name.startswith("commit/") for name in log.heads())
