"""A market's data folder, as commands use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from market.merkle import ProofError
from services.audit.checkpoint import CheckpointError
from services.commands import Exit, UsageError
from services.database import StoreError
from services.keys import KeyFileError
from services.local.daemon import LocalError
from streams.embedded import EmbeddedReader
from streams.faults import words
from streams.log import LogError

_UNUSABLE: Final = (
    LogError,
    StoreError,
    CheckpointError,
    KeyFileError,
    ProofError,
    LocalError,
    OSError,
)


@contextmanager
def log_reader(data: Path) -> Iterator[EmbeddedReader]:
    """Raises UsageError, with the exit code that fits, when the log cannot be read."""
    try:
        log = EmbeddedReader(data)
    except LogError as error:
        raise UsageError(str(error), Exit.UNREACHABLE) from error
    try:
        yield log
    except LogError as error:
        raise UsageError(str(error), Exit.FINDING) from error
    finally:
        log.close()


@contextmanager
def usable(exit_code: Exit = Exit.USAGE) -> Iterator[None]:
    """Turn what a folder can be wrong with into a UsageError that says what to do."""
    try:
        yield
    except _UNUSABLE as error:
        raise UsageError(words(error), exit_code) from error
