"""A market in a process of its own, to be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol, Self

import httpx2 as httpx

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 30.0


class Running(Protocol):
    """A market behind HTTP."""

    url: str

    @property
    def pid(self) -> int:
        """Of the process that speaks HTTP."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def kill(self) -> None:
        """SIGKILL all of it: no handler runs, nothing is flushed."""

    def stop(self) -> int:
        """Return the exit code."""


class Child:
    """One of our commands as a process, which says in a line of JSON where it is to be found."""

    def __init__(self, arguments: tuple[str, ...], errors: Path) -> None:
        self.errors = errors.open("a")
        self.process = subprocess.Popen(
            [sys.executable, *arguments, "--json"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def told(self) -> Any:
        """Wait for its line."""
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server did not start, exit {self._reap()}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """A test that failed leaves no process behind."""
        if self.process.poll() is None:
            self.kill()

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self.process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        code = self.process.wait(START_SECONDS_MAX)
        self.process.stdout.close()
        self.errors.close()
        return code


class Server(Child):
    """`serve` on a folder, on a free loopback port."""

    def __init__(self, folder: Path, *command: str) -> None:
        serve = command or ("-m", "services.cli", "serve")
        arguments = (*serve, "--data", str(folder), "--port", "0")
        super().__init__(arguments, folder.parent / f"{folder.name}.stderr")
        self.url = self.told()["url"]
        wait_for(f"{self.url}/healthz")


def wait_for(url: str) -> None:
    """Wait until there is a good answer."""
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"{url} did not answer in time")
