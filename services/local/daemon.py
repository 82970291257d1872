"""A server that outlives the command that started it.

The server inherits the lock on its pid file and so holds it exactly as long as it lives, however it
ends. A locked pid file therefore names a living process, ours; an unlocked one is stale, whatever
process bears its number by now. A pid file is never changed: each start puts a new one in place.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

POLL_SECONDS: Final = 0.02
KILLED_SECONDS_MAX: Final = 10.0
TAIL_LINES: Final = 15
TAIL_BYTES: Final = 64 * 1024
# What a shell leaves in the background is nobody's child: no caller has to wait for its end.
_IN_BACKGROUND: Final = ("/bin/sh", "-c", '"$@" >&2 & echo $!', "sh")


class LocalError(Exception):
    """A local server cannot be started or stopped; the text says why and what to do."""


class Stopped(StrEnum):
    """How a stop ended."""

    WAS_NOT_RUNNING = "was_not_running"
    STOPPED = "stopped"
    KILLED = "killed"


class Running(NamedTuple):
    """A living server."""

    pid: int
    started_at_ms: int


class Daemon:
    """One server: its pid file is `DIR/NAME.pid`, what it prints goes to `DIR/logs/NAME.out`.

    `title` is what people call it. The output of the start before is kept as `NAME.out.1`.
    """

    def __init__(self, folder: Path, name: str, title: str) -> None:
        self.title = title
        self.output = folder / "logs" / f"{name}.out"
        self._pid_file = folder / f"{name}.pid"
        self._starting = folder / f"{name}.starting"

    def running(self) -> Running | None:
        """Return the living process of ours, if there is one."""
        try:
            file = self._pid_file.open("rb")
        except FileNotFoundError:
            return None
        with file:
            if _take(file.fileno(), fcntl.LOCK_SH):
                return None
            pid, started_at_ms = file.read().split()
            return Running(int(pid), int(started_at_ms))

    def start(
        self,
        prepare: Callable[[], Sequence[str]],
        *,
        healthy: Callable[[], bool],
        wait_seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> bool:
        """Return when the server is healthy; False if it ran already.

        `prepare` makes its folder ready and returns its command; it is called only where nothing
        runs, by one starter at a time; a second one waits for the first. `healthy` is asked every
        few milliseconds and must not wait long itself. Raises LocalError with the end of the output
        when the server ends or is not healthy after `wait_seconds`; one that was started here is
        killed then.
        """
        with self._one_starter():
            starts = self.running() is None
            if starts:
                self._spawn(prepare(), environment)
            try:
                self._wait_until(healthy, wait_seconds)
            except BaseException:
                if starts:
                    self.kill()
                raise
        return starts

    def stop(self, wait_seconds: float, terminate: signal.Signals = signal.SIGTERM) -> Stopped:
        """Ask the server to end, and kill it after `wait_seconds`."""
        if not self.send(terminate):
            return Stopped.WAS_NOT_RUNNING
        if self._ends_within(wait_seconds):
            return Stopped.STOPPED
        self.kill()
        return Stopped.KILLED

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Raises LocalError when it does not go."""
        if self.send(signal.SIGKILL) and not self._ends_within(KILLED_SECONDS_MAX):
            raise LocalError(f"{self.title} does not end even when killed: is its disk stuck?")

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; False when no process of ours is there to get it."""
        running = self.running()
        if running is None:
            return False
        try:
            os.kill(running.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError as error:
            raise LocalError(
                f"{self.title} (pid {running.pid}) belongs to another user: stop it as that one"
            ) from error
        return True

    def tail(self) -> str:
        """Return the last lines that the server printed since its start."""
        try:
            with self.output.open("rb") as file:
                file.seek(max(0, self.output.stat().st_size - TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    @contextmanager
    def _one_starter(self) -> Iterator[None]:
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            file = self._starting.open("wb")
        except OSError as error:
            raise LocalError(f"{error.filename} cannot be made: {error.strerror}") from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _spawn(self, command: Sequence[str], environment: Mapping[str, str] | None) -> None:
        if self.output.exists():
            self.output.replace(self.output.with_name(f"{self.output.name}.1"))
        new = self._pid_file.with_name(f"{self._pid_file.name}.new")
        with new.open("wb") as pid_file, self.output.open("wb") as output:
            fcntl.flock(pid_file, fcntl.LOCK_EX)
            shell = subprocess.run(
                [*_IN_BACKGROUND, *command],
                check=True,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                pass_fds=[pid_file.fileno()],
                start_new_session=True,
            )
            pid_file.write(b"%d %d\n" % (int(shell.stdout), time.time_ns() // 1_000_000))
            pid_file.flush()
            new.replace(self._pid_file)

    def _wait_until(self, healthy: Callable[[], bool], wait_seconds: float) -> None:
        end = time.monotonic() + wait_seconds
        while not healthy():
            if self.running() is None:
                raise LocalError(f"{self.title} ended at its start; {self._last_words()}")
            if time.monotonic() >= end:
                raise LocalError(
                    f"{self.title} was not healthy after {wait_seconds:g} s; {self._last_words()}"
                )
            time.sleep(POLL_SECONDS)

    def _last_words(self) -> str:
        return f"the end of {self.output}:\n{self.tail().strip()}"

    def _ends_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.running() is not None:
            if time.monotonic() >= end:
                return False
            time.sleep(POLL_SECONDS)
        return True


def _take(file: int, lock: int) -> bool:
    """Return whether the lock was free. Probes take it shared: they do not see one another."""
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
