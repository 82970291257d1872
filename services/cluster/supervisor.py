"""Starts a process again when it says so: for machines without a supervisor of their own."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

from services.commands import Exit

FIRST_WAIT_SECONDS: Final = 0.2
WAIT_SECONDS_MAX: Final = 5.0
STEADY_SECONDS: Final = 20.0  # after so long a life the waiting begins anew
_NEVER_AGAIN: Final = frozenset({Exit.RIGHT, Exit.USAGE})  # 1 is what a Python that crashed gives
log = logging.getLogger("databourse")


class Supervisor:
    """Runs a command as a child until it ends rightly, is used wrongly, or we are told to stop."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Return the last exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        wait = FIRST_WAIT_SECONDS
        while True:
            lived = _Stopwatch()
            self._child = subprocess.Popen(self._command)
            if self._stopping.is_set():  # told while it was being started
                self._child.terminate()
            code = self._child.wait()
            if self._stopping.is_set() or code in _NEVER_AGAIN:
                return Exit.RIGHT if self._stopping.is_set() and code < 0 else code
            wait = FIRST_WAIT_SECONDS if lived.seconds > STEADY_SECONDS else wait
            log.warning("the process ended with %d; it is started again in %.1f s", code, wait)
            if self._stopping.wait(wait):
                return Exit.RIGHT
            wait = min(wait * 2, WAIT_SECONDS_MAX)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stopping.set()
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)


class _Stopwatch:
    def __init__(self) -> None:
        self._begin = os.times().elapsed

    @property
    def seconds(self) -> float:
        return os.times().elapsed - self._begin


def own_command(arguments: Sequence[str]) -> list[str]:
    """Return how this program is called with other arguments."""
    return [sys.executable, "-m", "services.cli", *arguments]
