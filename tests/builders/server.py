"""A market in a process of its own, to be killed, with clients that remember what was
acknowledged.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 30.0
CLIENTS = 4
WISHES_PER_CLIENT_MAX = 5_000


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
            raise RuntimeError(f"the server did not start, exit {self.process.wait()}")
        self.url = json.loads(line)["url"]
        self._wait_until_it_answers()

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


class Load:
    """Four clients that deposit, bid and use; each keeps what was acknowledged, and retries the
    last.
    """

    def __init__(self, tokens: dict[str, str], plan: dict[str, Any]) -> None:
        self.acknowledged: list[dict[str, set[str]]] = [
            {"deposit": set(), "bid": set(), "usage": set()} for _ in range(CLIENTS)
        ]
        self._tokens = tokens
        self._plan = plan
        self._counts = [0] * CLIENTS
        self._pending: list[tuple[Any, ...] | None] = [None] * CLIENTS
        self._randoms = [random.Random(seed) for seed in range(CLIENTS)]

    def run(self, url: str, stop: threading.Event) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._client, args=(index, url, stop))
            for index in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _client(self, index: int, url: str, stop: threading.Event) -> None:
        with httpx.Client(base_url=url, timeout=5.0) as http:
            while not stop.is_set() and self._counts[index] < WISHES_PER_CLIENT_MAX:
                wish = self._pending[index] or self._wish(index)
                self._pending[index] = wish
                kind, who, path, body, key = wish
                headers = {"Authorization": f"Bearer {self._tokens[who]}", "Idempotency-Key": key}
                try:
                    answer = http.post(path, json=body, headers=headers)
                except httpx.TransportError:
                    return  # the server was killed; this wish is sent again to the next one
                if answer.status_code == 202:
                    self.acknowledged[index][kind].add(answer.json()["id"])
                    self._pending[index] = None
                else:
                    assert answer.status_code == 503, answer.text

    def _wish(self, index: int) -> tuple[Any, ...]:
        self._counts[index] += 1
        number, rng = self._counts[index], self._randoms[index]
        key = f"client-{index}-{number}"
        kind = rng.choice(["deposit", "bid", "usage"])
        if kind == "deposit":
            path = f"/v1/parties/{self._plan['buyer_ids'][index]}/deposits"
            money = {"currency": "CNY", "amount_minor": rng.randint(1, 99), "reference": key}
            return kind, "operator", path, money, key
        if kind == "bid":
            amount = 1_000 + 40 * sum(self._counts) + rng.randint(0, 500)
            path = f"/v1/auctions/{self._plan['auction_id']}/bids"
            body = {"currency": "CNY", "max_price_minor": amount}
            return kind, f"buyer{index}", path, body, key
        path = f"/v1/grants/{self._plan['grant_ids'][index]}/usage"
        return kind, f"buyer{index}", path, {"quantity": rng.randint(1, 5)}, key
