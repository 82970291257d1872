"""What time alone will cause, in (deadline, id) order."""

from bisect import bisect_left, insort

import msgspec


class Deadlines(msgspec.Struct, kw_only=True):
    """Sorted pairs of (due_ms, id); an id stands in it once."""

    due: list[tuple[int, str]] = []
    due_ms_of: dict[str, int] = {}


def next_due_ms(deadlines: Deadlines) -> int | None:
    return deadlines.due[0][0] if deadlines.due else None


def due_by(deadlines: Deadlines, now_ms: int) -> list[tuple[int, str]]:
    return deadlines.due[: bisect_left(deadlines.due, (now_ms + 1, ""))]


def schedule(deadlines: Deadlines, id: str, due_ms: int) -> None:
    """Set the deadline of `id`, or move it."""
    cancel(deadlines, id)
    insort(deadlines.due, (due_ms, id))
    deadlines.due_ms_of[id] = due_ms


def cancel(deadlines: Deadlines, id: str) -> None:
    due_ms = deadlines.due_ms_of.pop(id, None)
    if due_ms is not None:
        del deadlines.due[bisect_left(deadlines.due, (due_ms, id))]
