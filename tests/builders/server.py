"""A market in a process of its own, to be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2 as httpx

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 30.0


class Server:
    """`serve` on a folder, on a free loopback port."""

    def __init__(self, folder: Path, *command: str) -> None:
        arguments = command or ("-m", "services.cli", "serve")
        self.errors = (folder.parent / f"{folder.name}.stderr").open("a")
        self.process = subprocess.Popen(
            [sys.executable, *arguments, "--data", str(folder), "--port", "0", "--json"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server did not start, exit {self._reap()}")
        self.url = json.loads(line)["url"]
        self._wait_until_it_answers()

    def __enter__(self) -> "Server":
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

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/healthz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise RuntimeError("the server did not answer in time")
