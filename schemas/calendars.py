"""Which days are worked: weekdays, but for holidays, and the weekend days worked in exchange."""

from typing import Annotated

from msgspec import Meta

from schemas.base import Fact, Name, Text

Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
DAYS_MAX = 2_000
Days = Annotated[tuple[Day, ...], Meta(max_length=DAYS_MAX)]


class WorkCalendar(Fact):
    """`holidays` are days off (节假日), `workdays` weekend days that are worked (调休上班).

    It tells of `first_day` to `last_day`; outside them only weekends are known.
    """

    name: Name
    source: Text
    first_day: Day
    last_day: Day
    holidays: Days
    workdays: Days = ()
