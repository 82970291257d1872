"""The market's clock: moved by the machine's uninterrupted time, led by its wall clock, never back.

A deadline must not fire because somebody set the wall clock, and no command may be refused as stale
for it. So the wall clock is believed once, at the start, and after that only in small steps.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

JUMP_MS: Final = 2_000  # a difference from the wall clock above which it is no longer followed
SLEW_PARTS: Final = 200  # small differences are made up for at one part in so many of time elapsed
_NS_PER_MS: Final = 1_000_000
# Where there is one, a clock that also counts the time a machine slept: a nap is then no jump.
_UNINTERRUPTED: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
log = logging.getLogger("databourse")


def wall_ns() -> int:
    return time.time_ns()


def uninterrupted_ns() -> int:
    return time.clock_gettime_ns(_UNINTERRUPTED)


class Clock:
    """Call it for UTC epoch milliseconds; from any thread. `not_before_ms` is what the log has
    seen.
    """

    def __init__(
        self,
        not_before_ms: int = 0,
        wall_ns: Callable[[], int] = wall_ns,
        uninterrupted_ns: Callable[[], int] = uninterrupted_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._uninterrupted_ns = uninterrupted_ns
        self._turn = threading.Lock()
        self._seen_ns = uninterrupted_ns()
        self._now_ns = max(wall_ns(), not_before_ms * _NS_PER_MS)
        self._ahead_ns = 0
        self._told = False

    def __call__(self) -> int:
        with self._turn:
            seen_ns = self._uninterrupted_ns()
            elapsed_ns = max(seen_ns - self._seen_ns, 0)
            self._seen_ns = seen_ns
            self._now_ns += elapsed_ns
            ahead_ns = self._wall_ns() - self._now_ns
            jumped = abs(ahead_ns) > JUMP_MS * _NS_PER_MS
            if not jumped:
                step_ns_max = elapsed_ns // SLEW_PARTS
                self._now_ns += max(-step_ns_max, min(ahead_ns, step_ns_max))
            self._ahead_ns = ahead_ns
            now_ms = self._now_ns // _NS_PER_MS
            tell, self._told = jumped != self._told, jumped
        if tell:
            log.warning(self.notice or "clock: the system's clock agrees with the market's again")
        return now_ms

    @property
    def notice(self) -> str:
        """What is wrong with the wall clock, as last seen, with what to do; empty when nothing
        is.
        """
        ahead_ms = self._ahead_ns // _NS_PER_MS
        if not self._told:
            return ""
        side = "ahead of" if ahead_ms > 0 else "behind"
        return (
            f"clock: the system's clock is {abs(ahead_ms):,} ms {side} the market's, which does "
            "not follow jumps; set the system's clock right, or, if it is right and ahead, restart "
            "the market"
        )
