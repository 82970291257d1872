"""Deadlines in working days, against the official arrangement of holidays and by hand."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import chinese_calendar
import pytest

from market.calendar import WEEKENDS_ONLY, due_ms
from schemas.base import SchemaError
from schemas.calendars import WorkCalendar
from schemas.commands import SetCalendar
from services.workdays import load_calendar
from tests.builders.market import OPERATOR, T0, Market, kinds

CHINA = load_calendar()
SHANGHAI = timezone(timedelta(hours=8))


def at(text: str) -> int:
    """Return a time in Shanghai, such as "2026-02-13 17:00", as epoch ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1_000)


def told(calendar: WorkCalendar, start: str, days: int) -> str:
    """Return the last moment's day that a deadline leaves."""
    ends = datetime.fromtimestamp(due_ms(calendar, at(start), days) / 1_000, UTC)
    local = ends.astimezone(SHANGHAI)
    assert (local.hour, local.minute, local.second) == (0, 0, 0)
    return (local - timedelta(days=1)).date().isoformat()


def test_our_file_agrees_with_the_published_calendar_day_by_day() -> None:
    day, last = date.fromisoformat(CHINA.first_day), date.fromisoformat(CHINA.last_day)
    assert (last - day).days > 1_400
    while day < last:
        before = (day - timedelta(days=1)).isoformat()
        is_worked = told(CHINA, f"{before} 12:00", 1) == day.isoformat()
        assert is_worked is chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        # Spring Festival 2026: off 15 to 23 February; Saturdays 14 and 28 February are worked
        ("2026-02-12 09:00", 2, "2026-02-14"),
        ("2026-02-13 17:00", 2, "2026-02-24"),
        ("2026-02-14 12:00", 5, "2026-02-28"),
        ("2026-02-18 12:00", 1, "2026-02-24"),
        # National Day 2024: off 1 to 7 October; Sunday 29 September and Saturday 12 October worked
        ("2024-09-27 10:00", 2, "2024-09-30"),
        ("2024-09-30 10:00", 5, "2024-10-12"),
        ("2024-09-30 10:00", 3, "2024-10-10"),
        # National Day 2025 with Mid-Autumn: off 1 to 8 October; Saturday 11 October worked
        ("2025-09-30 23:59:59.999", 3, "2025-10-11"),
        ("2025-10-01 00:00", 3, "2025-10-11"),
        # an ordinary week, just before and after midnight in Shanghai (16:00 UTC)
        ("2024-03-06 23:59:59.999", 2, "2024-03-08"),
        ("2024-03-07 00:00", 2, "2024-03-11"),
    ],
)
def test_deadlines_by_hand(start: str, days: int, last: str) -> None:
    assert told(CHINA, start, days) == last


def test_a_venue_without_a_calendar_knows_weekends_only() -> None:
    assert told(WEEKENDS_ONLY, "2026-02-13 17:00", 2) == "2026-02-17"


def test_after_its_last_day_a_calendar_knows_weekends_only() -> None:
    assert told(CHINA, "2030-09-30 12:00", 1) == "2030-10-01"


def test_a_time_beyond_every_calendar_has_a_deadline_too() -> None:
    assert due_ms(CHINA, 2**53 - 1, 2) > 2**53


def set_calendar(market: Market, **changes: object) -> list:
    days = {
        "name": "test",
        "source": "by hand",
        "first_day": "2024-01-01",
        "last_day": "2024-12-31",
        "holidays": ("2024-05-01",),
        "workdays": ("2024-05-11",),
    }
    calendar = WorkCalendar(**{**days, **changes})
    command = SetCalendar(id=market.id(), at_ms=T0, operator_id=OPERATOR, calendar=calendar)
    return market.say(command)


def test_a_calendar_is_set_by_command_and_stays_in_the_state() -> None:
    market = Market()
    assert market.venue.matching.access.calendar == WEEKENDS_ONLY
    assert kinds(set_calendar(market)) == ["CalendarSet"]
    assert market.venue.matching.access.calendar.name == "test"


@pytest.mark.parametrize(
    "changes",
    [
        {"holidays": ("2024-02-30",)},
        {"holidays": ("2023-12-31",)},
        {"workdays": ("2025-01-01",)},
        {"workdays": ("2024-05-01",)},
        {"holidays": ("2024-05-01", "2024-05-01")},
        {"first_day": "2024-13-01"},
    ],
)
def test_a_calendar_that_cannot_be_is_refused(changes: dict) -> None:
    assert set_calendar(Market(), **changes)[0].reason == "calendar_invalid"


@pytest.mark.parametrize(
    "text",
    [
        "no toml",
        'name = "x"',
        'name="x"\nfirst_day="2024-01-01"\nlast_day="2024-12-31"\n'
        '[[notice]]\nsource="y"\nholidays=["2024-02-30"]\nworkdays=[]\n',
    ],
)
def test_a_broken_calendar_file_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(SchemaError, match=r"broken\.toml"):
        load_calendar(path)
