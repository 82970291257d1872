"""Content to be uploaded, and what it is."""

from pathlib import Path
from typing import Final

from services.commands import UsageError

MEDIA_TYPES: Final = {
    ".csv": "text/csv",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
}


def read_upload(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def media_type_of(path: Path) -> str:
    """Raises UsageError when the file's name does not tell."""
    known = MEDIA_TYPES.get(path.suffix.lower())
    if known is None:
        endings = ", ".join(MEDIA_TYPES)
        raise UsageError(
            f"what {path} holds is not told by its name ({endings}); give --media-type"
        )
    return known
