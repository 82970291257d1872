"""The content store: CSV and JSON lines in files named by their SHA-256, with what is in them.

A row travels as the texts of its cells; what a column holds is inferred from all its rows.
"""

import csv
import hashlib
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from schemas.catalogue import COLUMNS_MAX, SAMPLE_ROWS_MAX, Column, ColumnType, Content

CONTENT_BYTES_MAX: Final = 256 * 1024 * 1024
LINE_CHARACTERS_MAX: Final = 1_000_000
CELL_SAMPLE_MAX: Final = 200
CSV: Final = "text/csv"
JSON_LINES: Final = "application/x-ndjson"
Row = list[str]


class ContentError(ValueError):
    """The content cannot be taken; the text names the line and what is wrong with it."""


class ContentStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, chunks: Iterable[bytes], media_type: str) -> Content:
        """Check and keep content; the same bytes are kept once. Raises ContentError, keeping
        nothing.
        """
        if media_type not in _READERS:
            raise ContentError(
                f"the media type {media_type!r} is not taken: send {CSV} or {JSON_LINES}"
            )
        handle, name = tempfile.mkstemp(prefix="incoming-", dir=self._folder)
        incoming = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                digest, size = _copy(chunks, file)
                file.flush()
                os.fsync(file.fileno())
            content = describe(incoming, media_type, digest, size)
            incoming.rename(self.path(digest))
            _sync_folder(self._folder)
        finally:
            incoming.unlink(missing_ok=True)
        return content

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def rows(self, content: Content, offset: int, limit: int) -> list[Row]:
        """Return up to `limit` rows from row `offset`, from 0."""
        with self.path(content.sha256).open(encoding="utf-8-sig", newline="") as file:
            reader = _READERS[content.media_type](file)
            next(reader)
            return list(islice(reader, offset, offset + limit))


def describe(path: Path, media_type: str, digest: str, size: int) -> Content:
    """Read content through once. Raises ContentError naming the first line that is wrong."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = _READERS[media_type](file)
            names = next(reader, None)
            if names is None:
                raise ContentError("line 1: the content is empty")
            count, kinds, nullable, sample = _survey(names, reader)
    except UnicodeDecodeError as error:
        raise ContentError(f"byte {error.start}: the content is not UTF-8") from error
    return Content(
        sha256=digest,
        media_type=media_type,
        size_bytes=size,
        row_count=count,
        columns=tuple(
            Column(name=name, type=kind, nullable=empty)
            for name, kind, empty in zip(names, kinds, nullable, strict=True)
        ),
        sample=tuple(tuple(cell[:CELL_SAMPLE_MAX] for cell in row) for row in sample),
    )


def _survey(names: Row, rows: Iterator[Row]) -> tuple[int, list[ColumnType], list[bool], list[Row]]:
    """Return row count, column types, which columns have gaps, and the first rows."""
    _check_names(names)
    candidates = [list(_PARSERS) for _ in names]
    nullable = [False] * len(names)
    sample: list[Row] = []
    count = 0
    for count, row in enumerate(rows, start=1):
        if count <= SAMPLE_ROWS_MAX:
            sample.append(row)
        for index, cell in enumerate(row):
            if cell == "":
                nullable[index] = True
                continue
            fits = candidates[index]
            while fits and not _parses(fits[0], cell):
                fits.pop(0)
    kinds = [fits[0] if count else ColumnType.TEXT for fits in candidates]
    return count, kinds, nullable, sample


def _check_names(names: Row) -> None:
    if len(names) > COLUMNS_MAX:
        raise ContentError(f"line 1: {len(names)} columns; at most {COLUMNS_MAX} are taken")
    for index, name in enumerate(names, start=1):
        if not name.strip():
            raise ContentError(f"line 1: column {index} has no name")
        if names.index(name) != index - 1:
            raise ContentError(f"line 1: two columns are named {name!r}")


def _csv_rows(file: io.TextIOBase) -> Iterator[Row]:
    """Yield the header, then the rows."""
    csv.field_size_limit(LINE_CHARACTERS_MAX)
    reader = csv.reader(file, strict=True)
    width = 0
    try:
        for row in reader:
            if not row:
                continue
            width = width or len(row)
            if len(row) != width:
                raise ContentError(
                    f"line {reader.line_num}: {len(row)} fields where the header has {width}"
                )
            yield row
    except csv.Error as error:
        raise ContentError(f"line {reader.line_num}: {error}") from error


def _json_rows(file: io.TextIOBase) -> Iterator[Row]:
    """Yield the keys of the first object, then each object's values as text."""
    names: Row = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        if len(line) > LINE_CHARACTERS_MAX:
            raise ContentError(f"line {number}: longer than {LINE_CHARACTERS_MAX} characters")
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ContentError(f"line {number}: not JSON: {error}") from error
        if not isinstance(value, dict) or any(
            isinstance(cell, dict | list) for cell in value.values()
        ):
            raise ContentError(f"line {number}: not a flat JSON object")
        if not names:
            names = list(value)
            yield names
        if set(value) != set(names):
            raise ContentError(
                f"line {number}: keys {sorted(value)} where line 1 has {sorted(names)}"
            )
        yield [_text(value[name]) for name in names]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _copy(chunks: Iterable[bytes], file: io.BufferedWriter) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > CONTENT_BYTES_MAX:
            raise ContentError(f"the content is larger than {CONTENT_BYTES_MAX} bytes")
        digest.update(chunk)
        file.write(chunk)
    if not size:
        raise ContentError("line 1: the content is empty")
    return digest.hexdigest(), size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parses(kind: ColumnType, cell: str) -> bool:
    try:
        return _PARSERS[kind](cell)
    except ValueError:
        return False


_INTEGER: Final = re.compile(r"[+-]?\d{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_PARSERS: Final[dict[ColumnType, Callable[[str], bool]]] = {  # the first that fits every cell wins
    ColumnType.BOOLEAN: lambda cell: cell in ("true", "false", "True", "False"),
    ColumnType.INTEGER: lambda cell: _INTEGER.fullmatch(cell) is not None,
    ColumnType.DECIMAL: lambda cell: _DECIMAL.fullmatch(cell) is not None,
    ColumnType.DATE: lambda cell: len(cell) == 10 and date.fromisoformat(cell) is not None,
    ColumnType.DATETIME: lambda cell: len(cell) > 10 and datetime.fromisoformat(cell) is not None,
    ColumnType.TEXT: lambda cell: True,
}
_READERS: Final[dict[str, Callable[[Any], Iterator[Row]]]] = {
    CSV: _csv_rows,
    JSON_LINES: _json_rows,
}
