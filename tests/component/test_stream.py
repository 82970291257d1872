"""The stream of public events: resumes where it ended and gives away nothing that is sealed."""

import asyncio
import json
from pathlib import Path

import pytest

from schemas.envelope import decode_record
from services.gateway.feed import PUBLIC_TOPICS, Feed, read_public
from services.gateway.problems import Problem
from services.gateway.sealed import public_view
from services.gateway.settings import EdgeSettings
from streams.embedded import EmbeddedReader
from tests.builders.recorded import record


def public_positions(log: EmbeddedReader, start: int) -> list[int]:
    stored = log.read(start, 10_000, PUBLIC_TOPICS)
    return [at for at, body in stored if public_view(decode_record(body).data) is not None]


async def hear(made: Feed, start: int, count: int, caller: str = "anna") -> list[tuple[int, dict]]:
    """Listen from a position on until so many events have come."""
    heard: list[tuple[int, dict]] = []
    stream = made.listen(caller, start)
    assert await anext(stream) == f": from {start}\n\n"
    while len(heard) < count:
        id_line, event_line, data_line = (await anext(stream)).strip().split("\n")
        data = json.loads(data_line.removeprefix("data: "))
        assert event_line == f"event: {data['type']}"
        heard.append((int(id_line.removeprefix("id: ")), data))
    await stream.aclose()
    return heard


def collect(log: EmbeddedReader, start: int) -> list[tuple[int, dict]]:
    count = len(public_positions(log, start))
    return asyncio.run(hear(Feed(log, EdgeSettings()), start, count))


def test_events_come_in_order_and_resume_after_the_last_id(tmp_path: Path) -> None:
    record(tmp_path)
    log = EmbeddedReader(tmp_path)
    everything = collect(log, 0)
    positions = [position for position, _ in everything]
    assert positions == public_positions(log, 0)
    assert {"AuctionOpened", "BidPlaced", "TradeExecuted"} <= {
        data["type"] for _, data in everything
    }
    middle = positions[len(positions) // 2]
    assert collect(log, middle + 1) == [pair for pair in everything if pair[0] > middle]
    log.close()


class Ahead:
    """A log to which more is appended between a look at its size and the reading of it."""

    venue = "gx"

    def __init__(self, log: EmbeddedReader) -> None:
        self._log = log

    @property
    def size(self) -> int:
        return self._log.size // 2

    def read(self, start: int, limit: int, topics: frozenset[str]) -> list:
        return list(self._log.read(start, limit, topics))


def test_what_is_appended_while_the_log_is_read_is_told_once(tmp_path: Path) -> None:
    record(tmp_path)
    log = EmbeddedReader(tmp_path)
    end, shown = read_public(Ahead(log), 0)
    assert [position for position, _ in shown] == public_positions(log, 0)
    assert end > shown[-1][0], "so that the next reading begins behind what was told"
    log.close()


class Growing:
    """A log that ends where the test says, and counts how often it is read."""

    venue = "gx"

    def __init__(self, log: EmbeddedReader, size: int) -> None:
        self._log = log
        self.size = size
        self.reads = 0

    def read(self, start: int, limit: int, topics: frozenset[str]) -> list:
        self.reads += 1
        found = self._log.read(start, limit, topics)
        return [stored for stored in found if stored.position < self.size]


@pytest.mark.parametrize("recent", [3, 5_000])
def test_many_listeners_share_one_reader_and_miss_nothing(tmp_path: Path, recent: int) -> None:
    """Also those that fall behind what is kept."""
    record(tmp_path)
    reader = EmbeddedReader(tmp_path)
    whole = reader.size
    log = Growing(reader, whole // 2)
    wanted = public_positions(reader, whole // 2)

    async def many() -> list[list[tuple[int, dict]]]:
        made = Feed(log, EdgeSettings(streams_per_caller=50), recent)
        listening = [
            asyncio.create_task(hear(made, whole // 2, len(wanted), f"caller-{number % 3}"))
            for number in range(40)
        ]
        while log.size < whole:
            await asyncio.sleep(0)
            log.size += 1
        return await asyncio.gather(*listening)

    for heard in asyncio.run(many()):
        assert [position for position, _ in heard] == wanted
    if recent > len(wanted):
        assert log.reads <= whole - whole // 2, "not once for each listener"
    reader.close()


def test_a_caller_may_listen_a_limited_number_of_times(tmp_path: Path) -> None:
    record(tmp_path)
    log = EmbeddedReader(tmp_path)

    async def listen() -> None:
        made = Feed(log, EdgeSettings(streams_per_caller=2, streams=3))
        streams = [made.listen(who, log.size) for who in ("anna", "anna", "bole")]
        for stream in streams:
            await anext(stream)
        for who, status in (("anna", 429), ("chen", 503)):
            with pytest.raises(Problem) as raised:
                made.check_room(who)
            assert raised.value.status == status
        await streams[0].aclose()
        made.check_room("anna")
        for stream in streams[1:]:
            await stream.aclose()

    asyncio.run(listen())
    log.close()


def test_no_maximum_nonce_or_bidder_is_in_the_stream(tmp_path: Path) -> None:
    record(tmp_path)
    log = EmbeddedReader(tmp_path)
    text = json.dumps(collect(log, 0))
    log.close()
    for secret in ("max_price_minor", "nonce", "pty_anna", "pty_bole"):
        assert secret not in text
