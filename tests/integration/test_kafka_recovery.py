"""A partition is taken up where its own records left it: from events alone, or from the newest
whole snapshot and what came after it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from market.steps import own_topics
from schemas.base import Command
from schemas.envelope import encode
from schemas.topics import PARTITION_OF_VENUE, Service
from streams.kafka.commit import CommitFailed, Committer
from streams.kafka.recovery import PIECE_BYTES, Piece, pieces, recover
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import ensure_topics
from streams.log import LogBroken
from streams.steps import Input, Stepper
from tests.builders.broker import Broker
from tests.builders.recorded import commands

pytestmark = pytest.mark.long
SERVICE = Service.SETTLEMENT


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        yield KafkaSettings.parse(f"kafka://{broker.address}")


class Desk:
    """Settlement without its group: commands are taken straight from the test."""

    def __init__(self, settings: KafkaSettings, venue: str) -> None:
        self.settings = settings
        self.venue = venue
        self.stepper = Stepper(SERVICE, venue)
        self.positions = dict.fromkeys(own_topics(SERVICE), 0)
        self.committer = Committer(settings, SERVICE, PARTITION_OF_VENUE[venue])

    async def take(self, said: list[Command], snapshot: list[Piece] = []) -> None:  # noqa: B006
        topic = "settlement.commands"
        inputs = [
            Input(topic, n, command, command.id, command.id) for n, command in enumerate(said)
        ]
        ends = await self.committer.commit(self.stepper.take(inputs), {}, snapshot)
        self.positions |= {topic: ends[topic] for topic in self.positions if topic in ends}

    def snapshot(self) -> list[Piece]:
        return pieces(self.stepper, self.positions, {})

    async def again(self) -> Stepper:
        """Take up anew, as a successor does: fencing also waits until the last commit is seen."""
        partition = PARTITION_OF_VENUE[self.venue]
        await self.committer.stop()
        self.committer = Committer(self.settings, SERVICE, partition)
        await self.committer.start()
        return (await recover(self.settings, SERVICE, self.venue, partition))[0]


def for_settlement() -> Iterator[Command]:
    return (command for command in commands(12) if type(command).__name__ in _SETTLEMENTS)


_SETTLEMENTS = {"OpenVenue", "RegisterParty", "ApproveParty", "Deposit", "PlaceBid"}


@asynccontextmanager
async def opened(settings: KafkaSettings, venue: str) -> AsyncIterator[Desk]:
    """Each test has a venue of its own."""
    await ensure_topics(settings)
    desk = Desk(settings, venue)
    await desk.committer.start()
    try:
        yield desk
    finally:
        await desk.committer.stop()


def same(one: Stepper, other: Stepper) -> bool:
    return (encode(one.state), one.sequence, one.commit) == (
        encode(other.state),
        other.sequence,
        other.commit,
    )


def test_state_is_the_fold_of_own_events_or_snapshot_and_rest(
    settings: KafkaSettings,
) -> None:
    async def live() -> None:
        async with opened(settings, "gx") as desk:
            said = list(for_settlement())
            await desk.take(said[:5])
            assert same(await desk.again(), desk.stepper)
            await desk.take(said[5:12], desk.snapshot())
            assert same(await desk.again(), desk.stepper)
            await desk.take(said[12:20], desk.snapshot())
            await desk.take(said[20:])
            assert same(await desk.again(), desk.stepper)
            assert desk.stepper.sequence > 20

    asyncio.run(live())


def test_a_damaged_or_half_snapshot_is_passed_over(settings: KafkaSettings) -> None:
    async def live() -> None:
        async with opened(settings, "nn") as desk:
            said = list(for_settlement())
            await desk.take(said[:5])
            good = desk.snapshot()
            await desk.take(said[5:9], good)
            broken = [piece._replace(value=piece.value[:-1]) for piece in desk.snapshot()]
            await desk.take(said[9:12], broken)
            assert same(await desk.again(), desk.stepper)

    asyncio.run(live())


def test_a_snapshot_is_what_shortens_the_way(settings: KafkaSettings) -> None:
    """One that claims another state is believed: so the tests above do read it."""

    async def live() -> None:
        async with opened(settings, "lz") as desk:
            said = list(for_settlement())
            await desk.take(said[:5])
            now = desk.stepper
            empty = Stepper(SERVICE, "lz", sequence=now.sequence, commit=now.commit)
            await desk.take(said[5:6], pieces(empty, desk.positions, {}))
            assert not same(await desk.again(), desk.stepper)

    asyncio.run(live())


def test_events_that_are_missing_stop_the_service(settings: KafkaSettings) -> None:
    async def live() -> None:
        async with opened(settings, "gl") as desk:
            said = list(for_settlement())
            await desk.take(said[:5])
            beyond = desk.positions["ledger"] + 2  # the marker, and one event
            await desk.take(
                said[5:9], pieces(desk.stepper, desk.positions | {"ledger": beyond}, {})
            )
            with pytest.raises(LogBroken, match="missing after sequence"):
                await desk.again()

    asyncio.run(live())


def test_who_was_fenced_says_so_however_often_it_tries(settings: KafkaSettings) -> None:
    async def live() -> None:
        async with opened(settings, "gx") as desk:
            newer = Committer(settings, SERVICE, PARTITION_OF_VENUE["gx"])
            await newer.start()
            for _ in range(2):
                with pytest.raises(CommitFailed, match="ProducerFenced"):
                    await desk.committer.commit([], {"settlement.commands": 0})
            await newer.stop()

    asyncio.run(live())


def test_a_large_state_goes_in_pieces() -> None:
    stepper = Stepper(SERVICE, "gx")
    parts = pieces(stepper, {}, {})
    assert len(parts) == 1
    assert len(parts[0].value) < PIECE_BYTES
