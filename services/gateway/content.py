"""The content store: tables in files named by their SHA-256, with what is in them.

What comes in goes to disk piece by piece, is read through once, and is then given its name.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from schemas.catalogue import SAMPLE_ROWS_MAX, Content
from services.gateway.tabular import (
    PARQUET,
    TEXT_FORMATS,
    ContentError,
    ContentTooLarge,
    Format,
    Row,
)

CONTENT_BYTES_MAX: Final = 256 * 1024 * 1024
CELL_SAMPLE_MAX: Final = 200
SAMPLE_CHARACTERS_MAX: Final = 20_000  # a wide table publishes fewer rows
MEDIA_TYPES: Final = (*TEXT_FORMATS, PARQUET)


class ContentStore:
    def __init__(self, folder: Path, bytes_max: int = CONTENT_BYTES_MAX) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        folder.mkdir(parents=True, exist_ok=True)

    def add(
        self, pieces: Iterable[bytes], media_type: str, sample_rows: int = SAMPLE_ROWS_MAX
    ) -> Content:
        """Check and keep content; the same bytes are kept once. Raises ContentError, keeping
        nothing.
        """
        with self.incoming(media_type) as incoming:
            for piece in pieces:
                incoming.write(piece)
            return incoming.keep(sample_rows)

    def incoming(self, media_type: str) -> "Incoming":
        """Raises ContentError when content of this kind is not taken."""
        return Incoming(self._folder, media_type, self._bytes_max)

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def rows(self, content: Content, offset: int, limit: int) -> list[Row]:
        """Return up to `limit` rows from row `offset`, from 0. Raises ContentError when they are
        more text than is delivered at once.
        """
        rows = _format(content.media_type).rows
        return rows(self.path(content.sha256), offset, limit)


class Incoming:
    """Content on its way in: written piece by piece, then kept whole, or dropped at the end of the
    `with`.
    """

    def __init__(self, folder: Path, media_type: str, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._media_type = media_type
        self._format = _format(media_type)
        self._digest = hashlib.sha256()
        self._size = 0
        handle, name = tempfile.mkstemp(prefix="incoming-", dir=folder)
        self._path = Path(name)
        self._file = os.fdopen(handle, "wb")

    def __enter__(self) -> "Incoming":
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._bytes_max:
            raise ContentTooLarge(f"the content is larger than {self._bytes_max} bytes")
        self._digest.update(piece)
        self._file.write(piece)

    def keep(self, sample_rows: int) -> Content:
        """Return what is in it, publishing so many rows (`sample_rows`) as a sample. Raises
        ContentError naming the first place that is wrong.
        """
        if not self._size:
            raise ContentError("line 1: the content is empty")
        self._file.flush()
        os.fsync(self._file.fileno())
        table = self._format.survey(self._path)
        sha256 = self._digest.hexdigest()
        self._path.rename(self._folder / sha256)
        _sync_folder(self._folder)
        return Content(
            sha256=sha256,
            media_type=self._media_type,
            size_bytes=self._size,
            row_count=table.row_count,
            columns=table.columns,
            sample=_sample(table.sample[:sample_rows]),
        )


def _format(media_type: str) -> Format:
    if media_type == PARQUET:
        from services.gateway.parquet import FORMAT  # half a second that most processes never need

        return FORMAT
    if media_type not in TEXT_FORMATS:
        taken = f"{', '.join(MEDIA_TYPES[:-1])} or {MEDIA_TYPES[-1]}"
        raise ContentError(f"the media type {media_type!r} is not taken: send {taken}")
    return TEXT_FORMATS[media_type]


def _sample(rows: list[Row]) -> tuple[tuple[str, ...], ...]:
    sample: list[tuple[str, ...]] = []
    left = SAMPLE_CHARACTERS_MAX
    for row in rows:
        cells = tuple(cell[:CELL_SAMPLE_MAX] for cell in row)
        left -= sum(map(len, cells))
        if left < 0:
            break
        sample.append(cells)
    return tuple(sample)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
