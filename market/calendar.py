"""Working days and the deadlines counted in them.

Days are those of Asia/Shanghai, which has been UTC+8 without summer time since 1992.
"""

from datetime import date
from typing import Final

from schemas.base import Event
from schemas.calendars import WorkCalendar
from schemas.commands import SetCalendar
from schemas.events import CalendarSet
from schemas.reasons import Refusal

DAY_MS: Final = 86_400_000
SHANGHAI_AHEAD_MS: Final = 8 * 3_600_000
WEEKENDS_ONLY: Final = WorkCalendar(
    name="weekends only",
    source="none was set",
    first_day="1992-01-01",
    last_day="1992-01-01",
    holidays=(),
)
_EPOCH: Final = date(1970, 1, 1).toordinal()  # a Thursday


def due_ms(calendar: WorkCalendar, at_ms: int, days: int) -> int:
    """Return the midnight that ends the `days`-th working day after the day of `at_ms`."""
    holidays, workdays = _numbers(calendar.holidays), _numbers(calendar.workdays)
    day = (at_ms + SHANGHAI_AHEAD_MS) // DAY_MS
    while days:
        day += 1
        is_weekend = (day + 3) % 7 >= 5
        days -= day in workdays if is_weekend else day not in holidays
    return (day + 1) * DAY_MS - SHANGHAI_AHEAD_MS


def set_calendar(command: SetCalendar) -> list[Event] | Refusal:
    if not _is_sound(command.calendar):
        return Refusal.CALENDAR_INVALID
    return [
        CalendarSet(
            at_ms=command.at_ms,
            id=command.id,
            operator_id=command.operator_id,
            calendar=command.calendar,
        )
    ]


def _is_sound(calendar: WorkCalendar) -> bool:
    """Whether its days exist, lie in its span, and none is both worked and off."""
    days = (*calendar.holidays, *calendar.workdays)
    try:
        _numbers((*days, calendar.first_day, calendar.last_day))
    except ValueError:
        return False
    return len(set(days)) == len(days) and all(
        calendar.first_day <= day <= calendar.last_day for day in days
    )


def _numbers(days: tuple[str, ...]) -> set[int]:
    """Return days as counted from 1970-01-01. Raises ValueError for one that does not exist."""
    return {date.fromisoformat(day).toordinal() - _EPOCH for day in days}
