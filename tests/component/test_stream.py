"""The stream of public events: resumes where it ended and gives away nothing that is sealed."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

from services.gateway.routes.trail import _events
from streams.embedded import EmbeddedReader
from tests.builders.recorded import record


class Listening:
    """A client that hangs up after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    async def is_disconnected(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def collect(log: EmbeddedReader, start: int, looks: int = 3) -> list[tuple[int, dict]]:
    async def listen() -> list[str]:
        exchange = SimpleNamespace(log=log)
        return [text async for text in _events(Listening(looks), exchange, start)]

    found = []
    for text in asyncio.run(listen()):
        if text.startswith("id: "):
            id_line, event_line, data_line = text.strip().split("\n")
            data = json.loads(data_line.removeprefix("data: "))
            assert event_line == f"event: {data['type']}"
            found.append((int(id_line.removeprefix("id: ")), data))
    return found


def test_events_come_in_order_and_resume_after_the_last_id(tmp_path: Path) -> None:
    record(tmp_path)
    log = EmbeddedReader(tmp_path)
    everything = collect(log, 0)
    positions = [position for position, _ in everything]
    assert positions == sorted(set(positions))
    assert {"AuctionOpened", "BidPlaced", "TradeExecuted"} <= {
        data["type"] for _, data in everything
    }
    middle = positions[len(positions) // 2]
    assert collect(log, middle + 1) == [pair for pair in everything if pair[0] > middle]
    log.close()


def test_no_maximum_nonce_or_bidder_is_in_the_stream(tmp_path: Path) -> None:
    record(tmp_path)
    log = EmbeddedReader(tmp_path)
    text = json.dumps(collect(log, 0))
    log.close()
    for secret in ("max_price_minor", "nonce", "pty_anna", "pty_bole"):
        assert secret not in text
