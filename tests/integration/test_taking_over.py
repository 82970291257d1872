"""A worker takes a venue up where its own records say, waits its turn however long, and goes no
further where its inputs are no more.
"""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from market.steps import TICK_GRACE_MS
from schemas.base import Command
from schemas.commands import Deposit
from schemas.topics import PARTITION_OF_VENUE, Service
from services.audit.replay import replay_log
from services.audit.sequencer import SEQUENCED
from services.commands import Exit
from streams.kafka.commit import group_of
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import ensure_topics
from streams.kafka.wire import from_wire
from streams.kafka.worker import IDLE_SESSIONS_MAX
from streams.memory import MemoryLog
from tests.builders.broker import Broker
from tests.builders.crash import publish, url
from tests.builders.fleet import fleet, until
from tests.builders.inloop import Member, working
from tests.builders.judgement import judge, trail_of
from tests.builders.market import T0
from tests.builders.recorded import HOUR_MS, commands
from tests.builders.topics import VENUE
from tests.builders.wishes import founding
from tests.builders.witness import Witness, witness
from tests.builders.worker import command
from tests.component.test_runner import run_in_groups
from tests.component.test_sequencer import events

pytestmark = pytest.mark.long
ALL = sorted(PARTITION_OF_VENUE)
COMMANDS = TopicPartition("settlement.commands", PARTITION_OF_VENUE[VENUE])


def trail(reader: Witness) -> MemoryLog:
    number = PARTITION_OF_VENUE[VENUE]
    return trail_of(
        VENUE,
        {
            topic: [
                from_wire(topic, number, raw.offset, raw.value or b"", raw.headers)
                for raw in reader.seen[topic, number]
            ]
            for topic in SEQUENCED
        },
    )


async def say(settings: KafkaSettings, reader: Witness, said: list[Command]) -> None:
    await publish(settings, VENUE, said)
    await reader.wait_until_quiet()


def deposits(count: int) -> list[Command]:
    return [
        Deposit(
            id=f"trf_{number}",
            at_ms=T0,
            party_id=f"pty_{VENUE}b0",
            operator_id="pty_operator",
            currency="CNY",
            amount_minor=1,
            reference=f"bank {number}",
        )
        for number in range(count)
    ]


def test_fed_one_at_a_time_kafka_gives_the_events_of_the_embedded_log(own_broker: Broker) -> None:
    """Byte for byte, places on topics and seals aside; and what is recorded replays."""
    expected = events(run_in_groups(1))
    now = [T0]

    async def feed() -> MemoryLog:
        settings = KafkaSettings.parse(url(own_broker))
        await ensure_topics(settings)
        async with working(settings, now_ms=lambda: now[0]), witness(own_broker.address) as reader:
            for command in commands():
                await say(settings, reader, [command])
            now[0] = T0 + HOUR_MS + TICK_GRACE_MS
            async with asyncio.timeout(30):
                while len(events(trail(reader))) < len(expected):
                    await reader.wait_until_quiet()
            return trail(reader)

    fed = asyncio.run(feed())
    assert len(expected) > 300
    assert events(fed) == expected
    assert replay_log(fed).findings == []


def test_offsets_that_the_broker_forgot_are_in_the_seals(own_broker: Broker) -> None:
    """As it does of a group that nobody was in for a week."""

    async def restart() -> list[str]:
        settings = KafkaSettings.parse(url(own_broker))
        await ensure_topics(settings)
        first = founding(VENUE, T0)[0]
        async with witness(own_broker.address) as reader:
            async with working(settings):
                await say(settings, reader, first)
            await set_back(own_broker.address)
            async with working(settings):
                await say(settings, reader, deposits(3))
            said = {VENUE: [*first, *deposits(3)]}
            return judge(own_broker.kafka.folder / "kafka-data", reader.seen, said).faults

    assert asyncio.run(restart()) == []


async def set_back(address: str) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, group_id=group_of(Service.SETTLEMENT), enable_auto_commit=False
    )
    await consumer.start()
    consumer.assign([COMMANDS])
    await consumer.commit({COMMANDS: 0})
    await consumer.stop()


def test_a_member_that_waits_for_partitions_is_not_left_out(own_broker: Broker) -> None:
    async def wait() -> None:
        settings = KafkaSettings.parse(url(own_broker), session_ms=1_000)
        await ensure_topics(settings)
        async with working(settings, [Service.MATCHING] * (len(ALL) + 1)) as members:
            await until(lambda: owned(members) == ALL)
            (waiting,) = (member for member in members if not member.venues)
            await asyncio.sleep(1.2 * IDLE_SESSIONS_MAX * settings.session_ms / 1_000)
            for member in members:
                if member is not waiting:
                    await member.stop()
            await until(lambda: owned([waiting]) == ALL)

    asyncio.run(wait())


def owned(members: list[Member]) -> list[str]:
    return sorted(venue for member in members for venue in member.venues)


def test_inputs_that_are_no_more_stop_the_service(own_broker: Broker, tmp_path: Path) -> None:
    """It must not go on where the topic begins by now, as consumers like to."""

    async def lose() -> None:
        settings = KafkaSettings.parse(url(own_broker))
        await ensure_topics(settings)
        async with witness(own_broker.address) as reader, working(settings):
            await say(settings, reader, founding(VENUE, T0)[0])
        await publish(settings, VENUE, deposits(5))
        await delete_before(own_broker.address, 20)
        name = "settlement-1"
        async with fleet(tmp_path, {name: command(url(own_broker), name)}) as services:
            await until(lambda: services.exits[Exit.AGAIN] > 0)
        assert "OffsetOutOfRangeError" in services.log(name).read_text()

    asyncio.run(lose())


async def delete_before(address: str, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.delete_records({COMMANDS: RecordsToDelete(offset)})
    finally:
        await admin.close()
