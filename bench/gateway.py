"""With read models: durable bids per second into the tables, and a lone caller through HTTP."""

import asyncio
import http.client
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.embedded import bids, opening
from bench.report import Row, arguments, show
from schemas.base import Command
from services.process import Process


def bids_per_second(folder: Path, said: list[Command], waiting: int) -> float:
    """Keep so many bids waiting until all are durable and in the read models."""
    process = Process(folder)
    process.start()

    async def load() -> float:
        places = asyncio.Semaphore(waiting)

        async def one(command: Command) -> None:
            async with places:
                await process.publish(command)

        for command in opening():
            await process.publish(command)
        await process.caught_up(process.log.size, 60)
        start = time.perf_counter()
        await asyncio.gather(*(one(command) for command in said))
        assert await process.caught_up(process.log.size, 120), "the read models caught up"
        return len(said) / (time.perf_counter() - start)

    rate = asyncio.run(load())
    process.stop()
    return rate


def lone_caller_ms(folder: Path, calls: int) -> tuple[float, float]:
    """Return p50 and p99 of a POST with its result, one after the other, from another process."""
    command = [sys.executable, "-m", "services.cli", "serve", "--data", str(folder), "--port", "0"]
    server = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    address = json.loads(server.stdout.readline())["url"].removeprefix("http://")
    token = json.loads((folder / "first-tokens.json").read_text())["operator"]
    connection = http.client.HTTPConnection(address)

    def post(path: str, body: object, key: str) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": key,
            "Prefer": "wait=2",
            "Content-Type": "application/json",
        }
        connection.request("POST", path, body=json.dumps(body), headers=headers)
        answer: dict[str, str] = json.loads(connection.getresponse().read())
        return answer

    party = post("/v1/parties", {"name": "a", "kind": "person", "roles": ["buyer"]}, "party")["id"]
    post(f"/v1/parties/{party}/verification", {"method": "bench", "evidence": "none"}, "verified")
    post(f"/v1/parties/{party}/approval", None, "approval")
    times: list[float] = []
    for number in range(calls):
        money = {"currency": "CNY", "amount_minor": 5, "reference": "bench"}
        start = time.perf_counter()
        post(f"/v1/parties/{party}/deposits", money, f"deposit-{number}")
        times.append((time.perf_counter() - start) * 1000)
    connection.close()
    server.terminate()
    server.wait()
    server.stdout.close()
    times.sort()
    return times[calls // 2], times[calls * 99 // 100]


def main() -> None:
    options = arguments(__doc__ or "", bids=15_000, calls=1_000)
    with tempfile.TemporaryDirectory() as name:
        rate = bids_per_second(Path(name), bids(options.bids), waiting=200)
    with tempfile.TemporaryDirectory() as name:
        p50, p99 = lone_caller_ms(Path(name) / "market", options.calls)
    rows = [
        Row("durable with tree and read models, 200 waiting", rate, "bids/s", 3_000),
        Row("a lone caller through HTTP, with the result, p50", p50, "ms", 5, True),
        Row("a lone caller through HTTP, with the result, p99", p99, "ms", 25, True),
    ]
    show("Gateway", rows, options.json)


if __name__ == "__main__":
    main()
