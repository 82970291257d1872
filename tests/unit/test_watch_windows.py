"""Windows of event time: what counts where, and when a window closes."""

from market.watch.windows import (
    DAY,
    GRACE_MS,
    HOUR_BY_QUARTERS,
    Panes,
    closings,
    open_from_ms,
    pane,
)
from tests.builders.watching import DAY0, DAY_MS, HOUR_MS, MINUTE_MS

QUARTER = 15 * MINUTE_MS


def put(panes: Panes, window: object, at_ms: int, now_ms: int, what: str) -> None:
    pane(panes, window, at_ms, now_ms, list).append(what)  # type: ignore[arg-type]


def test_the_first_millisecond_of_a_day_is_in_it_and_that_of_the_next_is_not() -> None:
    days: Panes = Panes()
    for at_ms, what in ((DAY0, "first"), (DAY0 + DAY_MS - 1, "last"), (DAY0 + DAY_MS, "next")):
        put(days, DAY, at_ms, at_ms, what)
    assert [(one.start_ms, one.content) for one in days.kept] == [
        (DAY0, ["first", "last"]),
        (DAY0 + DAY_MS, ["next"]),
    ]


def test_a_day_closes_when_event_time_has_passed_its_end_by_the_grace() -> None:
    days: Panes = Panes()
    put(days, DAY, DAY0, DAY0, "rain")
    end_ms = DAY0 + DAY_MS
    assert closings(days, DAY, DAY0, end_ms + GRACE_MS - 1) == []
    (closed,) = closings(days, DAY, end_ms + GRACE_MS - 1, end_ms + GRACE_MS)
    assert (closed.start_ms, closed.end_ms, closed.contents) == (DAY0, end_ms, [["rain"]])
    assert closings(days, DAY, end_ms + GRACE_MS, end_ms + 2 * DAY_MS) == []


def test_what_comes_within_the_grace_counts_in_its_own_day_and_later_in_the_oldest_open_one() -> (
    None
):
    days: Panes = Panes()
    end_ms = DAY0 + DAY_MS
    put(days, DAY, DAY0, DAY0, "in time")
    put(days, DAY, end_ms - 1, end_ms + GRACE_MS - 1, "within the grace")
    closings(days, DAY, end_ms + GRACE_MS - 1, end_ms + GRACE_MS)
    put(days, DAY, end_ms - 1, end_ms + GRACE_MS, "too late")
    assert [(one.start_ms, one.content) for one in days.kept] == [(end_ms, ["too late"])]


def test_a_hopping_window_has_its_last_four_quarters_and_ends_with_one_in_which_something_was() -> (
    None
):
    quarters: Panes = Panes()
    for number in (0, 1, 3, 4):
        at_ms = DAY0 + number * QUARTER
        put(quarters, HOUR_BY_QUARTERS, at_ms, DAY0, f"q{number}")
    found = closings(quarters, HOUR_BY_QUARTERS, DAY0, DAY0 + 3 * HOUR_MS)
    assert [(one.end_ms - DAY0) // QUARTER for one in found] == [1, 2, 4, 5]
    assert found[2].contents == [["q0"], ["q1"], ["q3"]]
    assert found[3].contents == [["q1"], ["q3"], ["q4"]]
    assert found[3].end_ms - found[3].start_ms == HOUR_MS
    assert quarters.kept == [], "no later window needs them"


def test_panes_that_a_later_window_needs_are_kept() -> None:
    quarters: Panes = Panes()
    put(quarters, HOUR_BY_QUARTERS, DAY0, DAY0, "q0")
    closings(quarters, HOUR_BY_QUARTERS, DAY0, DAY0 + QUARTER + GRACE_MS)
    put(quarters, HOUR_BY_QUARTERS, DAY0 + 3 * QUARTER, DAY0 + 3 * QUARTER, "q3")
    (last,) = closings(
        quarters, HOUR_BY_QUARTERS, DAY0 + QUARTER + GRACE_MS, DAY0 + HOUR_MS + GRACE_MS
    )
    assert last.contents == [["q0"], ["q3"]]


def test_a_long_silence_closes_each_window_once() -> None:
    days: Panes = Panes()
    put(days, DAY, DAY0, DAY0, "rain")
    assert len(closings(days, DAY, DAY0, DAY0 + 1_000 * DAY_MS)) == 1
    assert open_from_ms(DAY0 + 1_000 * DAY_MS, DAY_MS) == DAY0 + 999 * DAY_MS
