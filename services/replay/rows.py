"""Reading recorded tables: every fault names its line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.base import INTEGER_MAX


class RowError(ValueError):
    """A recorded table cannot be read; the text says at which line, and why."""


class Line(NamedTuple):
    """One row by column name, with its line number for messages."""

    number: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        value = self.cells[column]
        if not value:
            raise RowError(f"line {self.number}: {column} is empty")
        return value

    def integer(self, column: str, least: int = 0) -> int:
        value = self.cells[column]
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= INTEGER_MAX:
            raise RowError(
                f"line {self.number}: {column} must be a whole number from {least}, not {value!r}"
            )
        return int(value)


def read_lines(path: Path, columns: Sequence[str]) -> Iterator[Line]:
    """Yield the rows of a CSV with at least these columns. Raises RowError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if missing := [column for column in columns if column not in header]:
                raise RowError(f"line 1: the columns {', '.join(missing)} are missing")
            for row in reader:
                if len(row) != len(header):
                    raise RowError(
                        f"line {reader.line_num}: {len(row)} fields where the header has "
                        f"{len(header)}"
                    )
                yield Line(reader.line_num, dict(zip(header, row, strict=True)))
    except OSError as error:
        raise RowError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RowError(f"{path} is not UTF-8 at byte {error.start}") from error
    except csv.Error as error:
        raise RowError(f"line {reader.line_num}: {error}") from error
