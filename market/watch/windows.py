"""Windows of event time: tumbling ones lie side by side, hopping ones overlap.

A hopping window is the sum of the panes inside it, and a pane is a tumbling window as long as the
hop. A pane is closed when event time has passed its end by the grace; what comes later than that
counts in the oldest pane still open. No clock is asked.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec

QUARTER_MS: Final = 15 * 60_000
HOUR_MS: Final = 4 * QUARTER_MS
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS
GRACE_MS: Final = 5 * 60_000  # the stamps of one stream are only nearly in order

T = TypeVar("T")


class Window(msgspec.Struct, frozen=True):
    """`size_ms` is a multiple of `hop_ms`, and equals it in a tumbling window."""

    size_ms: int
    hop_ms: int


class Pane(msgspec.Struct, Generic[T]):
    start_ms: int
    content: T


class Panes(msgspec.Struct, Generic[T]):
    """Those with something in them, earliest first: the open ones, and the closed ones that a
    hopping window still needs.
    """

    kept: list[Pane[T]] = []


class Closing(msgspec.Struct, Generic[T], frozen=True):
    """A window whose last pane is closed now; `contents` are its panes', that one's last."""

    start_ms: int
    end_ms: int
    contents: list[T]


HOUR_BY_QUARTERS: Final = Window(HOUR_MS, QUARTER_MS)
DAY: Final = Window(DAY_MS, DAY_MS)
WEEK_BY_DAYS: Final = Window(WEEK_MS, DAY_MS)


def open_from_ms(now_ms: int, hop_ms: int) -> int:
    """Return where the oldest pane begins that is open at this event time."""
    return (now_ms - GRACE_MS) // hop_ms * hop_ms


def pane(panes: Panes[T], window: Window, at_ms: int, now_ms: int, make: Callable[[], T]) -> T:
    """Return the content of the open pane in which something of `at_ms` counts."""
    hop_ms, kept = window.hop_ms, panes.kept
    start_ms = max(at_ms // hop_ms * hop_ms, open_from_ms(now_ms, hop_ms))
    if kept and kept[-1].start_ms == start_ms:  # as nearly always
        return kept[-1].content
    index = len(kept)
    while index and kept[index - 1].start_ms > start_ms:
        index -= 1
    if not index or kept[index - 1].start_ms < start_ms:
        kept.insert(index, Pane(start_ms, make()))
        index += 1
    return kept[index - 1].content


def closings(panes: Panes[T], window: Window, before_ms: int, now_ms: int) -> list[Closing[T]]:
    """Return what is closed by event time's moving on, earliest first, and forget the panes that no
    later window needs. A window whose last pane is empty is not among them.
    """
    hop_ms = window.hop_ms
    open_ms = open_from_ms(now_ms, hop_ms)
    found: list[Closing[T]] = []
    for last in panes.kept:
        if open_from_ms(before_ms, hop_ms) <= last.start_ms < open_ms:
            end_ms = last.start_ms + hop_ms
            start_ms = end_ms - window.size_ms
            inside = [one.content for one in panes.kept if start_ms <= one.start_ms < end_ms]
            found.append(Closing(start_ms, end_ms, inside))
    needed_ms = open_ms + hop_ms - window.size_ms
    panes.kept = [one for one in panes.kept if one.start_ms >= needed_ms]
    return found
