"""Bodies about requests for access, and the calendar."""

from typing import Annotated

from pydantic import Field

from schemas.base import INTEGER_MAX
from schemas.calendars import DAYS_MAX
from services.gateway.requests.base import Body, Name, Reason, Text

Words = Annotated[str, Field(min_length=1, max_length=4_000)]
Score = Annotated[int, Field(ge=0, le=100, strict=True)]
Day = Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-02-17"])]
Days = Annotated[list[Day], Field(max_length=DAYS_MAX)]


class VerdictBody(Body):
    approved: bool
    reason: Reason


class ChallengeBody(Body):
    text: Words


class AnswerBody(Body):
    """`revision` of the data set, if any, puts right what was found."""

    upheld: bool
    text: Words
    revision: Annotated[int, Field(gt=0, le=INTEGER_MAX, strict=True)] | None = None


class ScoresBody(Body):
    """Completeness, accuracy, availability, timeliness (完整性 准确性 可用性 时效性)."""

    completeness: Score
    accuracy: Score
    availability: Score
    timeliness: Score


class EvaluationBody(Body):
    scores: ScoresBody
    comment: Text = ""


class CalendarBody(Body):
    """Days as "2026-02-14"; `workdays` are weekend days that are worked."""

    name: Name
    source: Text
    first_day: Day
    last_day: Day
    holidays: Days
    workdays: Annotated[Days, Field(examples=[["2026-02-28"]])] = []
