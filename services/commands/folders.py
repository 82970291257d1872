"""A market's data folder, as commands read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.commands import Exit, UsageError
from streams.embedded import EmbeddedReader
from streams.log import LogError


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
