"""What commands on a data folder share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from market.merkle import ProofError
from services.audit.checkpoint import CheckpointError
from services.commands import Exit, UsageError
from services.database import StoreError
from services.keys import KeyFileError
from streams.faults import words
from streams.log import LogError

_UNUSABLE: Final = (LogError, StoreError, CheckpointError, KeyFileError, ProofError, OSError)


@contextmanager
def usable(exit_code: Exit = Exit.USAGE) -> Iterator[None]:
    """Turn what a folder can be wrong with into a UsageError that says what to do."""
    try:
        yield
    except _UNUSABLE as error:
        raise UsageError(words(error), exit_code) from error
