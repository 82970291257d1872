"""Answers as people read them: tables, amounts with their currency, times in UTC."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.envelope import iso_time
from schemas.money import MINOR_DIGITS

WIDTH_OUTSIDE_TERMINAL: Final = 200
COLUMNS_MAX: Final = 9
_LEFT_OUT: Final = frozenset({"position", "number"})
_FIRST_TIME_MS: Final = 100_000_000_000  # anything smaller is a duration, not a time


def show(answer: Any) -> None:
    """Print an answer for people."""
    console = console_for(sys.stdout)
    match answer:
        case {"items": list(rows), "next_after": after}:
            _table(console, rows)
            if after is not None:
                console.print(f"more: --after {after}", markup=False)
        case list():
            _table(console, answer)
        case dict():
            _record(console, answer)
        case _:
            console.print(clean(str(answer)))


def console_for(stream: Any) -> Console:
    """Return a console that does not fold its lines to 80 columns when nobody looks."""
    width = None if stream.isatty() else WIDTH_OUTSIDE_TERMINAL
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def cell(name: str, value: Any, row: Mapping[str, Any]) -> str:
    """Return a value in words; its name says what it is."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() if name.endswith("_minor"):
            return money(value, str(row.get("currency") or ""))
        case int() if name.endswith("_ms") and value >= _FIRST_TIME_MS:
            return iso_time(value)
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(item, str | int) for item in value):
            return ", ".join(map(str, value))
        case _:
            return json.dumps(value, ensure_ascii=False, indent=1)


def money(amount_minor: int, currency: str) -> str:
    if currency not in MINOR_DIGITS:
        return str(amount_minor)
    digits = MINOR_DIGITS[currency]
    whole, part = divmod(abs(amount_minor), 10**digits)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole:,}{f'.{part:0{digits}}' if digits else ''} {currency}"


def clean(text: str) -> Text:
    """Return a text as it is, without what a terminal would obey: others have written it."""
    shown = (letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}"
             for letter in text)  # fmt: skip
    return Text("".join(shown))


def _table(console: Console, rows: Sequence[Any]) -> None:
    if not rows:
        console.print("nothing")
        return
    if not isinstance(rows[0], dict):
        for row in rows:
            console.print(clean(str(row)))
        return
    names = [name for name in rows[0] if name not in _LEFT_OUT and _is_telling(name, rows)]
    table = Table(box=None, pad_edge=False)
    for name in names[:COLUMNS_MAX]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(clean(cell(name, row.get(name), row)) for name in names[:COLUMNS_MAX]))
    console.print(table)


def _is_telling(name: str, rows: Sequence[Any]) -> bool:
    """Whether a column has short values, and not only empty ones."""
    values = [row.get(name) for row in rows]
    return any(value not in (None, "", []) for value in values) and not any(
        isinstance(value, dict) for value in values
    )


def _record(console: Console, answer: Mapping[str, Any]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in answer.items():
        if name not in _LEFT_OUT and value not in ("", None):
            table.add_row(name, clean(cell(name, value, answer)))
    console.print(table)
