"""Processes that are started again whenever they end, as a supervisor would; to be killed."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
AGAIN_SECONDS: Final = 0.2
LOOK_EVERY_SECONDS: Final = 0.02
END_SECONDS_MAX: Final = 40.0
UNTIL_SECONDS_MAX: Final = 60.0
TELL: Final = signal.SIGHUP  # what it waits for, before it is killed for not ending
TOLD_SECONDS: Final = 1.0  # which that takes
TAIL_LINES: Final = 60
LINE_CHARACTERS_MAX: Final = 400


class Fleet:
    """`exits` counts how the processes ended, by exit code, those killed by us left out; `ends`
    has the codes of each, in order.
    """

    def __init__(self, folder: Path, commands: Mapping[str, Sequence[str]]) -> None:
        self.exits: Counter[int] = Counter()
        self.ends: defaultdict[str, list[int]] = defaultdict(list)
        self.starts: Counter[str] = Counter()
        self._folder = folder
        self._commands = dict(commands)
        self._alive: dict[str, subprocess.Popen[bytes]] = {}
        self._again_at: dict[str, float] = {}

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    async def told(self) -> str:
        """Return how each ended so far and the end of its log, where it has said by then what it
        waits for.
        """
        for name in self.alive():
            self.send(name, TELL)
        await asyncio.sleep(TOLD_SECONDS)
        return "\n".join(
            f"--- {name}, pid {self._alive[name].pid if name in self._alive else None}, "
            f"ended with {self.ends[name]}:\n{tail(self.log(name))}"
            for name in self._commands
        )

    def alive(self) -> list[str]:
        return [name for name, process in self._alive.items() if process.poll() is None]

    def pid(self, name: str) -> int:
        return self._alive[name].pid

    def send(self, name: str, number: int) -> None:
        self._alive[name].send_signal(number)

    def kill(self, name: str) -> None:
        """SIGKILL; it is started again."""
        process = self._alive.pop(name)
        process.kill()
        process.wait()
        self._again_at[name] = time.monotonic() + AGAIN_SECONDS

    def kill_any(self, rng: random.Random) -> str:
        """Kill one of those alive."""
        name = rng.choice(sorted(self.alive()))
        self.kill(name)
        return name

    def add(self, name: str, command: Sequence[str]) -> None:
        self._commands[name] = command

    async def remove(self, name: str) -> int:
        """SIGTERM, and return the exit code."""
        await until(lambda: name in self._alive)
        del self._commands[name]
        process = self._alive.pop(name)
        process.terminate()
        return await _ended(process)

    async def tend(self) -> None:
        """Start again what has ended, until cancelled."""
        while True:
            for name in self._commands:
                self._look_after(name)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def _look_after(self, name: str) -> None:
        process = self._alive.get(name)
        if process is not None and process.poll() is not None:
            self.exits[process.returncode] += 1
            self.ends[name].append(process.returncode)
            del self._alive[name]
            self._again_at[name] = time.monotonic() + AGAIN_SECONDS
        elif process is None and time.monotonic() >= self._again_at.get(name, 0.0):
            self._alive[name] = self.start(name, self._commands[name])

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        self.starts[name] += 1
        with self.log(name).open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def end(self) -> None:
        for process in self._alive.values():
            process.terminate()
            process.send_signal(signal.SIGCONT)  # for one that stands still
        for process in self._alive.values():
            self.exits[await _ended(process)] += 1


async def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        await until(lambda: process.poll() is not None, END_SECONDS_MAX)
    except TimeoutError:
        process.send_signal(TELL)
        await asyncio.sleep(TOLD_SECONDS)
        process.kill()
    return process.wait()


async def until(it_is_so: Callable[[], bool], seconds_max: float = UNTIL_SECONDS_MAX) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(seconds_max):
        while True:
            if it_is_so():
                return
            await asyncio.sleep(LOOK_EVERY_SECONDS)


@asynccontextmanager
async def fleet(folder: Path, commands: Mapping[str, Sequence[str]]) -> AsyncIterator[Fleet]:
    """Keep these running while inside."""
    made = Fleet(folder, commands)
    tending = asyncio.create_task(made.tend())
    try:
        yield made
    finally:
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending
        await made.end()


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(line[:LINE_CHARACTERS_MAX] for line in lines[-TAIL_LINES:])


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
