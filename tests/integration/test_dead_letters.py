"""Commands that could not be read: put aside, listed, and sent once more when they can be."""

import asyncio
import base64
import json

import pytest
from aiokafka import AIOKafkaProducer

from schemas.events import MatchingDeadLetter, SettlementDeadLetter
from schemas.events.trail import Header
from services.cluster.dead_letters import Put, Retried, dead_letters, retry
from streams.kafka.publisher import Publisher
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import ensure_topics
from streams.kafka.wire import to_wire
from streams.log import LogError
from streams.postgres import create
from tests.builders.broker import Broker
from tests.builders.cli import run
from tests.builders.market import T0
from tests.builders.recorded import commands
from tests.builders.small_cluster import VENUE, at_work, say, settings_of, settled

pytestmark = pytest.mark.long
SECRET = b'{"type":"PlaceBid","id":"bid_1","max_price_minor":"four thousand"}'
FROM_GATEWAY = [("ce_source", b"/venues/gx/gateway")]


def test_what_a_service_put_aside_is_listed_without_its_bytes(
    own_broker: Broker, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(own_broker.address)
    asyncio.run(with_one_unreadable(settings, database))
    log = ("--log", f"kafka://{own_broker.address}")
    assert run("dead-letters", "list", *log, "--json") == 0
    told = capsys.readouterr().out
    (letter,) = json.loads(told)
    assert (letter["service"], letter["topic"]) == ("settlement", "settlement.commands")
    assert letter["size_bytes"] == len(SECRET)
    assert run("dead-letters", "show", letter["id"], *log) == 0
    shown = capsys.readouterr().out
    for text in (told, shown):
        assert "four thousand" not in text
        assert base64.b64encode(SECRET).decode() not in text
    assert run("dead-letters", "show", letter["id"], *log, "--raw") == 0
    assert base64.b64encode(SECRET).decode() in capsys.readouterr().out
    assert run("dead-letters", "retry", letter["id"], *log) == 1
    assert "still cannot be read" in capsys.readouterr().err
    assert run("dead-letters", "retry", "nothing", *log) == 2
    assert run("dead-letters", "list") == 2
    assert run("dead-letters", "list", "--log", "kafka://127.0.0.1:9") == 3


async def with_one_unreadable(settings: KafkaSettings, database: str) -> None:
    await ensure_topics(settings)
    create(database, VENUE)
    async with at_work(settings, database) as trail:
        await say(settings, commands(bids=1)[:3])
        producer = AIOKafkaProducer(**settings.client())
        await producer.start()
        where = {"topic": "settlement.commands", "partition": 0, "headers": FROM_GATEWAY}
        await producer.send_and_wait(value=SECRET, **where)
        await producer.stop()
        await settled(settings, trail)


def test_a_command_is_sent_again_once_and_an_event_never(own_broker: Broker) -> None:
    asyncio.run(sent_again(settings_of(own_broker.address)))


async def sent_again(settings: KafkaSettings) -> None:
    """As if an older version had put aside what this one can read."""
    await ensure_topics(settings)
    publisher = Publisher(settings, VENUE)
    await publisher.start()
    value, headers = to_wire(publisher.record(commands(bids=1)[0]))
    about = {
        "at_ms": T0,
        "partition": 0,
        "offset": 0,
        "reason": "unknown field",
        "value": base64.b64encode(value).decode(),
        "headers": tuple(Header(name=n, value=base64.b64encode(v).decode()) for n, v in headers),
    }
    command = SettlementDeadLetter(id="letter-1", topic="settlement.commands", **about)
    event = MatchingDeadLetter(id="letter-2", topic="ledger", **about)
    first = await publisher.publish(commands(bids=1)[0])
    for letter in (command, event):
        await publisher.publish(letter)
    await publisher.stop()
    puts = {put.letter.id: put for put in await dead_letters(settings, VENUE)}
    assert puts == {"letter-1": Put("settlement", command), "letter-2": Put("matching", event)}

    assert await retry(settings, puts["letter-1"]) == Retried(first + 1, before=False)
    assert await retry(settings, puts["letter-1"]) == Retried(first + 1, before=True)
    assert await retry(settings, puts["letter-1"], again=True) == Retried(first + 2, before=False)
    with pytest.raises(LogError, match="is an event of settlement"):
        await retry(settings, puts["letter-2"])
