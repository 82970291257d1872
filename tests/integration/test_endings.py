"""A commit whose end the broker did not bring to a topic: the next worker makes of it what others
have seen of it, and the same worker ends it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from market.steps import own_topics
from schemas.envelope import encode
from schemas.topics import PARTITION_OF_VENUE, Service
from streams.kafka.commit import Committer
from streams.kafka.endings import HANGING_SECONDS, SILENCE_SECONDS, Endings, end_former, written
from streams.kafka.inspection import hanging
from streams.kafka.reader import read_to_end
from streams.kafka.recovery import recover
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import administering, ensure_topics
from streams.steps import Input, Stepper
from tests.builders.broker import Broker
from tests.builders.recorded import commands

pytestmark = pytest.mark.long
SERVICE = Service.SETTLEMENT
KINDS = {"OpenVenue", "RegisterParty", "ApproveParty", "Deposit"}
SAID = [command for command in commands(12) if type(command).__name__ in KINDS]
ELSEWHERE = "alerts"  # where the transactions end that do not where they should


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """Of a broker that takes records of transactions of which the coordinator knows nothing."""
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        made = KafkaSettings.parse(f"kafka://{broker.address}")
        asyncio.run(unchecked(made))
        yield made


async def unchecked(settings: KafkaSettings) -> None:
    await ensure_topics(settings)
    loose = {"transaction.partition.verification.enable": "false"}
    async with administering(settings) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", loose)])


class Desk(Committer):
    """Settlement without its group, whose commits do not end in the topics `silent`."""

    def __init__(self, settings: KafkaSettings, venue: str) -> None:
        super().__init__(settings, SERVICE, PARTITION_OF_VENUE[venue])
        self.settings = settings
        self.venue = venue
        self.number = PARTITION_OF_VENUE[venue]
        self.stepper = Stepper(SERVICE, venue)
        self.silent: list[str] = []

    async def _begin(self, topics: Iterable[str]) -> None:
        await super()._begin([*topics, *([ELSEWHERE] if self.silent else [])])
        places = {TopicPartition(topic, self.number) for topic in self.silent}
        self._producer._txn_manager._txn_partitions |= places

    async def take(self, first: int, last: int, silent: Iterable[str] = ()) -> None:
        assert await self.hang() == []  # the end of the last commit is on its way for a moment
        self.silent = list(silent)
        inputs = [
            Input("settlement.commands", number, SAID[number], SAID[number].id, SAID[number].id)
            for number in range(first, last)
        ]
        await self.commit(self.stepper.take(inputs), {})
        self.silent = []

    async def take_over(self) -> None:
        await end_former(self.settings, SERVICE, self.venue, self.number, self)
        self.stepper, _, _ = await recover(self.settings, SERVICE, self.venue, self.number)

    async def hang(self) -> list[str]:
        return await hanging(self.settings, self.number, written(SERVICE), HANGING_SECONDS)


@asynccontextmanager
async def desk(settings: KafkaSettings, venue: str) -> AsyncIterator[Desk]:
    made = Desk(settings, venue)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def sequences(settings: KafkaSettings, venue: str) -> list[int]:
    """Return those of what anybody may read."""
    start = dict.fromkeys(own_topics(SERVICE), 0)
    events = [
        record
        async for record in read_to_end(settings, PARTITION_OF_VENUE[venue], start)
        if not record.topic.endswith(".inputs")
    ]
    return sorted(int(dict(record.headers)["ce_sequence"]) for record in events)


def same(one: Stepper, other: Stepper) -> bool:
    return (encode(one.state), one.sequence) == (encode(other.state), other.sequence)


def test_a_commit_of_which_nothing_is_seen_is_void_and_its_inputs_are_taken_again(
    settings: KafkaSettings,
) -> None:
    async def live() -> int:
        async with desk(settings, "gx") as former:
            await former.take(0, 5)
            sequence = former.stepper.sequence
            await former.take(5, 9, silent=own_topics(SERVICE))
            assert await former.hang() != []
        async with desk(settings, "gx") as latter:
            await latter.take_over()
            assert latter.stepper.sequence == sequence
            assert await latter.hang() == []
            await latter.take(5, 9)
            assert same(latter.stepper, former.stepper)
            last = latter.stepper.sequence
        assert await sequences(settings, "gx") == list(range(1, last + 1))
        return last

    assert asyncio.run(live()) > 9


def test_a_commit_that_is_seen_in_part_is_committed(settings: KafkaSettings) -> None:
    async def live() -> None:
        async with desk(settings, "nn") as former:
            await former.take(0, 5)
            await former.take(5, 9, silent=["ledger"])
            assert await former.hang() == ["ledger"]
        async with desk(settings, "nn") as latter:
            await latter.take_over()
            assert same(latter.stepper, former.stepper)
            assert await latter.hang() == []

    asyncio.run(live())


def test_after_a_silence_of_the_broker_a_commit_is_ended_again(settings: KafkaSettings) -> None:
    async def live() -> None:
        now = 100.0
        async with desk(settings, "lz") as one:
            endings = Endings(settings, SERVICE, one.number, one, lambda: now)
            await endings.check([1], {})
            await one.take(0, 9, silent=own_topics(SERVICE))
            now += SILENCE_SECONDS
            await endings.check([2], {})
            assert await one.hang() != []
            now += SILENCE_SECONDS + 0.1
            await endings.check([2], {})
            assert await one.hang() != []
            await endings.check([3], {"settlement.commands": 9})
            assert await one.hang() == []
            last = one.stepper.sequence
        assert await sequences(settings, "lz") == list(range(1, last + 1))

    asyncio.run(live())
