"""Parquet files: what is in them, and their rows as the texts of cells.

Only flat columns are taken. Texts are kept as dictionaries while they are read, and batches are
small, so that a file that unfolds into much more than it is does not fill the memory.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.catalogue import SAMPLE_ROWS_MAX, Column, ColumnType
from services.gateway.tabular import (
    LINE_CHARACTERS_MAX,
    ROWS_CHARACTERS_MAX,
    ContentError,
    Format,
    Row,
    Table,
    bounded,
    check_names,
)

BATCH_ROWS: Final = 8_192
GROUP_BYTES_MAX: Final = 512 * 1024 * 1024  # of one row group, unfolded, by its own word
_KINDS: Final[tuple[tuple[Callable[[Any], bool], ColumnType], ...]] = (
    (pa.types.is_boolean, ColumnType.BOOLEAN),
    (pa.types.is_integer, ColumnType.INTEGER),
    (pa.types.is_float32, ColumnType.DECIMAL),
    (pa.types.is_float64, ColumnType.DECIMAL),
    (pa.types.is_decimal, ColumnType.DECIMAL),
    (pa.types.is_date, ColumnType.DATE),
    (pa.types.is_timestamp, ColumnType.DATETIME),
    (pa.types.is_time, ColumnType.TEXT),
    (pa.types.is_string, ColumnType.TEXT),
    (pa.types.is_large_string, ColumnType.TEXT),
    (pa.types.is_null, ColumnType.TEXT),
)


def survey(path: Path) -> Table:
    with _opened(path) as file:
        names = list(file.schema_arrow.names)
        check_names(names)
        kinds = [_kind(field) for field in file.schema_arrow]
        for group in range(file.metadata.num_row_groups):
            if file.metadata.row_group(group).total_byte_size > GROUP_BYTES_MAX:
                raise ContentError(f"row group {group}: more than {GROUP_BYTES_MAX} bytes unfolded")
        nullable = [False] * len(names)
        sample: list[Row] = []
        count = 0
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            for index, column in enumerate(batch.columns):
                _check(names[index], column)
                nullable[index] |= column.null_count > 0
            if len(sample) < SAMPLE_ROWS_MAX:
                sample += _texts(batch.slice(0, SAMPLE_ROWS_MAX - len(sample)))
            count += batch.num_rows
    columns = tuple(
        Column(name=name, type=kind, nullable=empty)
        for name, kind, empty in zip(names, kinds, nullable, strict=True)
    )
    return Table(columns, count, sample)


def rows(path: Path, offset: int, limit: int) -> list[Row]:
    with _opened(path) as file:
        return list(bounded(_rows(file, offset, limit)))


def _rows(file: Any, offset: int, limit: int) -> Iterator[Row]:
    groups, skipped, first = [], 0, 0
    for group in range(file.metadata.num_row_groups):
        last = first + file.metadata.row_group(group).num_rows
        if last <= offset:
            skipped = last
        elif first < offset + limit:
            groups.append(group)
        first = last
    position = skipped
    for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, use_threads=False):
        start = max(offset - position, 0)
        part = batch.slice(start, max(offset + limit - position - start, 0))
        yield from _texts(part)
        position += batch.num_rows


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path) as file:
            texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise ContentError(f"not to be read as Parquet: {error}") from error


def _kind(field: Any) -> ColumnType:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    for is_kind, column_type in _KINDS:
        if is_kind(kind):
            return column_type
    raise ContentError(
        f"column {field.name!r} holds {field.type}: only flat columns of numbers, texts, "
        "booleans, dates and times are taken"
    )


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _check(name: str, column: Any) -> None:
    """Raises ContentError when a cell is too long, ArrowException when one is no text at all."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
        column.validate(full=True)
    if not _is_text(column.type):
        column = column.cast(pa.string())
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    if longest > LINE_CHARACTERS_MAX:
        raise ContentError(
            f"column {name!r}: a cell is longer than {LINE_CHARACTERS_MAX} characters"
        )


def _texts(batch: Any) -> Iterator[Row]:
    """Yield rows. Raises ContentError before a dictionary unfolds into more than is delivered."""
    left = ROWS_CHARACTERS_MAX
    columns = []
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            lengths = pc.utf8_length(column.dictionary).take(column.indices)
            left -= pc.sum(lengths).as_py() or 0
        if left < 0:
            raise ContentError(
                f"these rows are more than {ROWS_CHARACTERS_MAX} characters; take fewer at a time"
            )
        columns.append(column.cast(pa.string()).to_pylist())
    for cells in zip(*columns, strict=True):
        yield ["" if cell is None else cell for cell in cells]


FORMAT: Final = Format(survey, rows)
