"""The calendar that a new venue opens with, read from its file."""

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.base import SchemaError
from schemas.calendars import WorkCalendar

SHIPPED: Final = Path(__file__).parent / "calendars" / "cn.toml"


def load_calendar(path: Path = SHIPPED) -> WorkCalendar:
    """Read a calendar file, of the form of `cn.toml`. Raises SchemaError saying what is wrong."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        notices = told.pop("notice")
        told["source"] = "; ".join(notice["source"] for notice in notices)
        for kind in ("holidays", "workdays"):
            told[kind] = [day for notice in notices for day in _expand(notice[kind])]
        return msgspec.convert(told, WorkCalendar)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SchemaError(f"{path.name}: {error!r}") from error


def _expand(spans: list[Any]) -> list[str]:
    """Return every day of spans such as "2024-02-10..2024-02-17" or of single days."""
    days: list[str] = []
    for span in spans:
        first, _, last = span.partition("..")
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        while day <= end:
            days.append(day.isoformat())
            day += timedelta(days=1)
    return days
