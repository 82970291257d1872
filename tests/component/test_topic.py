"""The topics of a folder and the end of one: what is sealed shows its leaf hash alone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.topics import TOPICS
from services.commands.topic import app
from tests.builders.exchange import Exchange

ROOT = Path(__file__).parents[2]
CANARY = 773_311_559


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """A running market with a sealed auction and a bid of an unmistakable amount."""
    market = Exchange(tmp_path_factory.mktemp("topics") / "market")
    market.party("seller", "supplier")
    market.party("anna", "buyer", money=10_000_000_000)
    auction_id = market.auction("seller", lasts_ms=600_000, format="sealed_first_price")
    bid = {"currency": "CNY", "max_price_minor": CANARY}
    market.ok("anna", "POST", f"/v1/auctions/{auction_id}/bids", bid)
    market.auction_id = auction_id
    yield market
    market.close()


def tail(market: Exchange, *arguments: str) -> list[dict]:
    data = ("--data", str(market.process.folder), "--json")
    done = CliRunner().invoke(app, ["tail", *arguments, *data])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_topic_is_listed_with_its_writer_readers_and_length(market: Exchange) -> None:
    done = CliRunner().invoke(app, ["list", "--data", str(market.process.folder), "--json"])
    rows = {row["topic"]: row for row in json.loads(done.stdout)}
    assert list(rows) == [topic.name for topic in TOPICS]
    assert rows["bids"]["writer"] == "matching"
    assert rows["bids"]["readers"] == ["settlement"]
    assert rows["bids"]["last_offset"] == rows["bids"]["messages"] - 1
    assert sum(row["messages"] for row in rows.values()) == market.process.log.size


def test_the_last_messages_come_in_order(market: Exchange) -> None:
    whole = tail(market, "ledger", "-n", "10000")
    assert [shown["record"]["offset"] for shown in whole if not shown["sealed"]][:4] == [0, 1, 2, 3]
    assert tail(market, "ledger", "-n", "3") == whole[-3:]
    assert tail(market, "ledger", "-n", "0") == []


def test_a_sealed_bid_is_nowhere_before_the_end_and_there_afterwards(market: Exchange) -> None:
    everything = [tail(market, topic.name, "-n", "10000") for topic in TOPICS]
    assert str(CANARY) not in json.dumps(everything)
    assert sum(shown["sealed"] for topic in everything for shown in topic) == 3
    for topic in TOPICS:
        data = ("--data", str(market.process.folder), "-n", "10000")
        plain = CliRunner().invoke(app, ["tail", topic.name, *data])
        assert plain.exit_code == 0
        assert str(CANARY) not in plain.output
    reason = {"reason": "outage"}
    market.ok("operator", "POST", f"/v1/auctions/{market.auction_id}/cancellation", reason)
    afterwards = [tail(market, topic.name, "-n", "10000") for topic in TOPICS]
    assert str(CANARY) in json.dumps(afterwards)
    assert not any(shown["sealed"] for topic in afterwards for shown in topic)


def test_an_unknown_topic_is_told_with_those_there_are(market: Exchange) -> None:
    data = ("--data", str(market.process.folder))
    done = CliRunner().invoke(app, ["tail", "bid", *data])
    assert "there is no topic 'bid'; there are settlement.commands" in str(done.exception)


def test_following_prints_what_is_written_until_it_is_interrupted(market: Exchange) -> None:
    arguments = ["topic", "tail", "ledger", "-n", "1", "--follow", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "services.cli", *arguments, "--data", str(market.process.folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        last = json.loads(following.stdout.readline())
        market.party("bole", "buyer")
        assert json.loads(following.stdout.readline())["position"] > last["position"]
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 0
