"""A thousand clients of the event stream on one worker: what of it reaches each of them, and how
soon after a bid; against a bare server that writes the same lines to as many connections.
"""

import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx

from bench.peers.broadcast import Broadcast
from bench.report import Row, arguments, show
from services.demo.client import Client
from services.demo.world import World, build

PER_PARTY = 20  # streams at a time, as the gateway allows one caller
EACH_SECONDS = 0.1
LAST_SECONDS_MAX = 20.0
STEP_MINOR = 500_00
AUCTION_MS = 600_000


class Heard(NamedTuple):
    """`delays_ms` of all clients and events; `lost` is what some client did not get."""

    delays_ms: list[float]
    lost: int

    def at(self, share: float) -> float:
        return sorted(self.delays_ms)[int(len(self.delays_ms) * share)]


async def listen(
    address: str, token: str, bids: int, heard: dict[int, float], ready: asyncio.Event
) -> None:
    """Note how late each bid arrives, by its price, until all have."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
    head = f"GET /v1/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    ready.set()
    try:
        while len(heard) < bids and (line := await reader.readline()):
            if line.startswith(b"data:") and b'"BidPlaced"' in line:
                bid = json.loads(line[5:])
                heard[bid["price_minor"]] = time.time() * 1000 - bid["at_ms"]
    finally:
        writer.close()


async def all_hear(address: str, tokens: list[str], bids: int, pipe: Any) -> None:
    heard: list[dict[int, float]] = [{} for _ in tokens]
    readies = [asyncio.Event() for _ in tokens]
    tasks = []
    for token, into, ready in zip(tokens, heard, readies, strict=True):
        tasks.append(asyncio.create_task(listen(address, token, bids, into, ready)))
        await ready.wait()
    pipe.send("ready")
    _, late = await asyncio.wait(tasks, timeout=bids * EACH_SECONDS + LAST_SECONDS_MAX)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    delays = [delay for one in heard for delay in one.values()]
    pipe.send((delays, sum(bids - len(one) for one in heard)))


def clients(address: str, tokens: list[str], bids: int, pipe: Any) -> None:
    asyncio.run(all_hear(address, tokens, bids, pipe))


async def heard_by_all(address: str, tokens: list[str], bids: int, say: Any) -> Heard:
    """Let a process of its own hold the clients while `say` says each bid."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=clients, args=(address, tokens, bids, theirs))
    process.start()
    try:
        await asyncio.to_thread(ours.recv)
        for number in range(bids):
            await say(number)
            await asyncio.sleep(EACH_SECONDS)
        delays, lost = await asyncio.to_thread(ours.recv)
    finally:
        process.join(30)
    return Heard(delays, lost)


async def by_the_market(folder: Path, listeners: int, bids: int) -> Heard:
    command = [sys.executable, "-m", "services.cli", "serve", "--data", str(folder)]
    server = await asyncio.create_subprocess_exec(*command, "--port", "0", "--json", stdout=PIPE)
    assert server.stdout is not None
    url = json.loads(await server.stdout.readline())["url"]
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            first = json.loads((folder / "first-tokens.json").read_text())
            world = await build(http, first)
            auction = await _opened(world)
            tokens = await _tokens(Client(http, first["operator"]), listeners)

            async def bid(number: int) -> None:
                client = world.clients[("anna", "bole")[number % 2]]
                wish = {"currency": "CNY", "max_price_minor": 1_000_00 + (number + 1) * STEP_MINOR}
                await client.post(f"/v1/auctions/{auction}/bids", f"bid-{number}", wish)

            return await heard_by_all(url.removeprefix("http://"), tokens, bids, bid)
    finally:
        server.terminate()
        await server.wait()


async def _opened(world: World) -> str:
    supplier = world.clients["statistics"]
    now_ms = (await supplier.get("/v1/venue"))["now_ms"]
    terms = {
        "format": "english",
        "currency": "CNY",
        "starts_at_ms": now_ms,
        "ends_at_ms": now_ms + AUCTION_MS,
        "start_price_minor": 1_000_00,
        "increments": [{"below_minor": None, "increment_minor": 1}],
    }
    path = f"/v1/listings/{world.listing_ids['auction']}/auctions"
    opened: dict[str, Any] = await supplier.post(path, "auction", {"terms": terms})
    return str(opened["id"])


async def _tokens(operator: Client, listeners: int) -> list[str]:
    tokens: list[str] = []
    while len(tokens) < listeners:
        name = f"listener-{len(tokens)}"
        body = {"name": name, "kind": "enterprise", "roles": ["buyer"]}
        party = await operator.post("/v1/parties", f"{name}-party", body)
        path = f"/v1/parties/{party['id']}"
        await operator.post(f"{path}/verification", f"{name}-v", {"method": "b", "evidence": "b"})
        await operator.post(f"{path}/approval", f"{name}-a")
        token = (await operator.post(f"{path}/tokens", f"{name}-t", {"role": "buyer"}))["token"]
        tokens += [token] * PER_PARTY
    return tokens[:listeners]


async def by_a_bare_server(listeners: int, bids: int) -> Heard:
    server = Broadcast()
    address = await server.start()

    async def say(number: int) -> None:
        bid = {"type": "BidPlaced", "price_minor": number, "at_ms": time.time() * 1000}
        await server.say(f"id: {number}\nevent: BidPlaced\ndata: {json.dumps(bid)}\n\n".encode())

    try:
        return await heard_by_all(address, [""] * listeners, bids, say)
    finally:
        await server.stop()


def main() -> None:
    options = arguments(__doc__ or "", listeners=1_000, bids=100)
    with tempfile.TemporaryDirectory() as name:
        market = asyncio.run(by_the_market(Path(name), options.listeners, options.bids))
    bare = asyncio.run(by_a_bare_server(options.listeners, options.bids))
    rows = [
        Row("events that did not reach a client", market.lost, "events", 0, True),
        Row("from a bid to all clients, p50", market.at(0.5), "ms"),
        Row("from a bid to all clients, p99", market.at(0.99), "ms", 1_000, True),
        Row("a bare server, p50", bare.at(0.5), "ms"),
        Row("a bare server, p99", bare.at(0.99), "ms"),
        Row("p50 against the bare server", market.at(0.5) / bare.at(0.5), "x"),
    ]
    show(f"{options.listeners} clients of the stream on one worker", rows, options.json)


if __name__ == "__main__":
    main()
