"""Tables in text, CSV and JSON lines: what is in them, and their rows as the texts of cells.

What a column holds is inferred from all its rows.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from schemas.catalogue import COLUMNS_MAX, SAMPLE_ROWS_MAX, Column, ColumnType

LINE_CHARACTERS_MAX: Final = 1_000_000
NAME_CHARACTERS_MAX: Final = 200
ROWS_CHARACTERS_MAX: Final = 64 * 1024 * 1024  # of the rows that one delivery takes
CSV: Final = "text/csv"
JSON_LINES: Final = "application/x-ndjson"
PARQUET: Final = "application/vnd.apache.parquet"
Row = list[str]


class ContentError(ValueError):
    """The content cannot be taken; the text names the line and what is wrong with it."""


class ContentTooLarge(ContentError):
    pass


class Table(NamedTuple):
    """What is in a file; `sample` are its first rows."""

    columns: tuple[Column, ...]
    row_count: int
    sample: list[Row]


class Format(NamedTuple):
    """`survey` reads a file through once; `rows` takes so many (limit) from one (offset) on. Both
    raise ContentError.
    """

    survey: Callable[[Path], Table]
    rows: Callable[[Path, int, int], list[Row]]


def text_format(read: Callable[[TextIO], Iterator[Row]]) -> Format:
    """Return the format that `read` understands: it yields the header, then the rows."""

    def survey(path: Path) -> Table:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = read(file)
                names = next(reader, None)
                if names is None:
                    raise ContentError("line 1: the content is empty")
                return _survey(names, reader)
        except UnicodeDecodeError as error:
            raise ContentError(f"byte {error.start}: the content is not UTF-8") from error

    def rows(path: Path, offset: int, limit: int) -> list[Row]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = read(file)
            next(reader)
            return list(bounded(islice(reader, offset, offset + limit)))

    return Format(survey, rows)


def bounded(rows: Iterable[Row], characters_max: int = ROWS_CHARACTERS_MAX) -> Iterator[Row]:
    """Raises ContentError where the rows become more text than is delivered at once."""
    left = characters_max
    for row in rows:
        left -= sum(map(len, row))
        if left < 0:
            raise ContentError(
                f"these rows are more than {characters_max} characters; take fewer at a time"
            )
        yield row


def _survey(names: Row, rows: Iterator[Row]) -> Table:
    check_names(names)
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
    columns = tuple(
        Column(name=name, type=fits[0] if count else ColumnType.TEXT, nullable=empty)
        for name, fits, empty in zip(names, candidates, nullable, strict=True)
    )
    return Table(columns, count, sample)


def csv_text(names: Row, rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode()


def check_names(names: Row) -> None:
    """Raises ContentError when a column lacks a name of its own."""
    if len(names) > COLUMNS_MAX:
        raise ContentError(f"line 1: {len(names)} columns; at most {COLUMNS_MAX} are taken")
    for index, name in enumerate(names, start=1):
        if not name.strip():
            raise ContentError(f"line 1: column {index} has no name")
        if len(name) > NAME_CHARACTERS_MAX:
            raise ContentError(
                f"line 1: column {index}: a name is at most {NAME_CHARACTERS_MAX} characters"
            )
        if names.index(name) != index - 1:
            raise ContentError(f"line 1: two columns are named {name!r}")


def _lines(file: TextIO) -> Iterator[str]:
    """Yield lines, none of them read further than it may be long."""
    number = 1
    while line := file.readline(LINE_CHARACTERS_MAX + 1):
        if len(line) > LINE_CHARACTERS_MAX:
            raise ContentError(f"line {number}: longer than {LINE_CHARACTERS_MAX} characters")
        yield line
        number += 1


def _csv_rows(file: TextIO) -> Iterator[Row]:
    """Yield the header, then the rows."""
    csv.field_size_limit(LINE_CHARACTERS_MAX)
    reader = csv.reader(_lines(file), strict=True)
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


def _json_rows(file: TextIO) -> Iterator[Row]:
    """Yield the keys of the first object, then each object's values as text."""
    names: Row = []
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
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
TEXT_FORMATS: Final = {CSV: text_format(_csv_rows), JSON_LINES: text_format(_json_rows)}
